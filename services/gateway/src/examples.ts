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
      const { operationId = "" } = operation as Operation;
      const media = answerOf(operation as Operation);
      const example = examples[operationId];
      if (media !== undefined && example !== undefined) media.example = example;
    }
  }
  return document;
}

/** What an operation answers where all is well; one that answers bytes has no example. */
export function answerOf({ responses = {} }: Operation): Media | undefined {
  const [, answer] = Object.entries(responses).find(([status]) => status.startsWith("2")) ?? [];
  return answer?.content?.["application/json"] ?? answer?.content?.["text/event-stream"];
}

export type Operation = Readonly<{
  operationId?: string;
  responses?: Readonly<Record<string, Readonly<{ content?: Readonly<Record<string, Media>> }>>>;
}>;
type Media = { readonly schema?: object; example?: unknown };
