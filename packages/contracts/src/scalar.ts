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

/** An issue that a schema found with a value, reduced to what messages contain. */
export type ShapeIssue = Readonly<{ code: string; message?: string | undefined; input?: unknown }> &
  Readonly<
    Partial<
      Record<
        "expected" | "origin" | "minimum" | "maximum" | "inclusive" | "values" | "keys",
        unknown
      >
    >
  >;

/**
 * Describes an issue without a library's wording, which changes between versions, and without the
 * value, which may be confidential.
 */
export function wrongShape(issue: ShapeIssue): string {
  const { code, message = "", keys } = issue;
  if (code === "custom") return message;
  if (code === "unrecognized_keys") return `found ${list(keys)}, expected no further fields`;
  return `found ${foundWords(issue)}, expected ${expectedWords(issue)}`;
}

const KINDS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list",
  null: "null",
};

function foundWords({ code, input }: ShapeIssue): string {
  if (input === undefined) return "nothing";
  if (input === null) return "null";
  if (input === "") return "an empty text";
  if (Array.isArray(input)) return `a list of ${input.length}`;
  const kind = KINDS[typeof input] ?? "something else";
  return code === "invalid_type" ? kind : kind.replace(/^an? /, "another ");
}

function expectedWords(issue: ShapeIssue): string {
  const { code, expected, minimum, maximum, inclusive, values } = issue;
  if (code === "invalid_type") return KINDS[String(expected)] ?? String(expected);
  if (code === "invalid_value") return `one of ${list(values)}`;
  const least = inclusive === false ? `more than ${minimum}` : `${minimum} or more`;
  if (code === "too_small") return bounded(issue, least);
  if (code === "too_big") return bounded(issue, `at most ${maximum}`);
  return "one of the documented forms";
}

function bounded({ origin }: ShapeIssue, bound: string): string {
  if (origin === "string") return `a text of ${bound} characters`;
  return origin === "array" ? `a list of ${bound}` : `a number of ${bound}`;
}

const list = (words: unknown): string => (Array.isArray(words) ? words.join(", ") : String(words));
