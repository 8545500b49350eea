import {
  type Entry,
  exchange,
  hasFacts,
  type MovementSum,
  NO_MOVEMENTS,
  newEntry,
  withMovement,
  withMovementSum,
  withReport,
} from "@counterfoil/core/balances/entry";
import { nextFact, type StreamEvent, type Target } from "@counterfoil/core/balances/evolve";
import type { EntryChange } from "@counterfoil/core/balances/history";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { type Account, findEntry, isAllInMemory } from "./account.ts";
import { movementFrom, movementRow } from "./entry-row.ts";
import { place, placeInMemory } from "./placing.ts";
import { MOVEMENTS } from "./tables.ts";

/** One fact as it was and as it is now, and what became of the account's entries. */
export type Step = Readonly<{
  account: Account;
  entry: Pick<Entry, "key" | "effectiveAt">;
  before: FactState | null;
  after: FactState | null;
  changes: readonly EntryChange[];
  event: StreamEvent;
}>;

type RunTarget = Exclude<Target, { kind: "statement" }>;

/**
 * A new fact of a run whose surroundings are in memory.
 *
 * @returns null where something has to be looked up: then nothing was changed
 */
export function foldInMemory(
  buffer: RowBuffer,
  account: Account,
  target: RunTarget,
  event: StreamEvent,
): Step | null {
  if (!account.history.isEnd) return null;
  const known = account.history.byId.get(`run:${target.key}`);
  const entry = known ?? newEntry("run", target.key);
  if (!known && !isAllInMemory(account) && entry.counter <= account.lastCounter) return null;
  const fact = nextFact(null, event) as FactState;
  const isReport = target.kind === "report";
  const drawn = isReport ? withReport(entry, fact) : withMovement(entry, null, fact);
  if (drawn === null) return null;
  const replacement = { before: known ?? null, after: drawn, position: event.position };
  const changes = placeInMemory(account, replacement);
  if (changes === null) return null;
  if (entry.counter > account.lastCounter) account.lastCounter = entry.counter;
  if (!isReport) buffer.put(MOVEMENTS, movementRow(fact, account.id), null);
  return { account, entry: drawn, before: null, after: fact, changes, event };
}

/** A correction may put a movement into another run. */
type Moving = Readonly<{
  /** It goes to another run: it is only taken out of this one. */
  leaves?: boolean;
  /** It comes from another run. */
  coming?: FactState | null;
}>;

/**
 * Folds an event about a run's report or movement.
 *
 * @returns null where nothing is known of what it amends
 */
export async function foldRun(
  buffer: RowBuffer,
  account: Account,
  target: RunTarget,
  event: StreamEvent,
  { leaves = false, coming = null }: Moving = {},
): Promise<Readonly<{ step: Step; fact: FactState }> | null> {
  const { position } = event;
  const known = await findEntry(buffer, account, `run:${target.key}`);
  const entry = known ?? newEntry("run", target.key);
  const before = coming !== null ? null : await factBefore(buffer, account, entry, target);
  const fact = coming ?? nextFact(before, event);
  if (fact === null) return null;
  const after = leaves ? null : fact;
  const drawn = await withFact(buffer, entry, { account, target }, { before, after });
  if (target.kind === "movement") await putMovement(buffer, account, target, after);
  if (entry.counter > account.lastCounter) account.lastCounter = entry.counter;
  const stays = hasFacts(drawn) ? drawn : null;
  const changes =
    known === null && stays === null
      ? []
      : await place(buffer, account, { before: known, after: stays, position });
  return { step: { account, entry: drawn, before, after, changes, event }, fact };
}

async function factBefore(
  buffer: RowBuffer,
  account: Account,
  entry: Entry,
  target: RunTarget,
): Promise<FactState | null> {
  if (target.kind === "report") return entry.report;
  const row = await buffer.get(MOVEMENTS, [account.id, target.key, target.movement]);
  return row === null ? null : movementFrom(row);
}

async function withFact(
  buffer: RowBuffer,
  entry: Entry,
  { account, target }: Readonly<{ account: Account; target: RunTarget }>,
  { before, after }: Readonly<{ before: FactState | null; after: FactState | null }>,
): Promise<Entry> {
  if (target.kind === "report") return withReport(entry, after);
  const exchanged = withMovement(entry, before, after);
  if (exchanged !== null) return exchanged;
  const others = await sumOfOthers(buffer, account, target);
  const whole = withMovement(withMovementSum(entry, others), null, after);
  return whole ?? withMovementSum(entry, others);
}

/** What the other movements of a run add up to: read anew where the latest of them is gone. */
async function sumOfOthers(
  buffer: RowBuffer,
  account: Account,
  { key: run, movement: except }: Extract<Target, { kind: "movement" }>,
): Promise<MovementSum> {
  let sum = NO_MOVEMENTS;
  const movements = everyRow(buffer, MOVEMENTS, {
    where: [
      { column: "account", is: "=", value: account.id },
      { column: "run_id", is: "=", value: run },
    ],
    orderBy: ["account", "run_id", "movement_id"],
    limit: PAGE,
  });
  for await (const row of movements) {
    if (row.movement_id !== except) sum = exchange(sum, null, movementFrom(row)) ?? sum;
  }
  return sum;
}

const PAGE = 500;

async function putMovement(
  buffer: RowBuffer,
  account: Account,
  { key, movement }: Extract<Target, { kind: "movement" }>,
  state: FactState | null,
): Promise<void> {
  const stored = await buffer.get(MOVEMENTS, [account.id, key, movement]);
  if (state !== null) buffer.put(MOVEMENTS, movementRow(state, account.id), stored);
  else if (stored !== null) buffer.remove(MOVEMENTS, stored, stored);
}
