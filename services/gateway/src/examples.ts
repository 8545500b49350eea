import { readFileSync } from "node:fs";

/** What `pnpm examples` writes: by operation an answer that a ledger gave. */
export const EXAMPLES_FILE = new URL("./examples.json", import.meta.url);

type Document = Readonly<{ paths?: Readonly<Record<string, Readonly<Record<string, unknown>>>> }>;

/** The OpenAPI document with an example beside the schema of each answer that has one. */
export function withExamples<Given extends object>(document: Given): Given {
  const examples: Readonly<Record<string, unknown>> = JSON.parse(
    readFileSync(EXAMPLES_FILE, "utf8"),
  );
  for (const methods of Object.values((document as Document).paths ?? {})) {
    for (const operation of Object.values(methods)) {
      const { operationId = "", responses = {} } = operation as Operation;
      const content = responses["200"]?.content?.["application/json"];
      const example = examples[operationId];
      if (content !== undefined && example !== undefined) content.example = example;
    }
  }
  return document;
}

type Operation = Readonly<{
  operationId?: string;
  responses?: Readonly<
    Record<string, Readonly<{ content?: Readonly<Record<string, { example?: unknown }>> }>>
  >;
}>;
