import type { DataOf } from "@counterfoil/contracts/fact";
import { timeOf } from "@counterfoil/core/exact/time";
import type { MovementSide } from "@counterfoil/core/lifecycle/fact-reading";
import { type LifecycleFact, ownTime } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { said } from "@counterfoil/core/lifecycle/record-fields";
import { pairByAmount, type Unpaired } from "@counterfoil/core/lifecycle/run-pairs";
import { isReportKept, runOf } from "@counterfoil/core/lifecycle/withdrawal";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { Cluster, ClusterStore } from "./cluster-store.ts";
import { type Histories, type Place, placeTie, type Word } from "./history.ts";
import {
  byAccountType,
  createRuns,
  type Movement,
  movementKey,
  noteReport,
  noteTimes,
  type OnAccount,
  onAccount,
  type Run,
  type Runs,
  runTimeOn,
  type StoredSide,
  timesOf,
} from "./runs.ts";

/** The movements that withdrawals go through: their times, their words, and pairs within a run. */
export interface Movements {
  /** Notes when a movement says that it took effect; answers when its run did. */
  date(fact: LifecycleFact, side: MovementSide): Promise<bigint>;
  /** A movement does not count any more. */
  undate(side: MovementSide): Promise<void>;
  putSide(fact: LifecycleFact, side: MovementSide, on: PutSide): Promise<void>;
  removeSide(side: MovementSide): Promise<void>;
  /** A run's report came, changed, or (`null`) does not count any more. */
  putReport(data: DataOf<"BalanceReported">, fact: LifecycleFact | null): Promise<void>;
  /** Whether its record has a debit changed: shows its confirmations accordingly. */
  showConfirmations(sides: AsyncIterable<MovementSide>): Promise<void>;
  /** Pairs what the runs of this event have without a partner. */
  pairRuns(): Promise<void>;
}

type PutSide = Readonly<{ cluster: Cluster; at: bigint }>;

/** Dates a movement's fact anew. */
export type Redate = (factId: string, at: bigint) => Promise<void>;

/**
 * A run of more movements is paired when its report is there: to compare all of them for each one
 * that comes would cost their square.
 */
const UNREPORTED_MAX = 64;

type Context = Readonly<{
  buffer: RowBuffer;
  clusters: ClusterStore;
  histories: Histories;
  tieOf: (text: string) => string;
  redate: Redate;
}>;

export class MovementRows implements Movements {
  private readonly runs: Runs;
  private readonly clusters: ClusterStore;
  private readonly histories: Histories;
  private readonly tieOf: (text: string) => string;
  private readonly redate: Redate;
  private readonly changed = new Set<string>();

  constructor({ buffer, clusters, histories, tieOf, redate }: Context) {
    this.runs = createRuns(buffer);
    this.clusters = clusters;
    this.histories = histories;
    this.tieOf = tieOf;
    this.redate = redate;
  }

  async date({ state }: LifecycleFact, side: MovementSide): Promise<bigint> {
    const run = await this.runs.get(side.run);
    const account = onAccount(run, side.accountType);
    const before = timeOn(account);
    noteTimes(account, timesOf(state));
    await this.runs.put(run);
    await this.redateRun(run, side.accountType, before);
    return runTimeOn(account)?.at ?? ownTime(state);
  }

  async undate(side: MovementSide): Promise<void> {
    const run = await this.runs.get(side.run);
    const account = onAccount(run, side.accountType);
    const before = timeOn(account);
    Object.assign(account, { movementAt: null, arrivedAt: null });
    for await (const { sides } of this.runs.movements(side.run)) {
      const other = sides[side.accountType];
      if (other !== undefined) noteTimes(account, other);
    }
    await this.runs.put(run);
    await this.redateRun(run, side.accountType, before);
  }

  async putSide(
    { id, state }: LifecycleFact,
    side: MovementSide,
    { cluster, at }: PutSide,
  ): Promise<void> {
    const { run: name, kind, amount, movementId, accountType, word, occurred_at } = side;
    const key = movementKey(side);
    const run = await this.runs.get(name);
    const known = await this.runs.movement(name, key);
    const movement = known ?? {
      ...{ run: name, id: key, kind, amount, movementId },
      ...{ cluster: cluster.id, sides: byAccountType<StoredSide>({}), pair: null, place: null },
    };
    if (known === null) {
      run.counts[kind] = (run.counts[kind] ?? 0) + 1;
      await this.runs.put(run);
    }
    if (movement.cluster !== cluster.id) {
      await this.hide(movement);
      await this.pair(movement, null);
      movement.cluster = cluster.id;
    }
    movement.sides[accountType] = {
      ...{ fact: id, accountType, at: String(at), word, occurred_at },
      ...timesOf(state),
      takes: side.takes,
      awaitsReport: isReportKept(side.runType),
      position: state.position,
      delivery_id: state.deliveryId,
    };
    await this.show(movement, run);
    await this.store(movement);
    this.changed.add(name);
  }

  async removeSide(side: MovementSide): Promise<void> {
    const { run: name, kind, accountType } = side;
    const movement = await this.runs.movement(name, movementKey(side));
    if (movement === null) return;
    const run = await this.runs.get(name);
    delete movement.sides[accountType];
    if (Object.keys(movement.sides).length === 0) {
      await this.pair(movement, null);
      run.counts[kind] = (run.counts[kind] ?? 1) - 1;
      await this.runs.put(run);
    }
    await this.show(movement, run);
    await this.store(movement);
    this.changed.add(name);
  }

  async putReport(
    { account, run_id = "" }: DataOf<"BalanceReported">,
    fact: LifecycleFact | null,
  ): Promise<void> {
    const name = runOf(account, run_id);
    const [, , , , accountType = ""] = account.split(":");
    const run = await this.runs.get(name);
    const onIt = onAccount(run, accountType);
    const before = timeOn(onIt);
    noteReport(onIt, fact?.state ?? null);
    await this.runs.put(run);
    if (Object.values(run.counts).every((count) => count === 0)) return;
    await this.redateRun(run, accountType, before);
    if (accountType === "available" && (run.counts.confirmed ?? 0) > 0) {
      for await (const movement of this.runs.movements(name)) {
        if (movement.kind !== "confirmed") continue;
        await this.show(movement, run);
        await this.store(movement);
      }
    }
    this.changed.add(name);
  }

  async showConfirmations(sides: AsyncIterable<MovementSide>): Promise<void> {
    for await (const side of sides) {
      if (side.kind !== "confirmed") continue;
      const movement = await this.runs.movement(side.run, movementKey(side));
      if (movement === null) continue;
      await this.show(movement, await this.runs.get(side.run));
      await this.store(movement);
    }
  }

  async pairRuns(): Promise<void> {
    const names = [...this.changed];
    this.changed.clear();
    for (const name of names) await this.pairRun(name);
  }

  /** Where the run took effect at another time than before, its movements did. */
  private async redateRun(run: Run, accountType: string, before: bigint | null): Promise<void> {
    const at = timeOn(onAccount(run, accountType));
    if (at === before) return;
    for await (const { sides } of this.runs.movements(run.run)) {
      const side = sides[accountType];
      if (side !== undefined)
        await this.redate(side.fact, at ?? BigInt(side.ownAt ?? side.arrivedAt));
    }
  }

  private wordOf(movement: Movement, cluster: Cluster, run: Run): Word | null {
    const side = shownSide(movement);
    if (side === null) return null;
    return {
      at: BigInt(side.at),
      dated_at: isUndated(run, side) ? null : BigInt(side.at),
      tie: placeTie(side.word, this.tieOf(`${movement.run} ${movement.id}`)),
      seq: 0,
      stage: stageOf(movement, cluster, run),
      word: side.word,
      source: "movement",
      occurred_at: side.occurred_at === null ? null : timeOf(side.occurred_at),
      mode: null,
      cluster: cluster.id,
      delivery_id: side.delivery_id,
      position: side.position,
    };
  }

  /** Takes its word out of the history, if it is there. */
  private async hide(movement: Movement): Promise<void> {
    if (movement.place === null) return;
    const { base } = await this.clusters.get(movement.cluster);
    const [at, ...rest] = movement.place;
    await this.histories.remove(await this.clusters.get(base), [BigInt(at), ...rest] as Place);
    movement.place = null;
  }

  private async show(movement: Movement, run: Run): Promise<void> {
    const cluster = await this.clusters.get(movement.cluster);
    const base = await this.clusters.get(cluster.base);
    const word = this.wordOf(movement, cluster, run);
    if (movement.place !== null && word !== null && (await this.histories.has(base, word))) return;
    await this.hide(movement);
    if (word === null) return;
    const [at, ...rest] = this.histories.insert(base, word);
    movement.place = [String(at), ...rest];
    this.clusters.touch(cluster);
  }

  private async store(movement: Movement): Promise<void> {
    if (Object.keys(movement.sides).length > 0) await this.runs.putMovement(movement);
    else await this.runs.removeMovement(movement);
  }

  private async pair(movement: Movement, other: number | null): Promise<void> {
    if (movement.pair === other) return;
    const cluster = await this.clusters.get(movement.cluster);
    if (movement.pair !== null) {
      this.clusters.unlink(cluster, await this.clusters.get(movement.pair), "run");
    }
    if (other !== null) {
      this.clusters.link(cluster, await this.clusters.get(other), {
        kind: "run",
        isInferred: false,
      });
    }
    movement.pair = other;
    await this.runs.putMovement(movement);
  }

  private async pairRun(name: string): Promise<void> {
    const run = await this.runs.get(name);
    const { confirmed = 0, debit = 0, pending = 0, released = 0 } = run.counts;
    const isComplete = (run.accounts.available?.report ?? null) !== null;
    const isPairing =
      confirmed > 0 &&
      debit > 0 &&
      (isComplete || confirmed + debit + pending + released <= UNREPORTED_MAX);
    if (!isPairing && !run.isPaired) return;
    const confirmations: Unpaired<Movement>[] = [];
    const debits: Unpaired<Movement>[] = [];
    const all: Movement[] = [];
    for await (const movement of this.runs.movements(name)) {
      if (movement.kind === "confirmed") all.push(movement);
      const unpaired = isPairing ? await this.unpairedOf(movement) : null;
      if (unpaired === null) continue;
      (movement.kind === "debit" ? debits : confirmations).push(unpaired);
    }
    const pairs = new Map(
      pairByAmount(confirmations, debits).map(([a, b]) => [a.id, b.cluster] as const),
    );
    for (const movement of all) if (!pairs.has(movement.id)) await this.pair(movement, null);
    for (const movement of all) await this.pair(movement, pairs.get(movement.id) ?? null);
    if (run.isPaired !== pairs.size > 0) await this.runs.put({ ...run, isPaired: pairs.size > 0 });
  }

  /** null where its partner is stated, or it is no side of a pair. */
  private async unpairedOf(movement: Movement): Promise<Unpaired<Movement> | null> {
    const { kind, amount, movementId, sides } = movement;
    if (kind !== "confirmed" && kind !== "debit") return null;
    const { fields, debits } = await this.clusters.get(movement.cluster);
    const hasPartner = kind === "debit" ? fields.confirmation !== undefined : debits.count > 0;
    if (hasPartner || (kind === "debit" && sides.available === undefined)) return null;
    const at = shownSide(movement)?.at ?? "";
    const order = `${at.padStart(20, "0")}${movementId}`;
    return { item: movement, amount, order, request: said(fields, "id:request") };
  }
}

const timeOn = (account: OnAccount): bigint | null => runTimeOn(account)?.at ?? null;

/** The available side, where it is known: that is the account that the customer sees. */
function shownSide({ sides }: Movement): StoredSide | null {
  const [other] = Object.keys(sides).sort();
  return (
    sides.available ?? sides.collateral ?? (other === undefined ? null : (sides[other] ?? null))
  );
}

/** Neither the side nor its run on that account has a time of the provider's. */
function isUndated(run: Run, { accountType, ownAt }: StoredSide): boolean {
  const account = run.accounts[accountType];
  const runTime = account === undefined ? null : runTimeOn(account);
  return runTime === null ? ownAt === null : runTime.isUndated;
}

function stageOf(movement: Movement, cluster: Cluster, run: Run): string {
  switch (movement.kind) {
    case "pending":
      return "pending";
    case "released":
      return "returned";
    case "debit":
      return "settled";
    case "confirmed":
      return isGivenBack(movement, cluster, run) ? "returned" : "confirmed";
  }
}

/**
 * The hold is back on the available side and nothing was taken from there. Movements of one message
 * are recorded one by one, and the report comes last: only then is it certain that no debit does.
 */
function isGivenBack({ sides }: Movement, cluster: Cluster, run: Run): boolean {
  const released = sides.available;
  if (released === undefined || released.takes || cluster.isDebited) return false;
  return (run.accounts.available?.report ?? null) !== null || !released.awaitsReport;
}
