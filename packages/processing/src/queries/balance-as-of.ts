import type { BalanceRecord } from "@counterfoil/contracts/record";
import { GOES_ON } from "@counterfoil/core/balances/entry";
import { CLUSTER_MAX, TIME_ERROR } from "@counterfoil/core/balances/ordering";
import type { Nanos } from "@counterfoil/core/exact/time";
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
  const openGaps = await gapsUpTo(rows, account, last);
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

/**
 * The last entry, in the account's order, that took effect by the time. No entry takes effect after
 * its place, so the index seeks to it; of what is ordered together some that stand behind it may
 * have taken effect before.
 */
async function lastEntry(
  rows: Rows,
  account: string,
  time: Nanos,
  ...further: readonly Condition[]
): Promise<Row | null> {
  const where = [{ column: "account", is: "=", value: account } as const, ...further];
  const orderBy = ["account", "placed_at", "rank", "mark"];
  const [entry = null] = await rows.select(ENTRIES, {
    where: [
      ...where,
      { column: "placed_at", is: "<=", value: time },
      { column: "effective_at", is: "<=", value: time },
    ],
    orderBy,
    descending: true,
    limit: 1,
  });
  const behind = await rows.select(ENTRIES, {
    where,
    orderBy,
    beyond: [account, time + 1n, -1, ""],
    limit: CLUSTER_MAX,
  });
  let last = entry;
  for (const row of behind) {
    const isNear = row.joined === GOES_ON || BigInt(row.placed_at ?? 0) <= time + TIME_ERROR;
    if (!isNear) break;
    if (BigInt(row.effective_at ?? 0) <= time) last = row;
  }
  return last;
}

const GAPS_PAGE = 1000;

/** Counts them backward from the entry, a page at a time, until no more than these can follow. */
async function gapsUpTo(rows: Rows, account: Row, last: Row): Promise<number> {
  const [id, all] = [String(account.id), Number(account.open_gaps)];
  const orderBy = ["account", "placed_at", "rank", "mark"];
  let beyond: Row = { ...last, mark: `${last.mark}\u0001` };
  for (let count = 0; ; ) {
    const limit = Math.min(GAPS_PAGE, all - count);
    if (limit <= 0) return count;
    const gaps = await rows.select(ENTRIES, {
      where: [
        { column: "account", is: "=", value: id },
        // Whatever is missing is more than no text; null is not.
        { column: "missing", is: ">=", value: "" },
      ],
      orderBy,
      descending: true,
      beyond: [id, beyond.placed_at ?? 0n, beyond.rank ?? 0, beyond.mark ?? ""],
      limit,
    });
    count += gaps.length;
    if (gaps.length < limit) return count;
    beyond = gaps.at(-1) ?? beyond;
  }
}

/** Whether a snapshot leaves it out is known of now alone. */
function statusOf(entry: Row, openGaps: number): BalanceRecord["status"] {
  if (Number(entry.contradictions) > 0) return "contradicted";
  return openGaps > 0 ? "gap_open" : "continuous";
}
