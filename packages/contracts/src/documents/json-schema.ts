import { z } from "zod";
import { GROWING } from "../scalar.ts";

/** A JSON Schema of 2020-12, as plain JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Writes a schema down for strangers. Their validators must let pass what we may add within a
 * version: fields everywhere, and words where `growing` says so.
 *
 * @returns a schema that refers to nothing outside itself.
 */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { target: "draft-2020-12", override: keepOpen }) as JsonSchema;
}

/** An `override` of `z.toJSONSchema`; it changes the schema that was written. */
export function keepOpen({ jsonSchema }: Readonly<{ jsonSchema: Record<string, unknown> }>): void {
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  if (jsonSchema[GROWING] !== true) return;
  const { description, enum: words } = jsonSchema;
  delete jsonSchema[GROWING];
  delete jsonSchema.enum;
  jsonSchema.examples = words;
  jsonSchema.description = description ? `${description}; ${MORE}` : MORE;
}

const MORE = "more words may come";
