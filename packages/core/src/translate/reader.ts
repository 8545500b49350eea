import type { z } from "zod";
import { formatMoney, parseMoney } from "../exact/money.ts";
import { formatTime, parseTime } from "../exact/time.ts";
import type { QuarantineReason } from "./translation.ts";

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

const quote = (printed: string): string =>
  JSON.stringify(printed.length > 60 ? `${printed.slice(0, 60)}…` : printed);

type Compact<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** Leaves out what is undefined: a fact has no keys that say nothing. */
export function compact<T extends object>(object: T): { [K in keyof Compact<T>]: Compact<T>[K] } {
  const kept: Record<string, unknown> = {};
  for (const key in object) if (object[key] !== undefined) kept[key] = object[key];
  return kept as { [K in keyof Compact<T>]: Compact<T>[K] };
}
