import {
  type EffectiveTime,
  effectiveTime,
  statedTime,
} from "@counterfoil/core/balances/effective-time";
import { type FactState, firstArrivalOf, notBeforeOf } from "@counterfoil/core/ingest/fact-state";
import type { MovementKind, MovementSide } from "@counterfoil/core/lifecycle/fact-reading";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { MOVEMENTS, RUNS } from "./tables.ts";

/** One movement of a withdrawal: its sides are the accounts that state it. */
export type Movement = {
  readonly run: string;
  readonly id: string;
  readonly kind: MovementKind;
  readonly movementId: string;
  readonly amount: string;
  cluster: number;
  /** By type of account. */
  sides: Record<string, StoredSide>;
  /** The cluster of the confirmation or debit that it was paired with. */
  pair: number | null;
  /** Its row in the history: JSON of its place. */
  place: readonly [at: string, rank: number, tie: string, seq: number] | null;
};

export type StoredSide = Readonly<{
  fact: string;
  accountType: string;
  at: string;
  /** The movement's own time, null where it has none that can be. */
  ownAt: string | null;
  arrivedAt: string;
  takes: boolean;
  /** Whether a report follows that says that the run's movements are complete. */
  awaitsReport: boolean;
  word: string;
  occurred_at: string | null;
  position: number;
  delivery_id: string | null;
}>;

/** What is known of one run on one account. */
export type OnAccount = {
  movementAt: string | null;
  arrivedAt: string | null;
  report: Readonly<{ runAt: string | null; notBefore: string | null; arrivedAt: string }> | null;
};

export type Run = {
  readonly run: string;
  accounts: Record<string, OnAccount>;
  /** How many movements, by kind. */
  counts: Partial<Record<MovementKind, number>>;
  /** Whether some of its confirmations and debits are paired. */
  isPaired: boolean;
};

/** Providers name the types: one called as what every object inherits is one like another. */
export const byAccountType = <T>(known: Readonly<Record<string, T>>): Record<string, T> =>
  Object.assign(Object.create(null), known);

export interface Runs {
  get(run: string): Promise<Run>;
  put(run: Run): Promise<void>;
  movement(run: string, id: string): Promise<Movement | null>;
  putMovement(movement: Movement): Promise<void>;
  removeMovement(movement: Movement): Promise<void>;
  movements(run: string): AsyncGenerator<Movement>;
}

export const movementKey = ({ kind, class: of, movementId }: MovementSide): string =>
  JSON.stringify([kind, of, movementId]);

export function createRuns(buffer: RowBuffer): Runs {
  const movementIn = ({ run, id, data }: Row): Movement => {
    const movement: Movement = { run: String(run), id: String(id), ...JSON.parse(String(data)) };
    movement.sides = byAccountType(movement.sides);
    return movement;
  };

  return {
    async get(run) {
      const row = await buffer.get(RUNS, [run]);
      if (row === null) return { run, accounts: byAccountType({}), counts: {}, isPaired: false };
      const known: Run = { run, ...JSON.parse(String(row.data)) };
      known.accounts = byAccountType(known.accounts);
      return known;
    },
    async put({ run, ...data }) {
      const row = { run, data: JSON.stringify(data) };
      buffer.put(RUNS, row, await buffer.get(RUNS, [run]));
    },
    async movement(run, id) {
      const row = await buffer.get(MOVEMENTS, [run, id]);
      return row && movementIn(row);
    },
    async putMovement({ run, id, ...data }) {
      const stored = await buffer.get(MOVEMENTS, [run, id]);
      buffer.put(MOVEMENTS, { run, id, data: JSON.stringify(data) }, stored);
    },
    async removeMovement({ run, id }) {
      const stored = await buffer.get(MOVEMENTS, [run, id]);
      if (stored !== null) buffer.remove(MOVEMENTS, stored, stored);
    },
    async *movements(run) {
      const where = [{ column: "run", is: "=" as const, value: run }];
      const rows = everyRow(buffer, MOVEMENTS, { where, orderBy: ["run", "id"], limit: 500 });
      for await (const row of rows) yield movementIn(row);
    },
  };
}

const later = (a: string | null, b: string | null): string | null =>
  b === null || (a !== null && BigInt(a) >= BigInt(b)) ? a : b;
const earlier = (a: string | null, b: string): string =>
  a !== null && BigInt(a) <= BigInt(b) ? a : b;

export function onAccount(run: Run, accountType: string): OnAccount {
  const known = run.accounts[accountType] ?? { movementAt: null, arrivedAt: null, report: null };
  run.accounts[accountType] = known;
  return known;
}

/** What a movement says of its run's time. */
type SideTimes = Pick<StoredSide, "ownAt" | "arrivedAt">;

export const timesOf = (state: FactState): SideTimes => ({
  ownAt: textOf(statedTime(state).at),
  arrivedAt: String(firstArrivalOf(state)),
});

/** Takes in what a movement says of its run's time. */
export function noteTimes(account: OnAccount, { ownAt, arrivedAt }: SideTimes): void {
  account.movementAt = later(account.movementAt, ownAt);
  account.arrivedAt = earlier(account.arrivedAt, arrivedAt);
}

/** `null`: the report does not count any more. */
export function noteReport(account: OnAccount, state: FactState | null): void {
  account.report =
    state === null
      ? null
      : {
          runAt: textOf(statedTime(state).at),
          notBefore: textOf(notBeforeOf(state)),
          arrivedAt: String(firstArrivalOf(state)),
        };
}

const textOf = (at: bigint | null): string | null => (at === null ? null : String(at));
const nanosOf = (at: string | null): bigint | null => (at === null ? null : BigInt(at));

/**
 * When the run took effect on the account, by the same rule as its balance. Movements of one message
 * are recorded one by one and the report comes last: until then each has its own time, so that a
 * run of thousands is dated once.
 */
export function runTimeOn({ movementAt, arrivedAt, report }: OnAccount): EffectiveTime | null {
  if (report === null) return null;
  const arrived = earlier(arrivedAt, report.arrivedAt);
  return effectiveTime({
    movementAt: nanosOf(movementAt),
    runAt: nanosOf(report.runAt),
    arrivedAt: BigInt(arrived),
    notBefore: nanosOf(report.notBefore),
  });
}
