import type { BalanceRecord } from "@counterfoil/contracts/record";
import type { Nanos } from "@counterfoil/core/exact/time";
import { factsOf } from "../models/balances/entry-row.ts";
import { ENTRIES } from "../models/balances/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Condition, Row } from "../ports/table.ts";
import { balanceRecord } from "./balance-record.ts";
import { positionIn, textIn, timeIn } from "./cell.ts";
import { runIdOf } from "./entry-record.ts";

/**
 * An account after its last report that took effect by a time, by all facts known now. The gaps are
 * those that are open now and lie before that time, so a gap that was closed since does not count;
 * the provider's ids are those known now, whenever they were reported.
 *
 * @returns null where nothing was reported by then.
 */
export async function balanceAsOf(
  rows: Rows,
  account: Row,
  time: Nanos,
): Promise<BalanceRecord | null> {
  const id = String(account.id);
  const last = await lastEntry(rows, id, time);
  if (last === null) return null;
  const lastRun = last.kind === "run" ? last : await lastEntry(rows, id, time, IS_RUN);
  const openGaps = account.open_gaps === 0 ? 0 : await gapsUpTo(rows, id, last);
  return {
    ...balanceRecord(account),
    balance: textIn(last.running),
    status: statusOf(last, openGaps),
    open_gaps: openGaps,
    last_run_id: lastRun === null ? null : runIdOf(lastRun),
    updated_at: timeIn(last.effective_at),
    position: positionIn(last.position),
  };
}

const IS_RUN: Condition = { column: "kind", is: "=", value: "run" };
const STANDS: Condition = { column: "standing", is: "=", value: 1 };

/** The last entry, in the account's order, that took effect by the time. */
async function lastEntry(
  rows: Rows,
  account: string,
  time: Nanos,
  ...further: readonly Condition[]
): Promise<Row | null> {
  const [entry] = await rows.select(ENTRIES, {
    where: [
      { column: "account", is: "=", value: account },
      // No entry takes effect before its chain begins: this is what the index seeks to.
      { column: "chain_at", is: "<=", value: time },
      { column: "effective_at", is: "<=", value: time },
      STANDS,
      ...further,
    ],
    orderBy: ["account", "chain_at", "rank"],
    descending: true,
    limit: 1,
  });
  return entry ?? null;
}

const GAPS_MAX = 1_000_000;

async function gapsUpTo(rows: Rows, account: string, last: Row): Promise<number> {
  const gaps = await rows.select(ENTRIES, {
    where: [
      { column: "account", is: "=", value: account },
      { column: "chain_at", is: "<=", value: last.chain_at ?? 0n },
      // Whatever is missing is more than no text; null is not.
      { column: "missing", is: ">=", value: "" },
    ],
    orderBy: ["account", "chain_at", "rank"],
    limit: GAPS_MAX,
  });
  const isAfter = (gap: Row) =>
    gap.chain_at === last.chain_at && Number(gap.rank) > Number(last.rank);
  return gaps.filter((gap) => !isAfter(gap)).length;
}

function statusOf(entry: Row, openGaps: number): BalanceRecord["status"] {
  const { report, movements } = factsOf(entry);
  const isContradicted = [...movements, ...(report === null ? [] : [report])].some(
    ({ withdrawn, contradicted }) => !withdrawn && contradicted.length > 0,
  );
  if (isContradicted) return "contradicted";
  return openGaps > 0 ? "gap_open" : "continuous";
}
