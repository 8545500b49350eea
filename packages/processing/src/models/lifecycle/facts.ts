import type { ProviderFactType } from "@counterfoil/contracts/fact";
import {
  datedFact,
  type FactReading,
  type Lifecycle,
  type LifecycleFact,
  type Name,
  ownTime,
} from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  broaderOwners,
  isNarrowerOwner,
  narrowerOwnerRange,
  type Owner,
} from "@counterfoil/core/lifecycle/record-fields";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { factStateFrom, factStateText } from "../columns.ts";
import { having, LIFECYCLE_FACTS, NAMES, NAMES_PAST } from "./tables.ts";

/** A fact with its effective time, its cluster, and its reading at that time. */
export type Placed = Readonly<{
  fact: LifecycleFact;
  at: bigint;
  cluster: number;
  /** null if the fact does not count, or only describes other facts. */
  reading: FactReading | null;
}>;

/** The cluster of a fact that belongs to no record, or to none yet. */
export const NOWHERE = 0;

/** The facts that a lifecycle keeps. */
export class Facts {
  private readonly lifecycle: Lifecycle;
  private readonly buffer: RowBuffer;
  /** Orders facts of the same time, in the same way on every storage engine. */
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

  /** The facts of a cluster from a time on, in ascending or descending order of time. */
  async *inTime(cluster: number, at: bigint, isBackwards: boolean): AsyncGenerator<Placed> {
    const beyond = [isBackwards ? at + 1n : at, ""];
    const options = { beyond, descending: isBackwards, limit: TIME_PAGE };
    const rows = everyRow(this.buffer, LIFECYCLE_FACTS, having({ cluster }, ["at", "id"], options));
    for await (const row of rows) yield this.placedIn(row);
  }

  /**
   * The next movements of a cluster behind one, by id: at most `limit` of each account. Accounts are
   * found one by one, since a record has few.
   */
  async *movementsAfter(
    cluster: number,
    movementId: string,
    limit: number,
  ): AsyncGenerator<FactReading> {
    const type: ProviderFactType = "MovementRecorded";
    const behind = (id: string, most: number) =>
      having({ cluster, type }, ["id"], { beyond: [id], limit: most });
    for (let beyond = ""; ; ) {
      const [first] = await this.buffer.select(LIFECYCLE_FACTS, behind(beyond, 1));
      if (first === undefined) return;
      const [, account] = JSON.parse(String(first.id));
      const start = JSON.stringify([type, account, movementId]);
      let found = 0;
      for await (const row of everyRow(this.buffer, LIFECYCLE_FACTS, behind(start, limit))) {
        if (found === limit || JSON.parse(String(row.id))[1] !== account) break;
        const { reading } = this.placedIn(row);
        if (!reading?.names.some(({ kind }) => kind === "movement")) continue;
        found += 1;
        yield reading;
      }
      // Ids continue behind the account with a comma: this sorts behind all of them.
      beyond = `${JSON.stringify([type, account]).slice(0, -1)}-`;
    }
  }

  /** Reads a fact as of a time, in a cluster. */
  placed(fact: LifecycleFact, at = ownTime(fact.state), cluster = NOWHERE): Placed {
    const content = this.counts(fact) ? datedFact(fact, this.tieOf(fact.id), at) : null;
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

/** The page size of reads by time: callers rarely need more than the next fact. */
const TIME_PAGE = 8;

export type NameChanges = Readonly<{
  /** Names that gained or lost an owner. */
  owners: readonly Name[];
  /** Clusters with facts of broader owners, which may belong to another cluster now. */
  undecided: readonly number[];
}>;

const ALIAS = "alias";

/** The levels of an owner: participant, asset, network. */
const OWNER_LEVELS = 3;

/**
 * Names join facts within one owner. A fact of a broader owner, whose asset or network is unknown,
 * belongs to the narrower owner of the name if there is only one. If there are several, it is
 * ambiguous and the fact stays separate.
 */
export class Names {
  private readonly buffer: RowBuffer;
  private position = 0;

  constructor(buffer: RowBuffer) {
    this.buffer = buffer;
  }

  /** Begins the next event. */
  begin(position: number): void {
    this.position = position;
  }

  /** Adds the names of a fact to the counts, or subtracts them. */
  async count({ names, owner }: FactReading, by: 1 | -1): Promise<NameChanges> {
    const owners: Name[] = [];
    const undecided: number[] = [];
    for (const name of names) {
      if (!(await this.countRow(name, owner, by))) continue;
      owners.push(name);
      for (const row of await this.broader(name, owner)) {
        const isAmbiguous = (await this.narrower(name, String(row.owner))) === null;
        if (row.cluster !== 0 && (by < 0 || isAmbiguous)) undecided.push(Number(row.cluster));
      }
    }
    return { owners, undecided };
  }

  /** Adds the aliases of a fact in a cluster to the counts, or subtracts them. */
  async countAliases({ aliases }: FactReading, cluster: number, by: 1 | -1): Promise<void> {
    for (const name of aliases)
      await this.countRow({ kind: ALIAS, name }, String(cluster), by, cluster);
  }

  /** Assigns the names of a fact to a cluster; 0 for none yet. */
  async assign({ names, owner }: FactReading, cluster: number): Promise<void> {
    for (const name of names) {
      const stored = await this.get(name, owner);
      if (stored === null || stored.cluster === cluster) continue;
      this.keepPast(stored);
      this.buffer.put(NAMES, { ...stored, cluster, since: this.position }, stored);
    }
  }

  /** The clusters that a fact belongs to by its names, which must be counted already. */
  async clustersOf({ names, owner }: FactReading): Promise<ReadonlySet<number>> {
    const clusters = new Set<number>();
    for (const name of names) {
      const rows = [await this.get(name, owner), await this.narrower(name, owner)];
      for (const row of [...rows, ...(await this.resolvedBroader(name, owner))]) {
        if (row !== null && row.cluster !== 0) clusters.add(Number(row.cluster));
      }
    }
    return clusters;
  }

  /** The cluster that owns a mentioned name; 0 if there is none, or if several may own it. */
  async ownerOf(mentioned: Name, owner: Owner): Promise<number> {
    const [participant = ""] = owner.split("/");
    const owners = await this.sharing(mentioned.name, [mentioned.kind], 2);
    const only = owners.length === 1 ? owners[0] : await this.narrower(mentioned, "");
    const row =
      only ?? (await this.narrower(mentioned, participant)) ?? (await this.get(mentioned, owner));
    return Number(row?.cluster ?? 0);
  }

  /** The cluster that has a name of exactly this owner; 0 if none has. */
  async clusterOf(name: Name, owner: Owner): Promise<number> {
    return Number((await this.get(name, owner))?.cluster ?? NOWHERE);
  }

  /** Whether facts state the name for this owner, or for the only narrower owner. */
  async isStated(name: Name, owner: Owner): Promise<boolean> {
    return ((await this.get(name, owner)) ?? (await this.narrower(name, owner))) !== null;
  }

  /** The owners of a name of these kinds, at most `limit`. */
  sharing(name: string, kinds: readonly string[], limit: number): Promise<readonly Row[]> {
    return this.buffer.select(NAMES, {
      where: [
        { column: "name", is: "=", value: name },
        { column: "kind", is: "in", value: kinds },
      ],
      orderBy: ["name", "kind", "owner"],
      limit,
    });
  }

  private get({ name, kind }: Name, owner: Owner): Promise<Row | null> {
    return this.buffer.get(NAMES, [name, kind, owner]);
  }

  /** The row of the narrowest owner below this one; null if there is none, or if it is ambiguous. */
  private async narrower({ name, kind }: Name, owner: Owner): Promise<Row | null> {
    const [after, before] = narrowerOwnerRange(owner);
    const behind = { beyond: [after], limit: OWNER_LEVELS + 1 };
    const found = await this.buffer.select(NAMES, having({ name, kind }, ["owner"], behind));
    const rows = found.filter((row) => String(row.owner) < before);
    const last = rows.at(-1);
    const isOne = rows.every(
      (row) => row === last || isNarrowerOwner(String(last?.owner), String(row.owner)),
    );
    return last !== undefined && isOne && rows.length <= OWNER_LEVELS ? last : null;
  }

  private async broader(name: Name, owner: Owner): Promise<Row[]> {
    if (name.kind === "movement") return [];
    const rows = await Promise.all(broaderOwners(owner).map((broader) => this.get(name, broader)));
    return rows.filter((row) => row !== null);
  }

  /** The rows of broader owners that can only be this owner. */
  private async resolvedBroader(name: Name, owner: Owner): Promise<Row[]> {
    const resolved: Row[] = [];
    for (const row of await this.broader(name, owner)) {
      const found = String((await this.narrower(name, String(row.owner)))?.owner ?? "");
      if (found === owner || isNarrowerOwner(found, owner)) resolved.push(row);
    }
    return resolved;
  }

  /** @returns whether the first fact stated the name, or the last one no longer does */
  private async countRow(name: Name, owner: Owner, by: 1 | -1, cluster = 0): Promise<boolean> {
    const stored = await this.get(name, owner);
    const count = Number(stored?.count ?? 0) + by;
    const row = {
      ...{ ...name, owner, cluster: stored?.cluster ?? cluster, count },
      since: stored?.since ?? this.position,
    };
    if (count > 0) this.buffer.put(NAMES, row, stored);
    else {
      if (stored !== null) this.keepPast(stored);
      this.buffer.remove(NAMES, row, stored);
    }
    return (stored === null) !== (count === 0);
  }

  /** Keeps the row for reads as of an earlier position. */
  private keepPast(row: Row): void {
    if (row.since === this.position || row.cluster === NOWHERE) return;
    this.buffer.append(NAMES_PAST, { ...row, until: this.position });
  }
}
