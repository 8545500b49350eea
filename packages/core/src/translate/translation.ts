import { FIELD_BYTES_MAX, type ProviderFact } from "@counterfoil/contracts/fact";
import { type Channel, ID_BYTES_MAX, type Provider } from "@counterfoil/contracts/scalar";
import type { z } from "zod";
import { formatMoney, parseMoney } from "../exact/money.ts";
import { cutText } from "../exact/text.ts";
import { formatTime, type Nanos, parseTime } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";

/** Before which time a run did not happen, and behind which run of the account it stands. */
export type SocketOrder = Readonly<{ notBefore: Nanos; follows: string }>;

/** What a translation may look at: the bytes as text, and where and when they arrived. */
export type Source = Readonly<{
  provider: Provider;
  channel: Channel;
  payloadType: string;
  /** null where the bytes are not UTF-8. */
  text: string | null;
  place: Readonly<{ connection: string; frame: number }> | null;
  receivedAt: Nanos;
  /** What a socket's order says of the run that a frame states. */
  order?: SocketOrder;
  /** What the provider calls the delivery, where it does. */
  notificationId?: string | null;
}>;

/**
 * The facts in a delivery, or why nobody could read it. `snapshot` says that the facts list every
 * account that the provider has anything to say of.
 */
export type Reading = (
  | Readonly<{ ok: true; facts: readonly ProviderFact[]; snapshot: boolean }>
  | Readonly<{ ok: false; reason: QuarantineReason; detail: string }>
) &
  Readonly<{
    /** Other payload types that the same bytes could be of; only where there are any. */
    otherTypes?: readonly string[];
  }>;

type QuarantineReason =
  | "not_utf8"
  | "not_json"
  | "unknown_type"
  | "shape"
  | "amount"
  | "time"
  | "single_chain"
  | "too_long"
  | "type_conflict";

/** What every status fact carries beside its own fields. */
export type Stamp = Readonly<{
  /** SHA-256 of the provider's object, RFC 8785, numbers as printed. */
  content: string;
  received_at: string;
  translation: number;
  notification_id: string | undefined;
}>;

/** What of it is part of a fact. */
export const bodyOf = ({ content, received_at, translation }: Stamp) => ({
  content,
  received_at,
  translation,
});

/** Pure: the same source gives the same reading, on every machine, for ever. */
export type Translate = (source: Source, hashing: Hashing) => Reading;

/**
 * The translations by version. A delivery that was begun under an older version is completed under
 * it; everything else is read with the `present` one.
 */
export type Translations = Readonly<{
  present: number;
  versions: Readonly<Record<number, Translate>>;
}>;

/** Ends a translation; `translate` turns it into a quarantined delivery. */
export class Unreadable extends Error {
  readonly reason: QuarantineReason;
  constructor(reason: QuarantineReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

export function readShape<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.infer<Schema> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const path = issue?.path.join(".") ?? "";
  throw new Unreadable("shape", `${what}${path && `, at ${path}`}: ${issue?.message}`);
}

/** @throws Unreadable; undefined stays undefined (the provider does not know). */
export function readAmount(printed: string, what: string): string;
export function readAmount(printed: string | undefined, what: string): string | undefined;
export function readAmount(printed: string | undefined, what: string): string | undefined {
  if (printed === undefined) return undefined;
  const money = parseMoney(printed);
  if (money === null) {
    throw new Unreadable("amount", `${what} is ${quote(printed)}, expected a decimal number`);
  }
  return formatMoney(money);
}

/** @throws Unreadable; undefined stays undefined. */
export function readTime(printed: string | undefined, what: string): string | undefined {
  if (printed === undefined) return undefined;
  const time = parseTime(printed);
  if (time === null) {
    throw new Unreadable(
      "time",
      `${what} is ${quote(printed)}, expected a time in the years 1970 to 2200`,
    );
  }
  return formatTime(time);
}

/** A part of an identity that several names may carry; without it there is no fact. */
export function readKey(what: string, ...candidates: (string | undefined)[]): string {
  const key = candidates.find((candidate) => candidate !== undefined);
  if (key === undefined) throw new Unreadable("shape", `${what} is missing`);
  return key;
}

/** Of what a provider printed, so much that a person knows it again. */
export const quote = (printed: string): string => JSON.stringify(cutText(printed, 60));

/** @throws Unreadable where what becomes part of a key is longer than any engine takes. */
export function checkLengths(fact: ProviderFact): void {
  const data = fact.data as Readonly<Record<string, unknown>>;
  for (const [field, bytesMax] of FIELD_BYTES_MAX[fact.type]) {
    checkLength(`${field} of ${fact.type}`, data[field], bytesMax);
  }
  // Of the fields of a trade that are kept as printed, one finds it.
  if (fact.type === "TradeStatusReported") {
    checkLength("client_trade_id", fact.data.fields.client_trade_id, ID_BYTES_MAX);
  }
}

/** One byte a character, which JSON prints as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

function checkLength(what: string, value: unknown, bytesMax: number): void {
  if (typeof value !== "string") return;
  if (value.length <= bytesMax && PLAIN.test(value)) return;
  const bytes = new TextEncoder().encode(JSON.stringify(value)).length - 2;
  if (bytes <= bytesMax) return;
  const detail = `${what} takes ${bytes} bytes, expected ${bytesMax} at most`;
  throw new Unreadable("too_long", `${detail}: ${quote(value)}`);
}

type Compact<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** Leaves out what is undefined: a fact has no keys that say nothing. */
export function compact<T extends object>(object: T): { [K in keyof Compact<T>]: Compact<T>[K] } {
  const kept: Record<string, unknown> = {};
  for (const key in object) if (object[key] !== undefined) kept[key] = object[key];
  return kept as { [K in keyof Compact<T>]: Compact<T>[K] };
}
