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
  type MovementSide,
  sideRank,
} from "@counterfoil/core/lifecycle/withdrawal-movement";
import type { Row, Value } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import type { Cluster } from "./clusters.ts";
import { type Facts, NOWHERE, type Placed } from "./facts.ts";
import { having, MOVEMENTS } from "./tables.ts";

/** A run whose confirmations or debits an event changed, with their clusters. */
export type ChangedRun = Readonly<{
  run: string;
  clusters: ReadonlySet<number>;
  /** Whether a side was removed. */
  isFewer: boolean;
}>;

/** A run that an event changed on one account. */
type Changed = {
  readonly on: AccountRun;
  /** The effective time before the event; null if there was no report. */
  readonly before: EffectiveTime | null;
  /** The clusters whose confirmations or debits were added or removed. */
  readonly clusters: Set<number>;
  /** Whether a side was removed. */
  isFewer: boolean;
};

/** The stored time of a movement that states none; no event is dated so early. */
const NO_TIME = 0n;
const BY_TIME = ["stated_at", "fact"];

/** The movements of withdrawals, by run: when the run took effect, and whether all are known. */
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
    };
    this.buffer.put(MOVEMENTS, row, await this.get(id, side));
    this.times.delete(keyOf(side));
  }

  /** Removes a side that no cluster holds any more. */
  async remove(id: string, side: MovementSide): Promise<void> {
    (await this.note(side)).isFewer = true;
    const row = await this.get(id, side);
    if (row !== null) this.buffer.remove(MOVEMENTS, row, row);
    this.times.delete(keyOf(side));
  }

  /** Stores a report. It belongs to no record, but dates the movements of its run. */
  async putReport(fact: LifecycleFact): Promise<void> {
    const { account, run_id = "" } = fact.state.data as DataOf<"BalanceReported">;
    const on = accountRun(account, run_id);
    await this.note(on);
    await this.facts.put({ fact, at: 0n, cluster: NOWHERE, reading: null });
    this.times.delete(keyOf(on));
  }

  /** Must be called before a side is added to a cluster or removed from it. */
  async noteSide(side: MovementSide, { id }: Cluster): Promise<void> {
    const { clusters } = await this.note(side);
    if (side.kind === "confirmed" || side.kind === "debit") clusters.add(id);
  }

  /** The effective time of a fact; `dated` is null if that is only its arrival. */
  async dating(state: FactState, side: MovementSide | null) {
    const time = side && (await this.timeOn(side));
    if (time) return { at: time.at, dated: time.isUndated ? null : time.at };
    const dated = statedTime(state).at;
    return { at: dated ?? firstArrivalOf(state), dated };
  }

  /**
   * Whether all movements of a side's run are known. Those of one message are recorded one by one,
   * before its report, so only after the report is it certain that no debit belongs to a
   * confirmation.
   */
  async isComplete(side: MovementSide): Promise<boolean> {
    return side.kind !== "confirmed" || !side.awaitsReport || (await this.timeOn(side)) !== null;
  }

  /** @param refresh places the fact of a movement again, because its run's effective time changed */
  async redateRuns(refresh: (placed: Placed) => Promise<void>): Promise<void> {
    for (const { on, before } of this.changed.values()) {
      if ((await this.timeOn(on))?.at === before?.at) continue;
      for await (const { fact } of this.sidesOn(on)) {
        const placed = await this.facts.get(String(fact));
        if (placed !== null) await refresh(placed);
      }
    }
  }

  /** The confirmations and debits among the first `limit` sides of a run. */
  async pairedSides(run: string, limit: number): Promise<readonly Row[]> {
    const few = having({ run }, ["kind", "fact"], { limit });
    return (await this.buffer.select(MOVEMENTS, few)).filter(isPaired);
  }

  /** The first side with these values, by its fact; `account` is the type of the account. */
  async firstSide(values: Readonly<Record<string, Value>>): Promise<Row | null> {
    const order = values.account === undefined ? ["account", "fact"] : ["fact"];
    const [first = null] = await this.buffer.select(MOVEMENTS, having(values, order, { limit: 1 }));
    return first;
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
   * The effective time of the run on the account, by the same rule as for its balance; null until its
   * report is known. Until then each movement has its own time, so that a run of thousands of
   * movements is dated once.
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

const keyOf = ({ account, runId }: AccountRun): string => `${runId} ${account}`;

/** A confirmation, or a debit of the available account. */
const isPaired = ({ kind, account }: Row): boolean =>
  kind === "confirmed" || (kind === "debit" && account === "available");

/** The best ranked side of each movement. */
export function shownSides(sides: readonly Row[]): readonly Row[] {
  const shown = new Map<string, Row>();
  for (const row of sides) {
    const key = JSON.stringify([row.kind, row.amount, row.movement_id]);
    const other = shown.get(key);
    if (other === undefined || rankOf(row) < rankOf(other)) shown.set(key, row);
  }
  return [...shown.values()];
}

const rankOf = ({ account }: Row): string => sideRank({ accountType: String(account) });
