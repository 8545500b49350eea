import type { RunRecord } from "@counterfoil/contracts/record";
import { ENTRIES } from "../models/balances/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { positionIn, textIn, timeIn } from "./cell.ts";
import { movementRecords, readMovements } from "./entries.ts";
import { type Found, found, foundAmong, MISSING } from "./found.ts";

/** A settlement may touch every account of a platform. */
const ACCOUNTS_MAX = 100_000;

/**
 * A run with its movements on all accounts, by its run id; where providers share one, by
 * `<provider>:<run_id>`.
 */
export async function findRun(rows: Rows, id: string): Promise<Found<RunRecord>> {
  const entries = await entriesOf(rows, id);
  if (entries.length > 0) {
    const names = [...new Set(entries.map((entry) => `${providerOf(entry)}:${id}`))].sort();
    const choice = foundAmong(names);
    return choice.outcome === "found" ? found(await runRecord(rows, id, entries)) : choice;
  }
  const [, provider, runId = ""] = NAMED.exec(id) ?? [];
  const own = (await entriesOf(rows, runId)).filter((entry) => providerOf(entry) === provider);
  return own.length === 0 ? MISSING : found(await runRecord(rows, runId, own));
}

const NAMED = /^(zerohash|layer1):(.+)$/s;

const providerOf = ({ account }: Row): string => String(account).split(":", 1)[0] ?? "";

function entriesOf(rows: Rows, runId: string): Promise<readonly Row[]> {
  return rows.select(ENTRIES, {
    where: [{ column: "run_id", is: "=", value: runId }],
    orderBy: ["account", "id"],
    limit: ACCOUNTS_MAX,
  });
}

async function runRecord(rows: Rows, runId: string, entries: readonly Row[]): Promise<RunRecord> {
  const stated = entries.map(({ report }) => (report === null ? null : JSON.parse(String(report))));
  const accounts: RunRecord["accounts"] = [];
  for (const entry of entries) {
    accounts.push({
      account: String(entry.account),
      change: textIn(entry.change),
      balance: textIn(entry.balance),
      effective_at: timeIn(entry.effective_at),
      movements: movementRecords(await readMovements(rows, entry)),
      movement_count: Number(entry.movements),
      position: positionIn(entry.position),
    });
  }
  return {
    run_id: runId,
    provider: entries.map(providerOf)[0] as RunRecord["provider"],
    run_type: entries.map(({ run_type }) => textIn(run_type)).find((type) => type !== null) ?? null,
    occurred_at: stated.map((report) => report?.data.occurred_at).find(Boolean) ?? null,
    accounts,
    position: String(Math.max(...entries.map(({ position }) => Number(position)))),
  };
}
