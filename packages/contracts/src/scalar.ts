import { z } from "zod";

/** An exact decimal in normal form: no exponent, no trailing zeros. Never a JSON number. */
export const amount = z
  .string()
  .regex(/^-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/)
  .meta({ id: "Amount", description: "Exact decimal, without exponent or trailing zeros" });

/** ISO 8601 UTC, with 0, 3, 6 or 9 fraction digits. */
export const instant = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.(?:\d{3}|\d{6}|\d{9}))?Z$/)
  .meta({ id: "Instant", description: "ISO 8601 UTC, nanoseconds kept" });

/** A position on the ledger's stream: 1, 2, 3 …, printed as a string. */
export const position = z
  .string()
  .regex(/^(?:0|[1-9]\d*)$/)
  .meta({ id: "Position", description: "Place on the ledger's stream, dense from 1" });

export const traceparent = z
  .string()
  .regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
  .meta({ id: "Traceparent", description: "Trace context as W3C writes it, version 00" });

export const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  .meta({ id: "Uuid" });

export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ id: "Sha256" });

/**
 * The maximum length of a provider's id, word or amount: its UTF-8 bytes as JSON prints it. It becomes
 * part of keys, whose length engines limit: PostgreSQL to about 2,700 bytes in an index. The longest
 * key made of ids is a name with its owner: one id, and three in which every byte may be escaped to
 * three.
 */
export const ID_BYTES_MAX = 256;
/**
 * The maximum length of an account id, which holds five escaped ids; its anomaly contains it twice.
 */
export const ACCOUNT_BYTES_MAX = 512;
/**
 * Marks the limit in a schema. JSON Schema counts characters, so documents describe it in words.
 */
export const BYTES_MAX = "x-bytes-max";

const opaque = (bytesMax: number) =>
  z
    .string()
    .min(1)
    .meta({ [BYTES_MAX]: bytesMax, description: `At most ${bytesMax} bytes, since translation 3` });

/** A provider's id is opaque: it is only assumed not to be empty or longer than the limit. */
export const id = opaque(ID_BYTES_MAX);
export const account = opaque(ACCOUNT_BYTES_MAX);

/**
 * A list of words that may grow. In every generated document such a field is text, with the present
 * words as examples, so that another word breaks no reader.
 */
export function growing<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words).meta({ [GROWING]: true });
}
export const GROWING = "x-growing";

/** Registered directly, since `meta` copies and this schema must refer to itself. */
export const json = z
  .json()
  .register(z.globalRegistry, { id: "Json", description: "Any JSON value" });

export const provider = growing(["zerohash", "layer1"]);
export type Provider = z.infer<typeof provider>;

export const channel = growing(["webhook", "feed", "backfill", "import"]);
export type Channel = z.infer<typeof channel>;
