import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { createAjv } from "./contracts/testing/documents.ts";
import { generatedDocuments } from "./contracts/write-contracts.ts";
import { EXAMPLES_FILE, type Operation, successMediaOf } from "./describe.ts";

type Answer = Readonly<{ schema: object; example: unknown }>;

/** Every answer of the document that has an example, by its operation; and the operations without. */
async function answers() {
  // Of OpenAPI 3.1 every schema is one of 2020-12.
  const text = JSON.stringify((await generatedDocuments()).get("openapi.json"));
  const { paths, components } = JSON.parse(text.replaceAll('"#/components/schemas/', '"#/$defs/'));
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods as object));
  const found = new Map<string, Answer>();
  const without: string[] = [];
  for (const operation of operations as readonly Operation[]) {
    const { operationId = "" } = operation;
    const { schema, example } = successMediaOf(operation) ?? {};
    if (example === undefined) without.push(operationId);
    else found.set(operationId, { schema: { $defs: components.schemas, ...schema }, example });
  }
  return { found, without };
}

test("the examples of the document are what their schemas say, each in its place", async () => {
  const examples = JSON.parse(readFileSync(EXAMPLES_FILE, "utf8"));
  const { found, without } = await answers();
  // Bytes, text for a program, and the document itself.
  expect(without.sort()).toEqual(["getDeliveryBody", "getMetrics", "getOpenApi"]);
  expect([...found.keys()].sort()).toEqual(Object.keys(examples).sort());
  for (const [operation, { schema, example }] of found) {
    const isValid = createAjv().compile(schema);
    expect([operation, isValid(example), isValid.errors ?? null]).toEqual([operation, true, null]);
    // An empty list shows nothing.
    if (operation.startsWith("list")) expect(JSON.stringify(example)).not.toContain('"data":[]');
  }
  // Nor does a proof that a ledger goes on from itself.
  expect(examples.getConsistencyProof.proof).not.toEqual([]);
});

test("every answer says the position at which it was computed", async () => {
  const { found } = await answers();
  const without = [...found].filter(
    ([, { example }]) => !Object.hasOwn(Object(example), "position"),
  );
  // Of the process, not of the ledger; and a stream, in which every change says its own.
  const others = ["getHealth", "getReadiness", "streamChanges"];
  expect(without.map(([operation]) => operation).sort()).toEqual(others);
});
