import { canonicalJson } from "../exact/json.ts";
import { type Anomaly, anomaliesOf } from "./anomaly.ts";
import type { Book } from "./book-window.ts";
import { type Entry, entryId } from "./entry.ts";

export type BookEffects = Readonly<{
  outcome: "changed";
  /** Entries whose stored form is another now. */
  entries: readonly Entry[];
  /** Ids of entries all of whose facts were withdrawn. */
  removed: readonly string[];
  opened: readonly Anomaly[];
  /** Still open, but they say something else now. */
  altered: readonly Anomaly[];
  closed: readonly Anomaly[];
}>;

export const NO_EFFECTS: BookEffects = {
  outcome: "changed",
  entries: [],
  removed: [],
  opened: [],
  altered: [],
  closed: [],
};

/** What is different after a rearrangement: entries, and with them their anomalies. */
export function effects(
  book: Book,
  before: ReadonlyMap<string, Entry>,
  touched: Entry | null,
  position: number,
): BookEffects {
  const changed = book.entries.filter((entry) => {
    const old = before.get(entryId(entry));
    return entry === touched || old === undefined || !isSameEntry(old, entry);
  });
  for (const entry of changed) entry.position = position;
  const removed = [...before.keys()].filter((id) => !book.byId.has(id));
  const anomalies = (entries: readonly (Entry | undefined)[]) =>
    entries.flatMap((entry) => (entry ? anomaliesOf(entry, book.account) : []));
  const old = [...changed.map(entryId), ...removed].map((id) => before.get(id));
  return {
    outcome: "changed",
    entries: changed,
    removed,
    ...difference(anomalies(old), anomalies(changed)),
  };
}

/** What a rearrangement may change of an entry that the event was not about. */
function isSameEntry(a: Entry, b: Entry): boolean {
  return (
    a.floor === b.floor &&
    a.effectiveAt === b.effectiveAt &&
    a.chainAt === b.chainAt &&
    a.rank === b.rank &&
    a.standing === b.standing &&
    a.missingAfter === b.missingAfter &&
    isSameMoney(a.running, b.running) &&
    isSameMoney(a.orderRunning, b.orderRunning) &&
    isSameMoney(a.missing, b.missing) &&
    isSameMoney(a.opening, b.opening)
  );
}

function isSameMoney(a: Entry["running"], b: Entry["running"]): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

export function difference(before: readonly Anomaly[], after: readonly Anomaly[]) {
  if (before.length === 0 && after.length === 0) return NO_DIFFERENCE;
  const had = new Map(before.map((anomaly) => [anomaly.id, anomaly]));
  const has = new Set(after.map(({ id }) => id));
  return {
    opened: after.filter(({ id }) => !had.has(id)),
    altered: after.filter((anomaly) => isAltered(had.get(anomaly.id), anomaly)),
    closed: before.filter(({ id }) => !has.has(id)),
  };
}

const NO_DIFFERENCE = { opened: [], altered: [], closed: [] } as const;

const isAltered = (before: Anomaly | undefined, after: Anomaly): boolean =>
  before !== undefined && canonicalJson(before.detail) !== canonicalJson(after.detail);
