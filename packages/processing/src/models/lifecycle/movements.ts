import {
  type EffectiveTime,
  effectiveTime,
  statedTime,
} from "@counterfoil/core/balances/effective-time";
import { type FactState, firstArrivalOf, notBeforeOf } from "@counterfoil/core/ingest/fact-state";
import { factIdOfKey, type LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { valueIn } from "@counterfoil/core/lifecycle/record-fields";
import { pairByAmount, type Unpaired } from "@counterfoil/core/lifecycle/run-pairs";
import {
  type AccountRun,
  freesHold,
  type MovementSide,
  onAvailable,
  sideRank,
} from "@counterfoil/core/lifecycle/withdrawal-movement";
import type { Row, Value } from "../../ports/table.ts";
import { everyRow } from "../../projection/every-row.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { Cluster, Clusters } from "./clusters.ts";
import type { Facts } from "./facts.ts";
import { having, MOVEMENTS } from "./tables.ts";

/** A run that changed on an account: its time before, and the clusters whose movements did. */
type Changed = Readonly<{ on: AccountRun; before: EffectiveTime | null; clusters: Set<number> }>;

/**
 * A run of more movements is paired when its report is there: to compare all of them for each one
 * that comes would cost their square.
 */
const UNREPORTED_MAX = 64;

/**
 * The movements that withdrawals go through, by run: when the run took effect, what it gives back,
 * and which of its confirmations and debits are pairs.
 */
export class Movements {
  private readonly buffer: RowBuffer;
  private readonly facts: Facts;
  private readonly clusters: Clusters;
  private readonly changed = new Map<string, Changed>();

  constructor(buffer: RowBuffer, facts: Facts, clusters: Clusters) {
    this.buffer = buffer;
    this.facts = facts;
    this.clusters = clusters;
  }

  async put({ id, state }: LifecycleFact, side: MovementSide, cluster: Cluster): Promise<void> {
    await this.note(side, cluster.id);
    const { run, kind, accountType, movementId, amount } = side;
    const row = {
      ...{ run, kind, fact: id, account: accountType, movement_id: movementId, amount },
      cluster: cluster.id,
      stated_at: statedTime(state).at ?? NO_TIME,
      arrived_at: firstArrivalOf(state),
      gives_back: Number(await this.givesBack(side, cluster)),
    };
    this.buffer.put(MOVEMENTS, row, await this.get(id, side));
  }

  async remove(id: string, side: MovementSide): Promise<void> {
    await this.note(side);
    const row = await this.get(id, side);
    if (row !== null) this.buffer.remove(MOVEMENTS, row, row);
  }

  /** To be called before a run changes on an account, with the clusters whose movements do. */
  async note(on: AccountRun, ...clusters: number[]): Promise<void> {
    const key = JSON.stringify([on.run, on.accountType]);
    const known = this.changed.get(key);
    const noted = known ?? { on, before: await this.timeOn(on), clusters: new Set<number>() };
    this.changed.set(key, noted);
    for (const cluster of clusters) noted.clusters.add(cluster);
  }

  /** When a fact took effect; `dated` is null where that is only its arrival. */
  async dating(state: FactState, side: MovementSide | null) {
    const time = side && (await this.timeOn(side));
    if (time) return { at: time.at, dated: time.isUndated ? null : time.at };
    const dated = statedTime(state).at;
    return { at: dated ?? firstArrivalOf(state), dated };
  }

  /** Whether a side is shown as giving the hold back. */
  async isGivenBack(id: string, side: MovementSide): Promise<boolean> {
    return freesHold(side) && (await this.get(id, side))?.gives_back === 1;
  }

  /**
   * Whether a confirmation gives the hold back: nothing is taken. Movements of one message are
   * recorded one by one, and the report comes last: only then is it certain that no debit does.
   */
  async givesBack(side: MovementSide, { isDebited }: Cluster): Promise<boolean> {
    if (!freesHold(side) || isDebited) return false;
    return !side.awaitsReport || (await this.reportOn(side)) !== null;
  }

  /** @param refresh puts a movement's fact anew whose run took effect at another time. */
  async redateRuns(refresh: (factId: string) => Promise<void>): Promise<void> {
    for (const { on, before } of this.changed.values()) {
      if ((await this.timeOn(on))?.at === before?.at) continue;
      const sides = this.rows({ run: on.run, account: on.accountType }, BY_TIME);
      for await (const { fact } of sides) await refresh(String(fact));
    }
  }

  async pairRuns(): Promise<void> {
    for (const { on, clusters } of this.changed.values()) await this.pairRun(on, clusters);
  }

  /** Ends the event. */
  flush(): void {
    this.changed.clear();
  }

  private get(id: string, { run, kind }: MovementSide): Promise<Row | null> {
    return this.buffer.get(MOVEMENTS, [run, kind, id]);
  }

  private rows(values: Readonly<Record<string, Value>>, order: readonly string[]) {
    return everyRow(this.buffer, MOVEMENTS, having(values, order));
  }

  /** The run's report on the account, which says that its movements are complete there. */
  private async reportOn({ account, runId: run_id }: AccountRun): Promise<FactState | null> {
    const found = await this.facts.get(factIdOfKey("BalanceReported", { account, run_id }));
    return found !== null && this.facts.counts(found.fact) ? found.fact.state : null;
  }

  /**
   * When the run took effect on the account, by the same rule as its balance. Until its report is
   * there each movement has its own time, so that a run of thousands is dated once.
   */
  private async timeOn(on: AccountRun): Promise<EffectiveTime | null> {
    const report = await this.reportOn(on);
    if (report === null) return null;
    const values = { run: on.run, account: on.accountType };
    const newest = { descending: true, limit: 1 };
    const [last] = await this.buffer.select(MOVEMENTS, having(values, BY_TIME, newest));
    const movementAt = last && last.stated_at !== NO_TIME ? BigInt(last.stated_at ?? 0) : null;
    const runAt = statedTime(report).at;
    let arrivedAt = firstArrivalOf(report);
    if (movementAt === null && runAt === null) {
      for await (const { arrived_at } of this.rows(values, BY_TIME)) {
        const arrived = BigInt(arrived_at ?? 0);
        if (arrived < arrivedAt) arrivedAt = arrived;
      }
    }
    return effectiveTime({ movementAt, runAt, arrivedAt, notBefore: notBeforeOf(report) });
  }

  /** Links the confirmations and debits that are pairs now, and those no more that were. */
  private async pairRun(on: AccountRun, changed: ReadonlySet<number>): Promise<void> {
    const count = await this.countToPair(on);
    const isPairing = count > 0 && count <= UNREPORTED_MAX;
    // Where a report came or went, or the run is too large now, all may be pairs or none.
    const isWhole = isPairing || changed.size === 0 || count === UNREPORTED_MAX + 1;
    const sides = isWhole ? await this.toPair(on) : [];
    const { confirmed, debit } = await this.unpaired(isPairing ? sides : []);
    const members = new Set<Cluster>();
    for (const id of changed) members.add(await this.clusters.get(id));
    for (const { cluster } of sides) members.add(await this.clusters.get(Number(cluster)));
    const link = { kind: `run:${on.run}`, isInferred: false };
    await this.clusters.relink(members, pairByAmount(confirmed, debit), link);
  }

  /** Movements of a run that is not reported, as far as it matters; 0 where nothing can be a pair. */
  private async countToPair(on: AccountRun): Promise<number> {
    const { run } = on;
    for (const kind of ["confirmed", "debit"]) {
      const one = having({ run, kind }, ["fact"], { limit: 1 });
      if ((await this.buffer.select(MOVEMENTS, one)).length === 0) return 0;
    }
    if ((await this.reportOn(onAvailable(on))) !== null) return 1;
    // Each has two sides.
    const limit = 2 * (UNREPORTED_MAX + 1) + 1;
    const some = await this.buffer.select(MOVEMENTS, having({ run }, ["kind", "fact"], { limit }));
    return new Set(some.map(movementOf)).size;
  }

  /** Of each confirmation the side that is shown, and the debits of the available account. */
  private async toPair({ run }: AccountRun): Promise<Row[]> {
    const confirmed = new Map<string, Row>();
    const debits: Row[] = [];
    const rank = ({ account }: Row) => sideRank({ accountType: String(account) });
    for await (const row of this.rows({ run, kind: "confirmed" }, ["fact"])) {
      const other = confirmed.get(movementOf(row));
      if (other === undefined || rank(row) < rank(other)) confirmed.set(movementOf(row), row);
    }
    for await (const row of this.rows({ run, kind: "debit" }, ["fact"])) {
      if (row.account === "available") debits.push(row);
    }
    return [...confirmed.values(), ...debits];
  }

  /** Those whose partner is not stated. */
  private async unpaired(sides: readonly Row[]) {
    const unpaired: Record<"confirmed" | "debit", Unpaired<Cluster>[]> = {
      confirmed: [],
      debit: [],
    };
    for (const { kind, fact, amount, movement_id, cluster } of sides) {
      const item = await this.clusters.get(Number(cluster));
      const isDebit = kind === "debit";
      if (isDebit ? item.fields.confirmation !== undefined : item.debits.count > 0) continue;
      const at = await this.facts.timeOf(String(fact));
      const order = `${String(at).padStart(20, "0")}${movement_id}`;
      const request = valueIn(item.fields, "id:request");
      unpaired[isDebit ? "debit" : "confirmed"].push({
        item,
        amount: String(amount),
        order,
        request,
      });
    }
    return unpaired;
  }
}

/** No time that anything is dated lies so early. */
const NO_TIME = 0n;

/** Of movements of one run and account. */
const BY_TIME = ["stated_at", "fact"];

const movementOf = ({ kind, amount, movement_id }: Row): string =>
  JSON.stringify([kind, amount, movement_id]);
