import { absolute, formatMoney } from "../exact/money.ts";
import { formatTime, type Nanos } from "../exact/time.ts";
import { COPIES_MAX, type FactData, type FactState } from "../ingest/fact-state.ts";
import { CLOCK_LIMIT } from "./effective-time.ts";
import { type Entry, entryId, type Same } from "./entry.ts";

/** A problem that needs a person; open while the facts show it. `id` is kind:subject:what. */
export type Anomaly = Readonly<{
  id: string;
  kind: "gap" | "contradiction" | "clock" | "invariant" | "account_id_conflict" | "unlisted";
  subject: string;
  detail: FactData;
  /**
   * The part of the detail that is the same in every order of arrival: no connections, no arrival
   * times.
   */
  essence: FactData;
  at: Nanos | null;
}>;

/** The anomalies of one entry except its contradictions; a function of the entry. */
export function anomaliesOf(entry: Entry, account: string, same: Same): readonly Anomaly[] {
  const { missing, expected, effectiveAt, ownAt, impossibleAt } = entry;
  if (missing === null && expected === null && effectiveAt === ownAt && impossibleAt === null) {
    return NONE;
  }
  return [
    ...gapOf(entry, account),
    ...clockOf(entry, account),
    ...invariantOf(entry, account, same),
  ];
}

const NONE: readonly Anomaly[] = [];

/**
 * The name of an entry as gaps show it: a run's id, a Layer1 message's time, or a snapshot's entry
 * id.
 */
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

/** An entry with an impossible printed time, or one moved by more than `CLOCK_LIMIT`. */
function clockOf(entry: Entry, account: string): Anomaly[] {
  const { kind, occurredAt, effectiveAt, ownAt, impossibleAt, key } = entry;
  if (kind === "snapshot") return [];
  if (impossibleAt === null && effectiveAt - ownAt <= CLOCK_LIMIT) return [];
  // The run may also have a possible time; the impossible one is what needs a person.
  const statedAt = impossibleAt ?? occurredAt;
  const detail = {
    run_id: key,
    stated_at: statedAt === null ? null : formatTime(statedAt),
    effective_at: formatTime(effectiveAt),
  };
  return [anomaly("clock", account, key, { detail, essence: { run_id: key }, at: effectiveAt })];
}

/** Layer1: AVAILABLE + RESERVED = BLOCKCHAIN, as one message states them. */
function invariantOf(entry: Entry, account: string, same: Same): Anomaly[] {
  const { expected, balance, key, effectiveAt } = entry;
  if (expected === null || balance === null || same(expected, balance)) return [];
  const detail = {
    blockchain: formatMoney(balance),
    available_and_reserved: formatMoney(expected),
    difference: formatMoney(absolute(expected.minus(balance))),
  };
  return [anomaly("invariant", account, key, { detail, essence: detail, at: effectiveAt })];
}

/** The contradicting copies of one fact, while it is in force. The last possible one says that it is. */
export function contradictionsOf(
  state: FactState | null,
  entry: Pick<Entry, "key" | "effectiveAt">,
  account: string,
): readonly Anomaly[] {
  if (state === null || state.withdrawn) return NONE;
  return state.contradicted.map(({ id, contradicts }, at) => {
    const stated = Object.fromEntries(
      Object.keys(contradicts).map((field) => [field, state.data[field] ?? null]),
    );
    const isLast = at === COPIES_MAX - 1;
    const further = isLast ? { further_copies: "kept as deliveries only" } : {};
    const detail = { run_id: entry.key, stated, contradicted_by: contradicts, ...further };
    return anomaly("contradiction", account, id, {
      detail,
      essence: detail,
      at: entry.effectiveAt,
    });
  });
}

/** An anomaly, whose id is its kind, its subject and what it is about. */
export function anomaly(
  kind: Anomaly["kind"],
  subject: string,
  what: string,
  content: Pick<Anomaly, "detail" | "essence" | "at">,
): Anomaly {
  return { id: `${kind}:${subject}:${what}`, kind, subject, ...content };
}
