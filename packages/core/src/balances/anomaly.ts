import { absolute, formatMoney } from "../exact/money.ts";
import { formatTime, type Nanos } from "../exact/time.ts";
import type { FactData } from "../ingest/fact-state.ts";
import { type Entry, entryId, inForceOf } from "./entry.ts";
import { CLOCK_LIMIT, same } from "./report.ts";

/** What needs a person; open while the facts say so. `id` is kind:subject:what. */
export type Anomaly = Readonly<{
  id: string;
  kind: "gap" | "contradiction" | "clock" | "invariant" | "account_id_conflict" | "unlisted";
  subject: string;
  detail: FactData;
  /** What of it is the same in every order of arrival: no connections, no arrivals. */
  essence: FactData;
  at: Nanos;
}>;

/** The anomalies of one entry, a function of the entry. */
export function anomaliesOf(entry: Entry, account: string): readonly Anomaly[] {
  if (isPlain(entry)) return NONE;
  return [
    ...gapOf(entry, account),
    ...clockOf(entry, account),
    ...contradictionsOf(entry, account),
    ...invariantOf(entry, account),
  ];
}

const NONE: readonly Anomaly[] = [];

/** Nearly every entry: nothing missing, moved, contradicted or expected otherwise. */
function isPlain({ missing, statedTime, effectiveAt, expected, facts }: Entry): boolean {
  if (missing !== null || expected !== null) return false;
  if (statedTime !== null && statedTime !== effectiveAt) return false;
  if (facts.report !== null && facts.report.contradicted.length > 0) return false;
  for (const { contradicted } of facts.movements.values())
    if (contradicted.length > 0) return false;
  return true;
}

/** The shown name of an entry in gaps: a run's id, a message's time, a snapshot's place. */
export function shownKey(id: string | null): string | null {
  return id?.startsWith("run:") ? id.slice("run:".length) : id;
}

function gapOf(entry: Entry, account: string): Anomaly[] {
  if (entry.missing === null) return [];
  const after = shownKey(entry.missingAfter);
  const before = shownKey(entryId(entry));
  const detail = {
    missing_amount: formatMoney(entry.missing),
    after_run_id: after,
    before_run_id: before,
  };
  const runOnly = (name: string | null) => (name?.startsWith("snapshot:") ? "snapshot" : name);
  const essence = { ...detail, after_run_id: runOnly(after), before_run_id: runOnly(before) };
  const what = `${after}..${before}`;
  return [anomaly("gap", account, what, { detail, essence, at: entry.effectiveAt })];
}

function clockOf(entry: Entry, account: string): Anomaly[] {
  const { kind, statedTime, effectiveAt, key } = entry;
  if (kind === "snapshot" || statedTime === null) return [];
  const moved = effectiveAt > statedTime ? effectiveAt - statedTime : statedTime - effectiveAt;
  if (moved <= CLOCK_LIMIT) return [];
  const detail = {
    run_id: key,
    stated_at: formatTime(statedTime),
    effective_at: formatTime(effectiveAt),
  };
  return [anomaly("clock", account, key, { detail, essence: { run_id: key }, at: effectiveAt })];
}

function contradictionsOf(entry: Entry, account: string): Anomaly[] {
  const { key, effectiveAt } = entry;
  return inForceOf(entry).flatMap((state) =>
    state.contradicted.map(({ id, contradicts }) => {
      const stated = Object.fromEntries(
        Object.keys(contradicts).map((field) => [field, state.data[field] ?? null]),
      );
      const detail = { run_id: key, stated, contradicted_by: contradicts };
      return anomaly("contradiction", account, id, { detail, essence: detail, at: effectiveAt });
    }),
  );
}

/** Layer1: AVAILABLE + RESERVED = BLOCKCHAIN, as one message states them. */
function invariantOf(entry: Entry, account: string): Anomaly[] {
  const expected = entry.expected;
  if (expected === null || entry.balance === null || same(expected, entry.balance, entry))
    return [];
  const detail = {
    blockchain: formatMoney(entry.balance),
    available_and_reserved: formatMoney(expected),
    difference: formatMoney(absolute(expected.minus(entry.balance))),
  };
  const { key, effectiveAt } = entry;
  return [anomaly("invariant", account, key, { detail, essence: detail, at: effectiveAt })];
}

export function anomaly(
  kind: Anomaly["kind"],
  subject: string,
  what: string,
  content: Pick<Anomaly, "detail" | "essence" | "at">,
): Anomaly {
  return { id: `${kind}:${subject}:${what}`, kind, subject, ...content };
}
