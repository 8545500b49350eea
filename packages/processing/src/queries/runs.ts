import type { RunRecord } from "@counterfoil/contracts/record";
import { factsOf } from "../models/balances/entry-row.ts";
import { ENTRIES, RUNS } from "../models/balances/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { positionIn, textIn, timeIn } from "./cell.ts";
import { type Found, found, foundAmong } from "./found.ts";
import { movementRecords } from "./movement-record.ts";

/** A settlement may touch every account of a platform. */
const ACCOUNTS_MAX = 100_000;

/**
 * A run with its movements on all accounts, by its run id; where providers share one, by
 * `<provider>:<run_id>`. A run of which only movements or balances came is found as well.
 */
export async function findRun(rows: Rows, id: string): Promise<Found<RunRecord>> {
  const named = await rows.get(RUNS, [id]);
  const runId = named === null ? id : String(named.run_id);
  const entries = await entriesOf(rows, runId);
  const runs = await runsCalled(rows, runId);
  const providers = [...runs.map(({ provider }) => String(provider)), ...entries.map(providerOf)];
  const choice =
    named === null
      ? foundAmong(providers.map((provider) => `${provider}:${runId}`))
      : found(String(named.id));
  if (choice.outcome !== "found") return choice;
  const run = runs.find((row) => row.id === choice.record) ?? null;
  const own = entries.filter((entry) => `${providerOf(entry)}:${runId}` === choice.record);
  return found(runRecord(choice.record, run, own));
}

const providerOf = ({ account }: Row): string => String(account).split(":", 1)[0] ?? "";

function entriesOf(rows: Rows, runId: string): Promise<readonly Row[]> {
  return rows.select(ENTRIES, {
    where: [{ column: "run_id", is: "=", value: runId }],
    orderBy: ["account", "id"],
    limit: ACCOUNTS_MAX,
  });
}

function runsCalled(rows: Rows, runId: string): Promise<readonly Row[]> {
  return rows.select(RUNS, {
    where: [{ column: "run_id", is: "=", value: runId }],
    orderBy: ["id"],
    limit: 10,
  });
}

function runRecord(id: string, run: Row | null, entries: readonly Row[]): RunRecord {
  const [provider = ""] = id.split(":", 1);
  const positions = [run, ...entries].map((row) => Number(row?.position ?? 0));
  return {
    run_id: id.slice(provider.length + 1),
    provider: provider as RunRecord["provider"],
    run_type: textIn(run?.run_type) ?? textIn(entries[0]?.run_type),
    occurred_at: timeIn(run?.occurred_at),
    accounts: entries.map((entry) => ({
      account: String(entry.account),
      change: textIn(entry.change),
      balance: textIn(entry.balance),
      effective_at: timeIn(entry.effective_at),
      movements: movementRecords(factsOf(entry).movements),
      position: positionIn(entry.position),
    })),
    position: String(Math.max(...positions)),
  };
}
