import type { MovementRecord, RunRecord } from "@counterfoil/contracts/record";
import { agreedTime } from "@counterfoil/core/exact/time";
import { type FactState, inForce, timesOf } from "@counterfoil/core/ingest/fact-state";
import { movementFrom } from "../models/balances/entry-row.ts";
import { ENTRIES, FORMER_RUNS } from "../models/balances/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { Condition, Row, Rows } from "../ports/model-store.ts";
import { entryAt } from "./account-history.ts";
import { type Found, found, foundAmong, MISSING, positionIn, textIn, timeIn } from "./answers.ts";
import { MOVEMENT_VERSIONS, type Moment, NOW, selectAt } from "./moment.ts";
import { accountsAmong, type Platform } from "./platform.ts";

/** Movements shown of one entry, which may have any number; the answer also has their count. */
export const MOVEMENTS_SHOWN = 1000;

/** Accounts shown of one run, in order: a settlement may touch every account of a platform. */
const ACCOUNTS_MAX = 10_000;
/** Movements shown of one run, over all accounts; each account also has its count. */
const MOVEMENTS_MAX = 10 * MOVEMENTS_SHOWN;
/** Number of accounts processed before yielding. */
const BATCH = 100;

/**
 * A run with its movements on all accounts, by its run id, or by `<provider>:<run_id>` if providers
 * share the id.
 */
export async function findRun(
  rows: Rows,
  id: string,
  { platform, moment = NOW, nextTurn }: RunQuery,
): Promise<Found<RunRecord>> {
  const { at_position: position } = moment;
  const scope = { platform, position };
  const entries = await entriesOf(rows, id, scope);
  if (entries.length > 0) {
    const names = [...new Set(entries.map((entry) => `${providerOf(entry)}:${id}`))].sort();
    const choice = foundAmong(names);
    return choice.outcome === "found"
      ? found(await runRecord(rows, id, { entries, position, nextTurn }))
      : choice;
  }
  const [, provider, runId = ""] = NAMED.exec(id) ?? [];
  const own = (await entriesOf(rows, runId, scope)).filter(
    (entry) => providerOf(entry) === provider,
  );
  return own.length === 0
    ? MISSING
    : found(await runRecord(rows, runId, { entries: own, position, nextTurn }));
}

type RunQuery = Readonly<{
  /** A platform sees the part of a run on its accounts. */
  platform: Platform;
  /** Only its position counts: a run has its own time. */
  moment?: Moment;
  nextTurn: Clock["nextTurn"];
}>;

const NAMED = /^(zerohash|layer1):(.+)$/s;

const providerOf = ({ account }: Row): string => String(account).split(":", 1)[0] ?? "";

type EntryScope = Readonly<{ platform: Platform; position: number | undefined }>;

async function entriesOf(
  rows: Rows,
  runId: string,
  { platform, position }: EntryScope,
): Promise<readonly Row[]> {
  const where: Condition[] = [{ column: "run_id", is: "=", value: runId }];
  const among = accountsAmong(platform, "account");
  const limit = ACCOUNTS_MAX;
  const present = await rows.select(ENTRIES, { where, among, orderBy: ["account", "id"], limit });
  if (position === undefined) return present;
  const orderBy = ["run_id", "account"];
  const former = await rows.select(FORMER_RUNS, { where, among, orderBy, limit });
  const accounts = new Set([...present, ...former].map(({ account }) => String(account)));
  const then: Row[] = [];
  for (const account of [...accounts].sort()) {
    const row = await entryAt({ rows, account, position }, `run:${runId}`);
    if (row !== null) then.push(row);
  }
  return then;
}

type Reading = Readonly<{
  entries: readonly Row[];
  position: number | undefined;
  nextTurn: Clock["nextTurn"];
}>;

async function runRecord(
  rows: Rows,
  runId: string,
  { entries, position, nextTurn }: Reading,
): Promise<RunRecord> {
  const stated = entries.map(({ report }) => (report === null ? null : JSON.parse(String(report))));
  const accounts: RunRecord["accounts"] = [];
  let left = MOVEMENTS_MAX;
  for (const [at, entry] of entries.entries()) {
    if (at % BATCH === BATCH - 1) await nextTurn();
    const movements = left > 0 ? await readMovements(rows, entry, position) : [];
    left -= movements.length;
    accounts.push({
      account: String(entry.account),
      change: textIn(entry.change),
      balance: textIn(entry.balance),
      effective_at: timeIn(entry.effective_at),
      movements: movementRecords(movements),
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

/**
 * The movements of an entry that are not withdrawn, in order of their time, then id.
 *
 * @param position at which the entry was read; now if omitted
 */
export async function readMovements(
  rows: Rows,
  entry: Row,
  position?: number,
): Promise<readonly FactState[]> {
  if (entry.kind !== "run" || entry.movements === 0) return [];
  const stored = await selectAt(rows, MOVEMENT_VERSIONS, position, {
    where: [
      { column: "account", is: "=", value: entry.account ?? "" },
      { column: "run_id", is: "=", value: entry.run_id ?? "" },
    ],
    orderBy: ["account", "run_id", "movement_id"],
    limit: MOVEMENTS_SHOWN,
  });
  const known = stored.map(movementFrom).filter(({ withdrawn }) => !withdrawn);
  const timed = known.map((state) => ({ state, at: agreedTime(timesOf(state)) ?? 0n }));
  timed.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return timed.map(({ state }) => state);
}

/** The records of movements, each with the fields that its copies added. */
export function movementRecords(states: readonly FactState[]): MovementRecord[] {
  return states.map((state) => {
    const data = inForce(state);
    const text = (name: keyof MovementRecord) => {
      const value = data[name];
      return typeof value === "string" ? value : null;
    };
    return {
      movement_id: String(data.movement_id),
      movement_type: text("movement_type"),
      change: String(data.change),
      occurred_at: text("occurred_at"),
      deposit_reference_id: text("deposit_reference_id"),
      withdrawal_request_id: text("withdrawal_request_id"),
      trade_id: text("trade_id"),
      transfer_request_id: text("transfer_request_id"),
      transfer_type: text("transfer_type"),
      client_transfer_id: text("client_transfer_id"),
      corrected: state.corrected,
    };
  });
}
