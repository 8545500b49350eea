import { z } from "zod";

/** Exact decimal as we write it: no exponent, no trailing zeros. Never a JSON number. */
export const amount = z
  .string()
  .regex(/^-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/)
  .meta({ id: "Amount", description: "Exact decimal, without exponent or trailing zeros" });

/** ISO 8601 UTC, with 0, 3, 6 or 9 fraction digits. */
export const instant = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.(?:\d{3}|\d{6}|\d{9}))?Z$/)
  .meta({ id: "Instant", description: "ISO 8601 UTC, nanoseconds kept" });

/** A place on the ledger's stream, 1, 2, 3 …; printed as a string. */
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
 * How long an id, a word or an amount of a provider may be: its bytes in UTF-8, as JSON prints it. It
 * becomes part of keys, and of those the engines take no longer ones: PostgreSQL about 2,700 bytes in
 * an index. The longest that is made of ids is a name beside its owner: one id, and three of which
 * every byte may be escaped to three.
 */
export const ID_BYTES_MAX = 256;
/** Of an account, whose id holds five of them, escaped; an anomaly of it names it twice. */
export const ACCOUNT_BYTES_MAX = 512;
/** Where a schema says it. JSON Schema counts characters: generated documents say it in words. */
export const BYTES_MAX = "x-bytes-max";

const opaque = (bytesMax: number) =>
  z
    .string()
    .min(1)
    .meta({ [BYTES_MAX]: bytesMax, description: `At most ${bytesMax} bytes, since translation 3` });

/** Providers' ids are opaque; nothing is assumed of them but that they are not empty, nor endless. */
export const id = opaque(ID_BYTES_MAX);
export const account = opaque(ACCOUNT_BYTES_MAX);

/**
 * Words of which there may be more later. Readers are told so: in every generated document such a
 * field is text, with the words of today as examples, and one more word breaks nobody.
 */
export function growing<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words).meta({ [GROWING]: true });
}
export const GROWING = "x-growing";

/** Registered as it is, not by `meta`, which copies: a schema that refers to itself must be itself. */
export const json = z
  .json()
  .register(z.globalRegistry, { id: "Json", description: "Any JSON value" });

export const provider = growing(["zerohash", "layer1"]);
export type Provider = z.infer<typeof provider>;

export const channel = growing(["webhook", "feed", "backfill", "import"]);
export type Channel = z.infer<typeof channel>;
