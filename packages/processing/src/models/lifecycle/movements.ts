import type { DataOf } from "@counterfoil/contracts/fact";
import {
  type EffectiveTime,
  effectiveTime,
  statedTime,
} from "@counterfoil/core/balances/effective-time";
import { type FactState, firstArrivalOf, notBeforeOf } from "@counterfoil/core/ingest/fact-state";
import { factIdOfKey, type LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  type AccountRun,
  accountRun,
  freesHold,
  isReleased,
  type MovementSide,
  reversalOf,
} from "@counterfoil/core/lifecycle/withdrawal-movement";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import type { Cluster } from "./clusters.ts";
import { type Facts, NOWHERE, type Placed } from "./facts.ts";
import { having, MOVEMENTS } from "./tables.ts";

/** A run whose confirmations or debits an event changed, and whose they are. */
export type ChangedRun = Readonly<{
  run: string;
  clusters: ReadonlySet<number>;
  /** Whether one is gone. */
  isFewer: boolean;
}>;

/** A run that an event changed on an account. */
type Changed = {
  readonly on: AccountRun;
  /** When it took effect before; null where it was not reported. */
  readonly before: EffectiveTime | null;
  /** The clusters whose confirmations or debits came or went. */
  readonly clusters: Set<number>;
  /** Whether a side is gone. */
  isFewer: boolean;
};

/** A movement that says no time; nothing is dated so early. */
const NO_TIME = 0n;
const BY_TIME = ["stated_at", "fact"];

/**
 * The movements that withdrawals go through, by run: when the run took effect, and what it gives back.
 */
export class Movements {
  private readonly buffer: RowBuffer;
  private readonly facts: Facts;
  private readonly changed = new Map<string, Changed>();
  private readonly times = new Map<string, EffectiveTime | null>();

  constructor(buffer: RowBuffer, facts: Facts) {
    this.buffer = buffer;
    this.facts = facts;
  }

  async put({ id, state }: LifecycleFact, side: MovementSide, cluster: Cluster): Promise<void> {
    await this.noteSide(side, cluster);
    const { run, kind, accountType, movementId, amount } = side;
    const row = {
      ...{ run, kind, fact: id, account: accountType, movement_id: movementId, amount },
      cluster: cluster.id,
      stated_at: statedTime(state).at ?? NO_TIME,
      arrived_at: firstArrivalOf(state),
      gives_back: Number(await this.givesBack(id, side, cluster)),
    };
    this.buffer.put(MOVEMENTS, row, await this.get(id, side));
    this.times.delete(keyOf(side));
  }

  /** No cluster has it any more. */
  async remove(id: string, side: MovementSide): Promise<void> {
    (await this.note(side)).isFewer = true;
    const row = await this.get(id, side);
    if (row !== null) this.buffer.remove(MOVEMENTS, row, row);
    this.times.delete(keyOf(side));
  }

  /** A report belongs to no record: it dates the movements of its run. */
  async putReport(fact: LifecycleFact): Promise<void> {
    const { account, run_id = "" } = fact.state.data as DataOf<"BalanceReported">;
    const on = accountRun(account, run_id);
    await this.note(on);
    await this.facts.put({ fact, at: 0n, cluster: NOWHERE, reading: null });
    this.times.delete(keyOf(on));
  }

  /** To be called before a side comes into a cluster or leaves it. */
  async noteSide(side: MovementSide, { id }: Cluster): Promise<void> {
    const { clusters } = await this.note(side);
    if (side.kind === "confirmed" || side.kind === "debit") clusters.add(id);
  }

  /** When a fact took effect; `dated` is null where that is only its arrival. */
  async dating(state: FactState, side: MovementSide | null) {
    const time = side && (await this.timeOn(side));
    if (time) return { at: time.at, dated: time.isUndated ? null : time.at };
    const dated = statedTime(state).at;
    return { at: dated ?? firstArrivalOf(state), dated };
  }

  /** Whether a side is shown as giving back what was held or taken. */
  async isGivenBack(id: string, side: MovementSide): Promise<boolean> {
    return mayGiveBack(side) && (await this.get(id, side))?.gives_back === 1;
  }

  /**
   * Whether a reversal gives back all that was taken; a release or a confirmation the hold: nothing
   * is taken. Movements of one message are recorded one by one, and the report comes last: only then
   * is it certain that no debit comes with the confirmation.
   */
  async givesBack(id: string, side: MovementSide, cluster: Cluster): Promise<boolean> {
    if (reversalOf(side) !== null) return cluster.returnedBy === id;
    if (!freesHold(side) || cluster.isDebited) return false;
    return isReleased(side) || !side.awaitsReport || (await this.timeOn(side)) !== null;
  }

  /** @param refresh puts a movement's fact anew whose run took effect at another time. */
  async redateRuns(refresh: (placed: Placed) => Promise<void>): Promise<void> {
    for (const { on, before } of this.changed.values()) {
      if ((await this.timeOn(on))?.at === before?.at) continue;
      for await (const { fact } of this.sidesOn(on)) {
        const placed = await this.facts.get(String(fact));
        if (placed !== null) await refresh(placed);
      }
    }
  }

  /** The runs whose confirmations or debits the event changed. */
  changedRuns(): readonly ChangedRun[] {
    const changed = [...this.changed.values()].filter(({ clusters }) => clusters.size > 0);
    return changed.map(({ on: { run }, clusters, isFewer }) => ({ run, clusters, isFewer }));
  }

  /** Ends the event. */
  flush(): void {
    this.changed.clear();
    this.times.clear();
  }

  private get(id: string, { run, kind }: MovementSide): Promise<Row | null> {
    return this.buffer.get(MOVEMENTS, [run, kind, id]);
  }

  private sidesOn({ run, accountType: account }: AccountRun): AsyncGenerator<Row> {
    return everyRow(this.buffer, MOVEMENTS, having({ run, account }, BY_TIME));
  }

  private async note(on: AccountRun): Promise<Changed> {
    const noted = this.changed.get(keyOf(on)) ?? {
      ...{ on, before: await this.timeOn(on) },
      ...{ clusters: new Set<number>(), isFewer: false },
    };
    this.changed.set(keyOf(on), noted);
    return noted;
  }

  /**
   * When the run took effect on the account, by the same rule as its balance; null until its report
   * is there. Until then each movement has its own time, so that a run of thousands is dated once.
   */
  private async timeOn(on: AccountRun): Promise<EffectiveTime | null> {
    const known = this.times.get(keyOf(on));
    if (known !== undefined) return known;
    const key = { account: on.account, run_id: on.runId };
    const report = await this.facts.get(factIdOfKey("BalanceReported", key));
    const isReported = report !== null && this.facts.counts(report.fact);
    const time = isReported ? await this.timeBy(report.fact.state, on) : null;
    this.times.set(keyOf(on), time);
    return time;
  }

  private async timeBy(report: FactState, on: AccountRun): Promise<EffectiveTime> {
    const { run, accountType: account } = on;
    const newest = having({ run, account }, BY_TIME, { descending: true, limit: 1 });
    const [last] = await this.buffer.select(MOVEMENTS, newest);
    const movementAt = last && last.stated_at !== NO_TIME ? BigInt(last.stated_at ?? 0) : null;
    const runAt = statedTime(report).at;
    let arrivedAt = firstArrivalOf(report);
    if (movementAt === null && runAt === null) {
      for await (const { arrived_at } of this.sidesOn(on)) {
        const arrived = BigInt(arrived_at ?? 0);
        if (arrived < arrivedAt) arrivedAt = arrived;
      }
    }
    return effectiveTime({ movementAt, runAt, arrivedAt, notBefore: notBeforeOf(report) });
  }
}

/** Whether it depends on its record what it is shown as. */
export const mayGiveBack = (side: MovementSide): boolean =>
  freesHold(side) || reversalOf(side) !== null;

const keyOf = ({ account, runId }: AccountRun): string => `${runId} ${account}`;
