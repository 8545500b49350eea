import {
  createEntry,
  deriveFromFacts,
  type Entry,
  entryId,
} from "@counterfoil/core/balances/entry";
import { formatMoney, type Money, moneyOf } from "@counterfoil/core/exact/money";
import { agreedTime } from "@counterfoil/core/exact/time";
import type { Connection } from "@counterfoil/core/feed-lines";
import { type FactState, inForce, timesOf } from "@counterfoil/core/ingest/fact-state";
import type { Row } from "../../ports/table.ts";
import { factStateFrom, factStateText } from "../fact-state-text.ts";

export function entryRow(entry: Entry, account: string): Row {
  const isRun = entry.kind === "run";
  const runType = isRun ? runTypeOf(entry) : null;
  return {
    account,
    id: entryId(entry),
    kind: entry.kind,
    run_id: isRun && !account.startsWith("layer1:") ? entry.key : null,
    run_type: runType,
    occurred_at: entry.statedTime,
    dated_at: isRun && entry.effectiveAt !== entry.arrivedAt ? entry.effectiveAt : null,
    effective_at: entry.effectiveAt,
    chain_at: entry.chainAt,
    rank: entry.rank,
    standing: entry.standing ? 1 : 0,
    change: printed(entry.change),
    balance: printed(entry.balance),
    running: printed(entry.running),
    order_running: printed(entry.orderRunning),
    missing: printed(entry.missing),
    missing_after: entry.missingAfter,
    opening: printed(entry.opening),
    movements: movementsText(entry),
    facts: factsText(entry),
    floor: entry.floor,
    late: entry.late ? 1 : 0,
    delivery_id: entry.deliveryId,
    position: entry.position,
  };
}

const printed = (amount: Money | null): string | null =>
  amount === null ? null : formatMoney(amount);

function runTypeOf({ facts }: Entry): string | null {
  const report = facts.report && inForce(facts.report).run_type;
  if (typeof report === "string") return report;
  for (const movement of facts.movements.values()) {
    const { run_type } = inForce(movement);
    if (typeof run_type === "string") return run_type;
  }
  return null;
}

function movementsText({ facts }: Entry): string {
  if (facts.movements.size === 0) return "[]";
  const shown = movementsOf(facts.movements.values()).map(({ data }) => {
    const type = data.movement_type === undefined ? "null" : JSON.stringify(data.movement_type);
    return `[${JSON.stringify(data.movement_id)},${type},"${data.change}"]`;
  });
  return `[${shown.join(",")}]`;
}

/** The movements in force, in order of their time, then id. */
export function movementsOf(
  states: Iterable<FactState>,
): readonly Readonly<{ data: Readonly<Record<string, unknown>> }>[] {
  const known = [...states].filter(({ withdrawn }) => !withdrawn);
  if (known.length < 2) return known.map((state) => ({ data: inForce(state), at: null }));
  const movements = known.map((state) => ({
    data: inForce(state),
    at: agreedTime(timesOf(state)),
  }));
  return movements.sort((a, b) => {
    if (a.at !== b.at) return (a.at ?? 0n) < (b.at ?? 0n) ? -1 : 1;
    return String(a.data.movement_id) < String(b.data.movement_id) ? -1 : 1;
  });
}

function factsText({ facts }: Entry): string {
  const movements = [...facts.movements.values()].map(factStateText);
  const report = facts.report === null ? "null" : factStateText(facts.report);
  return `{"report":${report},"movements":[${movements.join(",")}]}`;
}

export type StoredFacts = Readonly<{ report: FactState | null; movements: readonly FactState[] }>;

/** The facts of an entry's row. */
export function factsOf(row: Row): StoredFacts {
  const { report, movements } = JSON.parse(String(row.facts));
  return {
    report: report === null ? null : factStateFrom(report),
    movements: movements.map(factStateFrom),
  };
}

/** The entry that `entryRow` made. */
export function entryFromRow(
  row: Row,
  account: string,
  connections: ReadonlyMap<string, Connection>,
): Entry {
  const id = String(row.id);
  const kind = row.kind === "snapshot" ? "snapshot" : "run";
  const entry = createEntry(kind, id.slice(kind.length + 1), Number(row.position));
  const { report, movements } = factsOf(row);
  const byId = new Map(movements.map((state) => [String(state.data.movement_id), state]));
  entry.facts = { report, movements: byId };
  deriveFromFacts(entry, account, connections);
  return Object.assign(entry, {
    effectiveAt: BigInt(row.effective_at ?? 0),
    chainAt: BigInt(row.chain_at ?? 0),
    rank: Number(row.rank),
    standing: row.standing === 1,
    running: moneyIn(row.running),
    orderRunning: moneyIn(row.order_running),
    missing: moneyIn(row.missing),
    missingAfter: row.missing_after as string | null,
    opening: moneyIn(row.opening),
    floor: BigInt(row.floor ?? 0),
    late: row.late === 1,
  });
}

export const moneyIn = (value: Row[string] | undefined): Money | null =>
  typeof value === "string" ? moneyOf(value) : null;
