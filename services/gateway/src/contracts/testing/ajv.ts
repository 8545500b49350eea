import { createRequire } from "node:module";

/** A check of values by a schema; `errors` says why the last one was refused. */
export type Validate = ((value: unknown) => boolean) & Readonly<{ errors?: unknown }>;

export type Ajv = Readonly<{
  addSchema: (schema: object) => Ajv;
  compile: (schema: object) => Validate;
}>;

/**
 * Somebody else's validator of JSON Schema 2020-12, as strict as it comes. It is the one that the
 * AsyncAPI parser brings along.
 */
export function createAjv(): Ajv {
  const parser = createRequire(import.meta.url).resolve("@asyncapi/parser");
  const { Ajv2020 } = createRequire(parser)("ajv/dist/2020.js");
  // A field of several types is how absent (null) is written here.
  return new Ajv2020({
    strict: true,
    strictTypes: true,
    allowUnionTypes: true,
    validateFormats: false,
  });
}
