import { FIELD_BYTES_MAX, type ProviderFact } from "@counterfoil/contracts/fact";
import {
  type Channel,
  ID_BYTES_MAX,
  type Provider,
  wrongShape,
} from "@counterfoil/contracts/scalar";
import type { z } from "zod";
import { formatMoney, parseMoney } from "../exact/money.ts";
import { cutText } from "../exact/text.ts";
import { formatTime, type Nanos, parseTime } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";

/** Where a socket's order puts a run: not before this time, and after this run of the account. */
export type SocketOrder = Readonly<{ notBefore: Nanos; follows: string }>;

/** Where and when a text arrived. */
export type Arrival = Omit<Source, "text">;

/** The input of a translation: the bytes as text, and where and when they arrived. */
export type Source = Readonly<{
  provider: Provider;
  channel: Channel;
  payloadType: string;
  /** null where the bytes are not UTF-8. */
  text: string | null;
  place: Readonly<{ connection: string; frame: number }> | null;
  receivedAt: Nanos;
  /** The order of the run that a frame states, as its socket shows it. */
  order?: SocketOrder;
  /** The provider's id of the delivery, if there is one. */
  notificationId?: string | null;
}>;

/**
 * The facts in a delivery, or why it cannot be read. `snapshot` means that the facts list every
 * account that the provider reports on.
 */
export type Reading = (
  | Readonly<{ ok: true; facts: readonly ProviderFact[]; snapshot: boolean }>
  | Readonly<{ ok: false; reason: QuarantineReason; detail: string }>
) &
  Readonly<{
    /** Other payload types that the same bytes could have; absent if there are none. */
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
  | "type_conflict"
  /** This program fails at it. */
  | "defect";

/** What a translation adds to the fields that a status body states. */
export type Stamp = Readonly<{
  /** SHA-256 of the provider's object, RFC 8785, numbers as printed. */
  content: string;
  received_at: string;
  translation: number;
  notification_id: string | undefined;
}>;

/** The fields of a stamp that every status fact carries. */
export const stampFields = ({ content, received_at, translation }: Stamp) => ({
  content,
  received_at,
  translation,
});

/** A pure function: equal sources give equal readings, on every machine and in every release. */
export type Translate = (source: Source, hashing: Hashing) => Reading;

/**
 * The translations by version. A delivery that an older version left incomplete is completed under
 * that version; everything else is read with the `present` one.
 */
export type Translations = Readonly<{
  present: number;
  versions: Readonly<Record<number, Translate>>;
  /** Without it long frames are read as a whole. */
  readLongFrame?: ReadLongFrame;
}>;

/**
 * Reads a long snapshot of the feed from pieces of its text, and yields the facts that the translation
 * finds in the whole text.
 *
 * @throws where the frame is anything else, or cannot be read: then only the whole text shows what it is.
 *   Until the end nothing that was yielded counts
 */
type ReadLongFrame = (frame: LongFrame) => Generator<ProviderFact, void>;

export type LongFrame = Readonly<{
  pieces: Iterable<string>;
  source: Arrival;
  translation: number;
  /** It was read to its end before: what takes the memory of all its accounts is not checked again. */
  isReadAgain: boolean;
}>;

const DETAIL_MAX = 500;

/** The reading of a delivery in which an error ended it: the delivery is kept in quarantine, whatever the error. */
export function unreadBy(error: unknown): Reading & { ok: false } {
  const reason = error instanceof Unreadable ? error.reason : "defect";
  const text = error instanceof Unreadable ? error.message : `this program fails at it: ${error}`;
  return { ok: false, reason, detail: cutText(text, DETAIL_MAX) };
}

/** Ends a translation: the delivery is quarantined. */
export class Unreadable extends Error {
  readonly reason: QuarantineReason;
  constructor(reason: QuarantineReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** @throws Unreadable where the value has another shape. */
export function readShape<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.infer<Schema> {
  const read = schema.safeParse(value, { error: wrongShape });
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
    throw new Unreadable("amount", `${what} is ${quoteNumber(printed)}, expected a decimal number`);
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
      `${what} is ${quoteNumber(printed)}, expected a time in the years 1970 to 2200`,
    );
  }
  return formatTime(time);
}

/**
 * The first given value of a field that has several names and is part of an identity.
 *
 * @throws Unreadable where none is given
 */
export function readKey(what: string, ...candidates: (string | undefined)[]): string {
  const key = candidates.find((candidate) => candidate !== undefined);
  if (key === undefined) throw new Unreadable("shape", `${what} is missing`);
  return key;
}

/**
 * What a provider printed in place of a number, a time, or a word of its own. The reason of a quarantine
 * is never erased, unlike the bytes, so whatever else may stand there is only described.
 */
const quoteNumber = (printed: string): string => quote(printed, /^[-+0-9.,:TZeE ]{0,40}$/);
export const quoteWord = (printed: string): string => quote(printed, /^[\w.:/-]{0,60}$/);

const quote = (printed: string, harmless: RegExp): string =>
  harmless.test(printed) ? `"${printed}"` : `a text of ${printed.length} characters`;

/**
 * Reads a part of a body.
 *
 * @throws Unreadable naming the part
 */
export function readPart<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    throw new Unreadable(error.reason, `${what}: ${error.message}`);
  }
}

/** @throws Unreadable where a part of a key is longer than every engine accepts. */
export function checkLengths(fact: ProviderFact): void {
  const data = fact.data as Readonly<Record<string, unknown>>;
  for (const [field, bytesMax] of FIELD_BYTES_MAX[fact.type]) {
    checkLength(`${field} of ${fact.type}`, data[field], bytesMax);
  }
  // A trade's fields are kept as printed. This one is an alias, so it is stored in a key.
  if (fact.type === "TradeStatusReported") {
    checkLength("client_trade_id", fact.data.fields.client_trade_id, ID_BYTES_MAX);
  }
}

/** Characters of one byte that JSON does not escape. */
const PLAIN = /^[ !#-[\]-~]*$/;

function checkLength(what: string, value: unknown, bytesMax: number): void {
  if (typeof value !== "string") return;
  if (value.length <= bytesMax && PLAIN.test(value)) return;
  const bytes = new TextEncoder().encode(JSON.stringify(value)).length - 2;
  if (bytes <= bytesMax) return;
  throw new Unreadable("too_long", `${what} takes ${bytes} bytes, expected ${bytesMax} at most`);
}

type Compact<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** Drops keys whose value is undefined: a fact has none. */
export function compact<T extends object>(object: T): { [K in keyof Compact<T>]: Compact<T>[K] } {
  const kept: Record<string, unknown> = {};
  for (const key in object) if (object[key] !== undefined) kept[key] = object[key];
  return kept as { [K in keyof Compact<T>]: Compact<T>[K] };
}
