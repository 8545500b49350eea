import { formatTime, type Nanos, SECOND } from "../exact/time.ts";
import type { AnomalyDraft, EntryDraft, HistoryDraft } from "./draft.ts";
import { compareText, compareTimes, nanosOf } from "./leg.ts";

/** Every stage meets every other: what is neither in `moves` nor in `fills` is an illegal step. */
export type StageRules<Stage extends string> = Readonly<{
  /** Of two entries with one time the one further left stands first. */
  order: readonly Stage[];
  steps: Readonly<Record<Stage, Steps<Stage>>>;
}>;

type Steps<Stage> = Readonly<{
  /** Where the stage may go from here. */
  moves: readonly Stage[];
  /** What has passed already, or says nothing new: it only fills the history. */
  fills: readonly Stage[];
}>;

export type FoldedHistory<Stage extends string> = Readonly<{
  stage: Stage | null;
  /** The provider's word that brought the stage; without a stage the last word. */
  providerStatus: string | null;
  history: readonly HistoryDraft<Stage>[];
  anomalies: readonly AnomalyDraft[];
  openedAt: string | null;
  updatedAt: string | null;
}>;

/** Orders the entries and walks along them; every entry is kept, whatever it says. */
export function foldHistory<Stage extends string>(
  entries: readonly EntryDraft<Stage>[],
  rules: StageRules<Stage>,
): FoldedHistory<Stage> {
  let stage: Stage | null = null;
  let word: string | null = null;
  const history: HistoryDraft<Stage>[] = [];
  const anomalies = new Map<string, AnomalyDraft>();
  for (const { atLeast, ...entry } of orderHistory(entries, rules.order)) {
    const next: Stage | null = atLeast && stage !== null ? null : entry.stage;
    const moves: boolean =
      next !== null && (stage === null || rules.steps[stage].moves.includes(next));
    history.push({ ...entry, stage: next, moves });
    if (moves || stage === null) word = entry.provider_status;
    if (moves) stage = next;
    else if (next !== null && stage !== null && !passes(stage, next, rules)) {
      const anomaly = illegalStep(stage, next, entry);
      if (!anomalies.has(anomaly.what)) anomalies.set(anomaly.what, anomaly);
    }
  }
  return {
    stage,
    providerStatus: word,
    history,
    anomalies: [...anomalies.values()],
    ...span(history),
  };
}

function passes<Stage extends string>(from: Stage, to: Stage, rules: StageRules<Stage>): boolean {
  return from === to || rules.steps[from].fills.includes(to);
}

type Entry = Pick<HistoryDraft, "provider_status" | "source" | "occurred_at" | "effective_at">;

function illegalStep(from: string, to: string, entry: Entry): AnomalyDraft {
  const { provider_status, source, occurred_at, effective_at } = entry;
  const detail = { from, to, provider_status, source, occurred_at };
  return { kind: "illegal_step", what: `${from}->${to}`, detail, at: effective_at };
}

function span(history: readonly HistoryDraft[]) {
  let [opened, updated]: [Nanos | null, Nanos | null] = [null, null];
  for (const { effective_at } of history) {
    const at = nanosOf(effective_at);
    if (at === null) continue;
    if (opened === null || at < opened) opened = at;
    if (updated === null || at > updated) updated = at;
  }
  return {
    openedAt: opened === null ? null : formatTime(opened),
    updatedAt: updated === null ? null : formatTime(updated),
  };
}

/**
 * By time, then stage, then leg. An entry without a time stands before the first one of a later
 * stage: the latest place at which it neither skips a stage nor takes one back. One that has no
 * stage either says nothing of its place and stands last.
 */
export function orderHistory<Stage extends string, Entry extends EntryDraft<Stage>>(
  entries: readonly Entry[],
  order: readonly Stage[],
): Entry[] {
  const rankOf = ({ stage }: Entry): number => (stage === null ? -1 : order.indexOf(stage));
  const ranked = entries.map((entry) => ({
    entry,
    at: nanosOf(entry.effective_at),
    rank: rankOf(entry),
  }));
  ranked.sort(
    (a, b) =>
      compareTimes(a.at, b.at) ||
      a.rank - b.rank ||
      compareText(a.entry.leg, b.entry.leg) ||
      compareText(a.entry.provider_status, b.entry.provider_status),
  );
  const timed = ranked.filter(({ at }) => at !== null);
  const timeless = ranked.filter(({ at, rank }) => at === null && rank >= 0);
  const ordered: Entry[] = [];
  for (const { entry, rank } of timed) {
    while (timeless[0] && timeless[0].rank < rank)
      ordered.push(...timeless.splice(0, 1).map(entryOf));
    ordered.push(entry);
  }
  const nowhere = ranked.filter(({ at, rank }) => at === null && rank < 0);
  return [...ordered, ...timeless.map(entryOf), ...nowhere.map(entryOf)];
}

const entryOf = <Entry>({ entry }: Readonly<{ entry: Entry }>): Entry => entry;

/**
 * Seconds from each entry that changed the stage to the next one that did, exact to the nanosecond.
 * null for the last, where a time is unknown, and for entries that began no stage: so the figures
 * of one history add up to the time between its first and its present stage.
 */
export function secondsInStage(
  history: readonly Pick<HistoryDraft, "moves" | "effective_at">[],
): (string | null)[] {
  let next: Nanos | null = null;
  const seconds = history.toReversed().map(({ moves, effective_at }) => {
    if (!moves) return null;
    const at = nanosOf(effective_at);
    const spent = at === null || next === null ? null : formatSeconds(next - at);
    next = at;
    return spent;
  });
  return seconds.reverse();
}

function formatSeconds(nanos: Nanos): string {
  const [size, sign] = nanos < 0n ? [-nanos, "-"] : [nanos, ""];
  const fraction = String(size % SECOND)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${sign}${size / SECOND}${fraction && `.${fraction}`}`;
}
