import { readFileSync, writeFileSync } from "node:fs";
import openapiTypescript, { astToString, type OpenAPI3 } from "openapi-typescript";

/*
 * `pnpm generate` in this folder: generates types and a table of the operations from the document that
 * the gateway serves. With `--check` it writes nothing, and fails if they differ.
 */
const DOCUMENT = new URL("../contracts/generated/openapi.json", import.meta.url);
const GENERATED = new URL("src/generated/openapi.ts", import.meta.url);
const WARNING =
  "// Generated from packages/contracts/generated/openapi.json; do not change by hand.\n";
const METHODS = ["get", "post", "put", "patch", "delete"] as const;

const document = JSON.parse(readFileSync(DOCUMENT, "utf8")) as OpenAPI3;
// `Json` becomes unknown: a generated interface cannot refer to itself in a union.
const schemas = { ...document.components?.schemas, Json: {} };
const typed = { ...document, components: { ...document.components, schemas } };
const types = astToString(await openapiTypescript(typed as unknown as OpenAPI3));
const table = JSON.stringify(Object.fromEntries(operationsOf(document)), null, 2);
const text = `${WARNING}\n${types}\nexport const OPERATIONS = ${table} as const;\n`;
if (write(text) && process.argv.includes("--check")) {
  console.error("packages/client is not what the OpenAPI document says: run `pnpm generate` there");
  process.exitCode = 1;
}

type Operation = Readonly<{
  operationId?: string;
  requestBody?: unknown;
  responses?: Readonly<Record<string, { content?: Readonly<Record<string, unknown>> }>>;
}>;

/** What a request needs: the method, the path, whether it has a body, and the media type of the answer. */
function operationsOf({ paths = {} }: OpenAPI3) {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = (item as Readonly<Record<string, Operation>>)[method];
      if (operation?.operationId === undefined) return [];
      const { operationId, requestBody, responses = {} } = operation;
      const answers = Object.entries(responses).filter(([status]) => status.startsWith("2"));
      const media = Object.keys(answers[0]?.[1].content ?? {})[0];
      const body = requestBody === undefined ? {} : { body: true };
      return [[operationId, { method: method.toUpperCase(), path, media, ...body }]];
    }),
  );
}

/** Writes the file unless `--check` is given. @returns whether its content was different */
function write(text: string): boolean {
  let before: string | null = null;
  try {
    before = readFileSync(GENERATED, "utf8");
  } catch {
    // The file does not exist yet.
  }
  if (before !== text && !process.argv.includes("--check")) writeFileSync(GENERATED, text);
  return before !== text;
}
