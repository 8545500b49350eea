import type { ProviderFactType } from "@counterfoil/contracts/fact";
import type { FactReading, Lifecycle } from "@counterfoil/core/lifecycle/fact-reading";
import { known, type LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import type { Row } from "../../ports/table.ts";
import { everyRow } from "../../projection/every-row.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { factStateFrom, factStateText } from "../fact-state-text.ts";
import { having, LIFECYCLE_FACTS } from "./tables.ts";

/** A fact, when it took effect, and the cluster that it is in. */
export type Placed = Readonly<{ fact: LifecycleFact; at: bigint; cluster: number }>;

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
    return row && placedIn(row);
  }

  async put({ fact: { id, type, state }, at, cluster }: Placed): Promise<void> {
    const row = { id, cluster, at, type, state: factStateText(state) };
    this.buffer.put(LIFECYCLE_FACTS, row, await this.buffer.get(LIFECYCLE_FACTS, [id]));
  }

  /** When a fact took effect. */
  async timeOf(id: string): Promise<bigint> {
    return BigInt((await this.buffer.get(LIFECYCLE_FACTS, [id]))?.at ?? 0);
  }

  async *in(cluster: number): AsyncGenerator<Placed> {
    const rows = everyRow(this.buffer, LIFECYCLE_FACTS, having({ cluster }, ["type", "id"]));
    for await (const row of rows) yield placedIn(row);
  }

  async *readingsIn(cluster: number): AsyncGenerator<FactReading> {
    for await (const placed of this.in(cluster)) {
      const reading = this.read(placed);
      if (reading !== null) yield reading;
    }
  }

  counts({ type, state }: LifecycleFact): boolean {
    return !state.withdrawn && this.lifecycle.isKept(type, state.data);
  }

  /** null where it does not count, or only says something of others. */
  read({ fact, at }: Pick<Placed, "fact" | "at">): FactReading | null {
    return this.counts(fact) ? this.lifecycle.read(known(fact, this.tieOf(fact.id), at)) : null;
  }
}

function placedIn({ id, cluster, at, type, state }: Row): Placed {
  const fact: LifecycleFact = {
    id: String(id),
    type: type as ProviderFactType,
    state: factStateFrom(JSON.parse(String(state))),
  };
  return { fact, at: BigInt(at ?? 0), cluster: Number(cluster) };
}
