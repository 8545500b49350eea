import type { EntryRecord } from "@counterfoil/contracts/record";
import { shownKey } from "@counterfoil/core/balances/anomalies";
import { ENTRIES } from "../models/balances/tables.ts";
import { ANOMALIES } from "../models/columns.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { positionIn, positionOrNull, textIn, timeIn } from "./cell.ts";

type Gap = Extract<EntryRecord, { kind: "gap" }>;

/** An account's gaps by the entry that they are shown before, or after. */
export type Gaps = Readonly<{
  before: (entry: Row) => Promise<readonly Gap[]>;
  after: (entry: Row) => readonly Gap[];
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
  const closed = stored.filter((row) => row.closed_position !== null).map(closedGap);
  const byAfter = Map.groupBy(closed, ({ after_run_id }) => after_run_id);
  const byBefore = Map.groupBy(closed, ({ before_run_id }) => before_run_id);

  async function leftAlone(gap: Gap): Promise<boolean> {
    return !(await standsIn(rows, account, gap.after_run_id));
  }

  return {
    before: async (entry) => {
      const alone: Gap[] = [];
      for (const gap of byBefore.get(nameOf(entry)) ?? []) {
        if (await leftAlone(gap)) alone.push(gap);
      }
      return [...alone, ...openGap(entry, account, byId)];
    },
    after: (entry) => byAfter.get(nameOf(entry)) ?? [],
  };
}

const nameOf = ({ id }: Row): string | null => shownKey(String(id));

function closedGap(anomaly: Row): Gap {
  const { missing_amount, after_run_id, before_run_id } = JSON.parse(String(anomaly.detail));
  return {
    kind: "gap",
    missing_amount,
    after_run_id,
    before_run_id,
    opened_at: timeIn(anomaly.opened_at),
    position: positionIn(anomaly.opened_position),
    closed_position: positionOrNull(anomaly.closed_position),
  };
}

/** What the entry itself says of the gap before it; the anomaly adds where that was first seen. */
function openGap(entry: Row, account: string, anomalies: ReadonlyMap<string, Row>): Gap[] {
  const missing = textIn(entry.missing);
  if (missing === null) return [];
  const after = shownKey(textIn(entry.missing_after));
  const before = nameOf(entry);
  const anomaly = anomalies.get(`gap:${account}:${after}..${before}`);
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

async function standsIn(rows: Rows, account: string, name: string | null): Promise<boolean> {
  if (name === null) return false;
  const id = name.startsWith("snapshot:") ? name : `run:${name}`;
  return (await rows.get(ENTRIES, [account, id])) !== null;
}
