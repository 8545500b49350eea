import type { EntryRecord } from "@counterfoil/contracts/record";
import { shownKey } from "@counterfoil/core/balances/anomalies";
import { ANOMALIES } from "../models/columns.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { compareTuples } from "../projection/selection.ts";
import { anomaliesAt, anomalyAt } from "./anomaly-record.ts";
import { beginsWith, beyondPart, positionIn, positionOrNull, textIn, timeIn } from "./answers.ts";
import { entryAt } from "./last-entry.ts";
import { type Moment, NOW } from "./moment.ts";

type Gap = Extract<EntryRecord, { kind: "gap" }>;

/** A closed gap, and the name by which those behind the same entry are read on. */
export type ClosedGap = Readonly<{ id: string; gap: Gap }>;

/** An account's gaps by the entry that they are shown before, or after. */
export type Gaps = Readonly<{
  before: (entry: Row) => Promise<readonly Gap[]>;
  /** At most so many of them, behind a name; fewer where no more follow. */
  after: (entry: Row, beyond: string | null, limit: number) => Promise<readonly ClosedGap[]>;
}>;

/**
 * An open gap stands before the entry that found something missing. A closed one stands right after
 * the entry before it, ahead of what closed it; where that entry is gone (a snapshot that no longer
 * stands), before the entry that had found it.
 *
 * An account may have a million: only those of the entries that are asked for are read, by their
 * names. Where the entry before a gap is gone no name leads to it, and it is looked for among the
 * first of the account and the first behind snapshots, as many as `readFirst` reads.
 */
export async function readGaps(rows: Rows, account: string, moment: Moment = NOW): Promise<Gaps> {
  const first = await readFirst(rows, `gap:${account}:`);
  const isWhole = first.length < FIRST_MAX;
  const further = isWhole ? [] : await readFirst(rows, `gap:${account}:snapshot:`);
  const then = await anomaliesAt(rows, [...first, ...further], moment);
  const known = new Map(then.map((row) => [String(row.id), row]));
  const isClosed = (row: Row) => isClosedBy(row, moment);
  const closed = [...known.values()].filter(isClosed).map(closedGap);
  const byAfter = Map.groupBy(closed, ({ gap }) => gap.after_run_id);
  const byBefore = Map.groupBy(closed, ({ gap }) => gap.before_run_id);

  async function anomalyOf(id: string): Promise<Row | null> {
    return known.get(id) ?? (await anomalyAt(rows, id, moment));
  }

  async function alone(entry: Row): Promise<readonly Gap[]> {
    const found: Gap[] = [];
    for (const { gap } of byBefore.get(nameOf(entry)) ?? []) {
      if (!(await standsIn(rows, account, gap.after_run_id, moment))) found.push(gap);
    }
    return found;
  }

  return {
    before: async (entry) => [
      ...(await alone(entry)),
      ...(await openGap(entry, account, anomalyOf)),
    ],
    after: async (entry, beyond, limit) => {
      const name = nameOf(entry);
      if (!isWhole) return closedAfter(rows, { account, name, beyond, limit, moment });
      const all = byAfter.get(name) ?? [];
      const isBehind = ({ id }: ClosedGap) => beyond === null || compareTuples([id], [beyond]) > 0;
      return all.filter(isBehind).slice(0, limit);
    },
  };
}

/** What one page reads of an account's gaps at once; nearly every account has fewer. */
const FIRST_MAX = 1000;

/** The first gaps whose id begins so. */
function readFirst(rows: Rows, prefix: string): Promise<readonly Row[]> {
  return rows.select(ANOMALIES, {
    where: beginsWith("id", prefix),
    orderBy: ["id"],
    limit: FIRST_MAX,
  });
}

type After = Readonly<{
  account: string;
  name: string | null;
  beyond: string | null;
  limit: number;
  moment: Moment;
}>;

/** A gap's id begins with the entry before it. Open ones among them are passed by. */
async function closedAfter(
  rows: Rows,
  { account, name, beyond, limit, moment }: After,
): Promise<readonly ClosedGap[]> {
  const found: ClosedGap[] = [];
  const where = beginsWith("id", `gap:${account}:${name}..`);
  for (let last = beyond; found.length < limit; ) {
    const key = beyondPart(last === null ? null : [last]);
    const page = await rows.select(ANOMALIES, { where, orderBy: ["id"], ...key, limit });
    const then = await anomaliesAt(rows, page, moment);
    const closed = then.filter((row) => isClosedBy(row, moment)).map(closedGap);
    found.push(...closed.filter(({ gap }) => gap.after_run_id === name));
    if (page.length < limit) break;
    last = String(page.at(-1)?.id);
  }
  return found.slice(0, limit);
}

const nameOf = ({ id }: Row): string | null => shownKey(String(id));

function closedGap(anomaly: Row): ClosedGap {
  const { missing_amount, after_run_id, before_run_id } = JSON.parse(String(anomaly.detail));
  return {
    id: String(anomaly.id),
    gap: {
      kind: "gap",
      missing_amount,
      after_run_id,
      before_run_id,
      opened_at: timeIn(anomaly.opened_at),
      position: positionIn(anomaly.opened_position),
      closed_position: positionOrNull(anomaly.closed_position),
    },
  };
}

/** What the entry itself says of the gap before it; the anomaly adds where that was first seen. */
async function openGap(
  entry: Row,
  account: string,
  anomalyOf: (id: string) => Promise<Row | null>,
): Promise<readonly Gap[]> {
  const missing = textIn(entry.missing);
  if (missing === null) return [];
  const after = shownKey(textIn(entry.missing_after));
  const before = nameOf(entry);
  const anomaly = await anomalyOf(`gap:${account}:${after}..${before}`);
  return [
    {
      kind: "gap",
      missing_amount: missing,
      after_run_id: after,
      before_run_id: before,
      opened_at: timeIn(entry.effective_at),
      position: positionIn(anomaly?.opened_position ?? entry.position),
      closed_position: null,
    },
  ];
}

/** Closed by the facts of the moment; and found missing, as of a time, by what took effect by then. */
function isClosedBy({ closed_position, opened_at }: Row, { as_of }: Moment): boolean {
  if (closed_position === null) return false;
  return as_of === undefined || opened_at === null || BigInt(opened_at ?? 0) <= as_of;
}

async function standsIn(
  rows: Rows,
  account: string,
  name: string | null,
  { at_position }: Moment,
): Promise<boolean> {
  if (name === null) return false;
  const id = name.startsWith("snapshot:") ? name : `run:${name}`;
  return (await entryAt({ rows, account, position: at_position }, id)) !== null;
}
