import { describe, expect, test } from "@jest/globals";
import { type Json, schemaDifferences } from "./document-breaks.ts";

function differences(promised: Json, found: Json): readonly string[] {
  const part = (node: Json) => ({ root: node, node });
  return schemaDifferences({ promised: part(promised), found: part(found) }, "$");
}

const TEXT = { type: "string" };
const record = (properties: Json, required: readonly string[] = Object.keys(properties)) => ({
  type: "object",
  properties,
  required,
});
const words = (...all: string[]) => ({ type: "string", enum: all });
const kind = (name: string, properties: Json = {}) =>
  record({ kind: { type: "string", const: name }, ...properties });

const AMOUNT = { type: "string", pattern: "^-?\\d+$" };
const shared = (name: string, schema: Json) => ({
  $defs: { [name]: schema, Record: record({ amount: { $ref: `#/$defs/${name}` } }) },
  $ref: "#/$defs/Record",
});

/** Refers to itself, as the schema of any JSON value does. */
const anyJson = (...more: Json[]) => ({
  $defs: {
    Json: {
      anyOf: [TEXT, { type: "array", items: { $ref: "#/$defs/Json" } }, ...more],
    },
  },
  $ref: "#/$defs/Json",
});

describe("what breaks a reader", () => {
  test.each<[string, Json, Json, string[]]>([
    ["a field is gone", record({ a: TEXT, b: TEXT }), record({ a: TEXT }), ["$.b: is gone"]],
    [
      "an optional field is gone",
      record({ a: TEXT }, []),
      record({ b: TEXT }, []),
      ["$.a: is gone"],
    ],
    [
      "a field may be absent",
      record({ a: TEXT }),
      record({ a: TEXT }, []),
      ["$.a: may be absent, was always there"],
    ],
    [
      "a field may be null",
      record({ a: TEXT }),
      record({ a: { type: ["string", "null"] } }),
      ["$.a: may be null, was string"],
    ],
    [
      "a field may be null, by an alternative",
      record({ a: TEXT }),
      record({ a: { anyOf: [TEXT, { type: "null" }] } }),
      ["$.a: may be null, was string"],
    ],
    [
      "a field has another type",
      record({ a: TEXT }),
      record({ a: { type: "integer" } }),
      ["$.a: may be integer, was string"],
    ],
    [
      "a whole number may have a fraction",
      record({ a: { type: "integer" } }),
      record({ a: { type: "number" } }),
      ["$.a: may be number, was integer"],
    ],
    ["a type is not stated any more", TEXT, {}, ["$: may be of any type, was string"]],
    ["one more word", words("a"), words("a", "b"), ['$: may be "b", was one of "a"']],
    ["any word", words("a", "b"), TEXT, ['$: may be any string, was one of "a", "b"']],
    [
      "another word",
      { type: "string", const: "a" },
      { type: "string", const: "b" },
      ['$: may be "b", was one of "a"'],
    ],
    ["another pattern", AMOUNT, { ...AMOUNT, pattern: ".*" }, ["$: pattern is .*, was ^-?\\d+$"]],
    ["no pattern", AMOUNT, TEXT, ["$: pattern is gone, was ^-?\\d+$"]],
    [
      "a bound is lower",
      { type: "integer", minimum: 1 },
      { type: "integer", minimum: 0 },
      ["$: minimum is 0, was 1"],
    ],
    [
      "a bound is gone",
      { type: "integer", maximum: 9 },
      { type: "integer" },
      ["$: maximum is gone, was 9"],
    ],
    [
      "below a field",
      record({ a: record({ b: TEXT }) }),
      record({ a: record({}) }),
      ["$.a.b: is gone"],
    ],
    [
      "in a list",
      { type: "array", items: record({ a: TEXT }) },
      { type: "array", items: record({}) },
      ["$[].a: is gone"],
    ],
    [
      "in a list of anything",
      { type: "array", items: TEXT },
      { type: "array" },
      ["$[]: may be anything"],
    ],
    [
      "in a map",
      { type: "object", additionalProperties: TEXT },
      { type: "object", additionalProperties: { type: "null" } },
      ["$.*: may be null, was string"],
    ],
    [
      "one more kind of record",
      { oneOf: [kind("run")] },
      { oneOf: [kind("run"), kind("gap")] },
      ['$.kind: may be "gap", was one of "run"'],
    ],
    [
      "in one kind of record",
      { oneOf: [kind("run", { id: TEXT }), kind("gap", { amount: TEXT })] },
      { oneOf: [kind("run", { id: TEXT }), kind("gap")] },
      ["$.amount: is gone"],
    ],
    [
      "in what is referred to",
      shared("Amount", AMOUNT),
      shared("Money", TEXT),
      ["$.amount: pattern is gone, was ^-?\\d+$"],
    ],
    [
      "in what several fields refer to, at each",
      { $defs: { A: AMOUNT }, ...record({ a: { $ref: "#/$defs/A" }, b: { $ref: "#/$defs/A" } }) },
      { $defs: { A: TEXT }, ...record({ a: { $ref: "#/$defs/A" }, b: { $ref: "#/$defs/A" } }) },
      ["$.a: pattern is gone, was ^-?\\d+$", "$.b: pattern is gone, was ^-?\\d+$"],
    ],
    [
      "in what refers to itself",
      anyJson(),
      anyJson({ type: "null" }),
      ["$: may be null, was string"],
    ],
  ])("%s", (_what, promised, found, expected) => {
    expect(differences(promised, found)).toEqual(expected);
  });
});

describe("what breaks no reader", () => {
  test.each<[string, Json, Json]>([
    ["one more field", record({ a: TEXT }), record({ a: TEXT, b: TEXT })],
    ["one more field that may be absent", record({ a: TEXT }), record({ a: TEXT, b: TEXT }, ["a"])],
    ["a field is always there", record({ a: TEXT }, []), record({ a: TEXT })],
    ["a field is never null", record({ a: { type: ["string", "null"] } }), record({ a: TEXT })],
    ["a word less", words("a", "b"), words("a")],
    ["one word of several", words("a", "b"), { type: "string", const: "b" }],
    ["only some words of any text", TEXT, words("a")],
    ["a pattern where there was none", TEXT, AMOUNT],
    ["a narrower bound", { type: "integer", minimum: 0 }, { type: "integer", minimum: 1 }],
    ["a new bound", { type: "integer" }, { type: "integer", maximum: 9 }],
    ["whole numbers of any", { type: "number" }, { type: "integer" }],
    ["anything was possible", {}, record({ a: TEXT })],
    ["a kind of record less", { oneOf: [kind("run"), kind("gap")] }, { oneOf: [kind("gap")] }],
    [
      "kinds in another order",
      { oneOf: [kind("a"), kind("b")] },
      { anyOf: [kind("b"), kind("a")] },
    ],
    ["another name for the same", shared("Amount", AMOUNT), shared("Money", AMOUNT)],
    ["other words about it", { ...TEXT, description: "a" }, { ...TEXT, title: "b" }],
    ["a map of anything", { type: "object" }, { type: "object", additionalProperties: TEXT }],
    ["the same, referring to itself", anyJson(), anyJson()],
  ])("%s", (_what, promised, found) => {
    expect(differences(promised, found)).toEqual([]);
  });
});

describe("nothing is passed over in silence", () => {
  test.each<[string, Json, RegExp]>([
    ["a keyword", { type: "object", not: {} }, /does not understand "not"/],
    ["one beside alternatives", { anyOf: [TEXT], required: ["a"] }, /understand "required"/],
    ["a way out", { $ref: "other.json#/a" }, /leads out of the document/],
    ["a way to nowhere", { $ref: "#/$defs/None" }, /leads nowhere/],
  ])("%s", (_what, schema, message) => {
    expect(() => differences(schema, TEXT)).toThrow(message);
    expect(() => differences(TEXT, schema)).toThrow(message);
  });
});
