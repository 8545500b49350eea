import { moneyOf } from "../../exact/money.ts";
import { MILLISECOND, type Nanos } from "../../exact/time.ts";
import { type Entry, newEntry } from "../entry.ts";

/** A run as written in a test table: its number, change, balance, and time in ms. */
export type Row = readonly [run: number, change: number | null, balance: number | null, at: number];

/** So that a table's 0 is no whole second, which would leave open when in it a run was. */
export const SECOND_AT = -100;
const START: Nanos = 1_790_000_000_000n * MILLISECOND - BigInt(SECOND_AT) * MILLISECOND;

export const timeAt = (ms: number): Nanos => START + BigInt(Math.round(ms * 1000)) * 1000n;

export function runEntry([run, change, balance, at]: Row, more: Partial<Entry> = {}): Entry {
  const time = timeAt(at);
  return {
    ...newEntry("run", String(run)),
    change: change === null ? null : moneyOf(String(change)),
    balance: balance === null ? null : moneyOf(String(balance)),
    effectiveAt: time,
    ownAt: time,
    occurredAt: time,
    arrivedAt: time,
    isUndated: false,
    recordedAt: 1,
    ...more,
  };
}

/** The same run without a printed time: it has the time of its arrival. */
export const undatedEntry = (row: Row): Entry =>
  runEntry(row, { isUndated: true, occurredAt: null });

/** A pseudo-random number, up to a million, derived from another one. */
export const noise = (n: number): number => ((Math.imul(n + 1, 0x9e37_79b1) >>> 0) * 7) % 1_000_003;
