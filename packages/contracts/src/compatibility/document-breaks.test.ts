import { describe, expect, test } from "@jest/globals";
import { documentBreaks, type Json } from "./document-breaks.ts";

type Change = (document: Json) => Json;

/** A copy in which what lies at the path is replaced; undefined takes it away. */
const at =
  (path: string, value: unknown): Change =>
  (document) => {
    const copy = structuredClone(document) as Record<string, unknown>;
    const steps = path.split(" ");
    const last = steps.pop() ?? "";
    let node = copy;
    for (const step of steps) {
      node[step] ??= {};
      node = node[step] as Record<string, unknown>;
    }
    if (value === undefined) delete node[last];
    else node[last] = value;
    return copy;
  };

function breaks(path: string, document: Json, change: Change): readonly string[] {
  return documentBreaks(new Map([[path, document]]), new Map([[path, change(document)]]));
}

const json = (schema: Json) => ({ content: { "application/json": { schema } } });
const problem = (schema: Json) => ({ content: { "application/problem+json": { schema } } });
const parameter = (name: string, schema: Json, required = false) => ({
  name,
  in: "query",
  required,
  schema,
});
const BALANCE = { type: "object", properties: { id: { type: "string" } }, required: ["id"] };
const LIMIT = { type: "integer", minimum: 1, maximum: 1000 };
const GET = "paths /v1/balances get";

const OPEN_API: Json = {
  openapi: "3.1.0",
  paths: {
    "/v1/balances": {
      get: {
        parameters: [
          parameter("limit", LIMIT),
          parameter("provider", { type: "string", enum: ["a", "b"] }),
        ],
        responses: {
          200: json({ $ref: "#/components/schemas/Balance" }),
          400: problem({ type: "object", properties: { code: { type: "string" } } }),
        },
      },
    },
    "/healthz": { get: { responses: { 200: json({ type: "string" }) } } },
  },
  components: { schemas: { Balance: BALANCE } },
};

describe("an OpenAPI document", () => {
  const provider = (schema: Json, required = false) =>
    at(`${GET} parameters`, [parameter("limit", LIMIT), parameter("provider", schema, required)]);

  test.each<[string, Change, string[]]>([
    ["a route is gone", at("paths /healthz", undefined), ["GET /healthz: is gone"]],
    ["a method is gone", at(`${GET}`, undefined), ["GET /v1/balances: is gone"]],
    [
      "a parameter is gone",
      at(`${GET} parameters`, [parameter("limit", LIMIT)]),
      ["GET /v1/balances query parameter provider: is not taken any more"],
    ],
    [
      "a parameter takes a word less",
      provider({ type: "string", enum: ["a"] }),
      [
        'GET /v1/balances query parameter provider: may be "b", was one of "a" and must be taken still',
      ],
    ],
    [
      "a parameter is needed",
      provider({ type: "string" }, true),
      ["GET /v1/balances query parameter provider: is needed now"],
    ],
    [
      "a new parameter is needed",
      at(`${GET} parameters 2`, parameter("key", { type: "string" }, true)),
      ["GET /v1/balances query parameter key: is needed now"],
    ],
    [
      "a body is needed",
      at(`${GET} requestBody`, { required: true, content: {} }),
      ["GET /v1/balances: needs a body now"],
    ],
    ["an answer is gone", at(`${GET} responses 200`, undefined), ["GET /v1/balances 200: is gone"]],
    [
      "an answer has another media type",
      at(`${GET} responses 200 content`, { "text/csv": {} }),
      ["GET /v1/balances 200 application/json: is gone"],
    ],
    [
      "a record lacks a field",
      at("components schemas Balance", { type: "object" }),
      ["GET /v1/balances 200.id: is gone"],
    ],
    [
      "a refusal lacks a field",
      at(`${GET} responses 400`, problem({ type: "object" })),
      ["GET /v1/balances 400.code: is gone"],
    ],
  ])("%s", (_what, change, expected) => {
    const found = breaks("openapi.json", OPEN_API, change);
    expect(found).toEqual(expected.map((line) => `openapi.json: ${line}`));
  });

  test.each<[string, Change]>([
    ["nothing changes", (document) => document],
    ["one more route", at("paths /v1/new", { get: { responses: { 200: json({}) } } })],
    ["one more method", at("paths /healthz post", { responses: {} })],
    ["one more parameter", at(`${GET} parameters 2`, parameter("key", { type: "string" }))],
    ["a parameter takes one word more", provider({ type: "string", enum: ["a", "b", "c"] })],
    ["a parameter takes any word", provider({ type: "string" })],
    ["one more refusal", at(`${GET} responses 503`, problem({}))],
    ["a refusal less", at(`${GET} responses 400`, undefined)],
    ["a record has one more field", at("components schemas Balance properties more", {})],
  ])("takes no harm where %s", (_what, change) => {
    expect(breaks("openapi.json", OPEN_API, change)).toEqual([]);
  });
});

const HEADERS = {
  type: "object",
  properties: { ce_id: { type: "string" } },
  required: ["ce_id"],
};

const ASYNC_API: Json = {
  asyncapi: "3.0.0",
  channels: {
    events: {
      address: "{prefix}.events.v1",
      messages: { RunRecorded: { $ref: "#/components/messages/RunRecorded" } },
      bindings: { kafka: { topicConfiguration: { "retention.ms": -1 } } },
    },
  },
  components: {
    messages: {
      RunRecorded: {
        headers: HEADERS,
        payload: BALANCE,
        bindings: { kafka: { key: { type: "string" } } },
      },
    },
  },
};

describe("an AsyncAPI document", () => {
  const MESSAGE = "components messages RunRecorded";

  test.each<[string, Change, string[]]>([
    ["a topic is gone", at("channels events", undefined), ["topic events: is gone"]],
    [
      "a topic has another address",
      at("channels events address", "x"),
      ["topic events: its address is x, was {prefix}.events.v1"],
    ],
    [
      "a topic keeps less",
      at("channels events bindings kafka topicConfiguration", { "retention.ms": 1 }),
      ["topic events: retention.ms is 1, was -1"],
    ],
    [
      "a kind of message is gone",
      at("channels events messages", {}),
      ["topic events RunRecorded: is gone"],
    ],
    [
      "a header is gone",
      at(`${MESSAGE} headers`, { type: "object" }),
      ["topic events RunRecorded headers.ce_id: is gone"],
    ],
    [
      "a payload lacks a field",
      at(`${MESSAGE} payload`, { type: "object" }),
      ["topic events RunRecorded payload.id: is gone"],
    ],
    [
      "a payload may be a tombstone",
      at(`${MESSAGE} payload`, { anyOf: [BALANCE, { type: "null" }] }),
      ["topic events RunRecorded payload: may be null, was object"],
    ],
    [
      "a key has another type",
      at(`${MESSAGE} bindings kafka key`, { type: "integer" }),
      ["topic events RunRecorded key: may be integer, was string"],
    ],
  ])("%s", (_what, change, expected) => {
    const found = breaks("asyncapi.json", ASYNC_API, change);
    expect(found).toEqual(expected.map((line) => `asyncapi.json: ${line}`));
  });

  test.each<[string, Change]>([
    ["nothing changes", (document) => document],
    ["one more topic", at("channels more", { address: "{prefix}.more.v1" })],
    ["one more kind of message", at("channels events messages More", { payload: {} })],
    ["one more header", at(`${MESSAGE} headers properties more`, { type: "string" })],
    ["one more setting", at("channels events bindings kafka topicConfiguration more", 1)],
  ])("takes no harm where %s", (_what, change) => {
    expect(breaks("asyncapi.json", ASYNC_API, change)).toEqual([]);
  });
});

describe("a set of documents", () => {
  const one = new Map([["records/balance.schema.json", BALANCE as Json]]);

  test("may grow, and no document may go", () => {
    const two = new Map([...one, ["records/more.schema.json", BALANCE as Json]]);
    expect(documentBreaks(one, two)).toEqual([]);
    expect(documentBreaks(two, one)).toEqual(["records/more.schema.json: is gone"]);
  });

  test("names the document and the place", () => {
    const changed = new Map([["records/balance.schema.json", { type: "object" }]]);
    expect(documentBreaks(one, changed)).toEqual(["records/balance.schema.json: $.id: is gone"]);
  });
});
