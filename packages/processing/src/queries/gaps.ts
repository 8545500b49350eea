import type { EntryRecord } from "@counterfoil/contracts/record";
import { shownKey } from "@counterfoil/core/balances/anomaly";
import { ENTRIES } from "../models/balances/tables.ts";
import { ANOMALIES } from "../models/columns.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { positionIn, positionOrNull, textIn, timeIn } from "./cell.ts";

type Gap = Extract<EntryRecord, { kind: "gap" }>;

/** An account's gaps by the entry that they are shown before, or after. */
export type Gaps = Readonly<{
  before: (row: Row) => readonly Gap[];
  after: (row: Row) => readonly Gap[];
}>;

const GAPS_MAX = 100_000;

/**
 * An open gap stands before the entry that found something missing. A closed one stands right after
 * the entry before it, ahead of what closed it; where that entry is gone (a snapshot that no longer
 * stands), before the entry that had found it.
 */
export async function readGaps(rows: Rows, account: string): Promise<Gaps> {
  const stored = await rows.select(ANOMALIES, {
    where: [
      { column: "subject", is: "=", value: account },
      { column: "kind", is: "=", value: "gap" },
    ],
    orderBy: ["id"],
    limit: GAPS_MAX,
  });
  const byId = new Map(stored.map((row) => [String(row.id), row]));
  const closed = stored.filter((row) => row.closed_position !== null).map(gapRecord);
  const [after, before] = await placed(rows, account, closed);
  const openBefore = (row: Row) => openGap(row, account, byId);
  return {
    before: (row) => [...(before.get(nameOf(row)) ?? []), ...openBefore(row)],
    after: (row) => after.get(nameOf(row)) ?? [],
  };
}

const nameOf = ({ id }: Row): string => shownKey(String(id)) ?? "";

function gapRecord(row: Row): Gap {
  const { missing_amount, after_run_id, before_run_id } = JSON.parse(String(row.detail));
  return {
    kind: "gap",
    missing_amount,
    after_run_id,
    before_run_id,
    opened_at: timeIn(row.opened_at),
    position: positionIn(row.opened_position),
    closed_position: positionOrNull(row.closed_position),
  };
}

/** What the entry itself says of the gap before it; the anomaly adds where that was first seen. */
function openGap(row: Row, account: string, anomalies: ReadonlyMap<string, Row>): Gap[] {
  const missing = textIn(row.missing);
  if (missing === null) return [];
  const afterRun = shownKey(textIn(row.missing_after));
  const beforeRun = nameOf(row);
  const anomaly = anomalies.get(`gap:${account}:${afterRun}..${beforeRun}`);
  return [
    {
      kind: "gap",
      missing_amount: missing,
      after_run_id: afterRun,
      before_run_id: beforeRun,
      opened_at: timeIn(row.effective_at),
      position: positionIn(anomaly?.opened_position ?? row.position),
      closed_position: null,
    },
  ];
}

type ByEntry = ReadonlyMap<string, readonly Gap[]>;

async function placed(
  rows: Rows,
  account: string,
  closed: readonly Gap[],
): Promise<readonly [after: ByEntry, before: ByEntry]> {
  const after = new Map<string, Gap[]>();
  const before = new Map<string, Gap[]>();
  for (const gap of closed) {
    const { after_run_id, before_run_id } = gap;
    const isThere = await standsIn(rows, account, after_run_id);
    const [place, name] = isThere ? [after, after_run_id] : [before, before_run_id];
    place.set(name ?? "", [...(place.get(name ?? "") ?? []), gap]);
  }
  return [after, before];
}

async function standsIn(rows: Rows, account: string, name: string | null): Promise<boolean> {
  if (name === null) return false;
  const id = name.startsWith("snapshot:") ? name : `run:${name}`;
  return (await rows.get(ENTRIES, [account, id]))?.standing === 1;
}
