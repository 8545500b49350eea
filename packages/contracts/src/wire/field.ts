import { z } from "zod";

/**
 * Fields of providers' payloads. They arrive from the exact JSON parser, which hands every number
 * over as the text that was printed, so `85693` and `"85693"` are one thing and no digit is lost.
 * Absent, null and `""` all mean that the provider does not say.
 */
export const text = z
  .string()
  .nullish()
  .transform((value) => (value === null || value === "" ? undefined : value));

const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/** An id: the nil UUID names nobody. */
export const identifier = text.transform((value) => (value === NIL_UUID ? undefined : value));

/** A part of an identity: it must be there. */
export const key = z.string().min(1);

/** `true`, `"true"`, `"TRUE"` (typed "string" but sent as boolean). */
export const flag = z
  .union([z.boolean(), z.string()])
  .nullish()
  .transform((value) => {
    if (typeof value === "boolean") return value;
    const word = value?.toLowerCase();
    return word === "true" ? true : word === "false" ? false : undefined;
  });

/** One reason as text, or several in a list (reject_reasons). */
export const reasons = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .transform((value) => (Array.isArray(value) ? value.join("; ") : value) || undefined);
