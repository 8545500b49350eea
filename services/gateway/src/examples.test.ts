import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { generatedDocuments } from "./contracts/documents.ts";
import { createAjv } from "./contracts/testing/ajv.ts";
import { EXAMPLES_FILE } from "./examples.ts";

type Media = Readonly<{ schema: object; example?: unknown }>;
type Operation = Readonly<{
  operationId: string;
  responses: Readonly<Record<string, { content?: Readonly<Record<string, Media>> }>>;
}>;

/** Every answer of the document that has an example, by its operation. */
async function answers(): Promise<ReadonlyMap<string, Media>> {
  // Of OpenAPI 3.1 every schema is one of 2020-12.
  const text = JSON.stringify((await generatedDocuments()).get("openapi.json"));
  const { paths, components } = JSON.parse(text.replaceAll('"#/components/schemas/', '"#/$defs/'));
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods as object));
  const found = operations.flatMap(({ operationId, responses }: Operation) => {
    const media = responses["200"]?.content?.["application/json"];
    if (media?.example === undefined) return [];
    const schema = { $defs: components.schemas, ...media.schema };
    return [[operationId, { ...media, schema }] as const];
  });
  return new Map(found);
}

test("the examples of the document are what their schemas say, each in its place", async () => {
  const examples = JSON.parse(readFileSync(EXAMPLES_FILE, "utf8"));
  const found = await answers();
  expect([...found.keys()].sort()).toEqual(Object.keys(examples).sort());
  expect(found.size).toBeGreaterThan(20);
  for (const [operation, { schema, example }] of found) {
    const isValid = createAjv().compile(schema);
    expect([operation, isValid(example), isValid.errors ?? null]).toEqual([operation, true, null]);
    // An empty list shows nothing.
    expect(JSON.stringify(example).length).toBeGreaterThan(100);
  }
});
