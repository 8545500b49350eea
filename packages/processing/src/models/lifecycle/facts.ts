import type { ProviderFactType } from "@counterfoil/contracts/fact";
import {
  type FactReading,
  known,
  type Lifecycle,
  type LifecycleFact,
  ownTime,
} from "@counterfoil/core/lifecycle/lifecycle-fact";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { factStateFrom, factStateText } from "../columns.ts";
import { having, LIFECYCLE_FACTS } from "./tables.ts";

/** A fact with when it took effect, the cluster that it is in, and what it says there. */
export type Placed = Readonly<{
  fact: LifecycleFact;
  at: bigint;
  cluster: number;
  /** null where it does not count, or only says something of others. */
  reading: FactReading | null;
}>;

/** The cluster of a fact that belongs to no record, or not yet. */
export const NOWHERE = 0;

/** The facts that a lifecycle keeps. */
export class Facts {
  private readonly lifecycle: Lifecycle;
  private readonly buffer: RowBuffer;
  /** Orders facts of one time, on every engine alike. */
  readonly tieOf: (factId: string) => string;

  constructor(lifecycle: Lifecycle, buffer: RowBuffer, tieOf: (factId: string) => string) {
    this.lifecycle = lifecycle;
    this.buffer = buffer;
    this.tieOf = tieOf;
  }

  async get(id: string): Promise<Placed | null> {
    const row = await this.buffer.get(LIFECYCLE_FACTS, [id]);
    return row && this.placedIn(row);
  }

  async put({ fact: { id, type, state }, at, cluster }: Placed): Promise<void> {
    const row = { id, cluster, at, type, state: factStateText(state) };
    this.buffer.put(LIFECYCLE_FACTS, row, await this.buffer.get(LIFECYCLE_FACTS, [id]));
  }

  async *in(cluster: number): AsyncGenerator<Placed> {
    const rows = everyRow(this.buffer, LIFECYCLE_FACTS, having({ cluster }, ["type", "id"]));
    for await (const row of rows) yield this.placedIn(row);
  }

  /** A fact in a place, to be read as of that time. */
  placed(fact: LifecycleFact, at = ownTime(fact.state), cluster = NOWHERE): Placed {
    const content = this.counts(fact) ? known(fact, this.tieOf(fact.id), at) : null;
    return { fact, at, cluster, reading: content && this.lifecycle.read(content) };
  }

  counts({ type, state }: LifecycleFact): boolean {
    return !state.withdrawn && this.lifecycle.isKept(type, state.data);
  }

  private placedIn({ id, cluster, at, type, state }: Row): Placed {
    const fact: LifecycleFact = {
      id: String(id),
      type: type as ProviderFactType,
      state: factStateFrom(JSON.parse(String(state))),
    };
    return this.placed(fact, BigInt(at ?? 0), Number(cluster));
  }
}
