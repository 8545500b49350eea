import { readFileSync, writeFileSync } from "node:fs";
import openapiTypescript, { astToString, type OpenAPI3 } from "openapi-typescript";

/*
 * `pnpm generate` in this folder: types and a table of the operations, from the document that the
 * gateway serves. With `--check` it writes nothing, and fails where the two differ from it.
 */
const DOCUMENT = new URL("../contracts/generated/openapi.json", import.meta.url);
const WARNING =
  "// Generated from packages/contracts/generated/openapi.json; do not change by hand.\n";
const METHODS = ["get", "post", "put", "patch", "delete"] as const;

const document = JSON.parse(readFileSync(DOCUMENT, "utf8")) as OpenAPI3;
// Any JSON at all: an interface cannot name itself in a union, and nobody gains by it.
const schemas = { ...document.components?.schemas, Json: {} };
const typed = { ...document, components: { ...document.components, schemas } };
const types = astToString(await openapiTypescript(typed as unknown as OpenAPI3));
const table = JSON.stringify(Object.fromEntries(operationsOf(document)), null, 2);
const stale = [
  write("openapi.ts", `${WARNING}\n${types}`),
  write("operations.ts", `${WARNING}\nexport const OPERATIONS = ${table} as const;\n`),
];
if (stale.includes(true) && process.argv.includes("--check")) {
  console.error("packages/client is not what the OpenAPI document says: run `pnpm generate` there");
  process.exitCode = 1;
}

type Operation = Readonly<{
  operationId?: string;
  requestBody?: unknown;
  responses?: Readonly<Record<string, { content?: Readonly<Record<string, unknown>> }>>;
}>;

/** What a request needs to know: the method, the path, whether it has a body, and what comes back. */
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

/** @returns whether the file said something else */
function write(name: string, text: string): boolean {
  const file = new URL(`src/generated/${name}`, import.meta.url);
  let before: string | null = null;
  try {
    before = readFileSync(file, "utf8");
  } catch {
    // Not there yet.
  }
  if (before !== text && !process.argv.includes("--check")) writeFileSync(file, text);
  return before !== text;
}
