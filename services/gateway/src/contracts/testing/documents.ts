import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, sep } from "node:path";

/** Validates values by a schema; `errors` has the errors of the last one. */
export type Validate = ((value: unknown) => boolean) & Readonly<{ errors?: unknown }>;

type Ajv = Readonly<{
  addSchema: (schema: object) => Ajv;
  compile: (schema: object) => Validate;
}>;

/**
 * An independent validator of JSON Schema 2020-12 in its strictest mode: the one that the AsyncAPI
 * parser depends on.
 */
export function createAjv(): Ajv {
  const parser = createRequire(import.meta.url).resolve("@asyncapi/parser");
  const { Ajv2020 } = createRequire(parser)("ajv/dist/2020.js");
  // Nullable fields have several types.
  return new Ajv2020({
    strict: true,
    strictTypes: true,
    allowUnionTypes: true,
    validateFormats: false,
  });
}

/** The files of a folder by path within it, with `/` as separator. */
export function readFolder(folder: string): ReadonlyMap<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return new Map(
    paths.map((path) => [relative(folder, path).replaceAll(sep, "/"), readFileSync(path, "utf8")]),
  );
}

export function parsed(files: ReadonlyMap<string, string>) {
  return new Map([...files].map(([path, text]) => [path, JSON.parse(text)]));
}
