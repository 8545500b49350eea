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

  /** Those of a cluster from a time on, in the order of time or against it. */
  async *inTime(cluster: number, at: bigint, isBackwards: boolean): AsyncGenerator<Placed> {
    const beyond = [isBackwards ? at + 1n : at, ""];
    const options = { beyond, descending: isBackwards, limit: NEAR };
    const rows = everyRow(this.buffer, LIFECYCLE_FACTS, having({ cluster }, ["at", "id"], options));
    for await (const row of rows) yield this.placedIn(row);
  }

  /** A fact in a place, to be read as of that time. */
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

/** Whoever asks for facts around a time seldom needs more than the next. */
const NEAR = 8;

export type NameChanges = Readonly<{
  /** Names that have an owner more, or one less. */
  owners: readonly Name[];
  /** Clusters with facts of lesser known owners, who may belong elsewhere now. */
  undecided: readonly number[];
}>;

const ALIAS = "alias";

/** Participant, asset, network. */
const OWNER_LEVELS = 3;

/**
 * Names join facts within one owner. A fact of an owner of whom less is known belongs to the only
 * one that is known better; where there are several, nobody can know, and it stays by itself.
 */
export class Names {
  private readonly buffer: RowBuffer;
  private position = 0;

  constructor(buffer: RowBuffer) {
    this.buffer = buffer;
  }

  /** Goes to the next event. */
  begin(position: number): void {
    this.position = position;
  }

  /** Counts what a fact is called, or is called no more. */
  async count({ names, owner }: FactReading, by: 1 | -1): Promise<NameChanges> {
    const owners: Name[] = [];
    const undecided: number[] = [];
    for (const name of names) {
      if (!(await this.countRow(name, owner, by))) continue;
      owners.push(name);
      for (const row of await this.lesser(name, owner)) {
        const isUnclear = (await this.better(name, String(row.owner))) === null;
        if (row.cluster !== 0 && (by < 0 || isUnclear)) undecided.push(Number(row.cluster));
      }
    }
    return { owners, undecided };
  }

  /** Counts texts that find a cluster, or no longer do. */
  async countAliases({ aliases }: FactReading, cluster: number, by: 1 | -1): Promise<void> {
    for (const name of aliases)
      await this.countRow({ kind: ALIAS, name }, String(cluster), by, cluster);
  }

  /** Its names are those of a cluster; 0: of none for now. */
  async assign({ names, owner }: FactReading, cluster: number): Promise<void> {
    for (const name of names) {
      const stored = await this.get(name, owner);
      if (stored === null || stored.cluster === cluster) continue;
      this.keepPast(stored);
      this.buffer.put(NAMES, { ...stored, cluster, since: this.position }, stored);
    }
  }

  /** The clusters that a fact whose names are counted belongs to by them. */
  async clustersOf({ names, owner }: FactReading): Promise<ReadonlySet<number>> {
    const clusters = new Set<number>();
    for (const name of names) {
      const rows = [await this.get(name, owner), await this.better(name, owner)];
      for (const row of [...rows, ...(await this.meantBy(name, owner))]) {
        if (row !== null && row.cluster !== 0) clusters.add(Number(row.cluster));
      }
    }
    return clusters;
  }

  /** The cluster of the one who owns a name that is only mentioned; 0 where nobody does, or several may. */
  async ownerOf(mentioned: Name, owner: Owner): Promise<number> {
    const [participant = ""] = owner.split("/");
    const owners = await this.sharing(mentioned.name, [mentioned.kind], 2);
    const only = owners.length === 1 ? owners[0] : await this.better(mentioned, "");
    const row =
      only ?? (await this.better(mentioned, participant)) ?? (await this.get(mentioned, owner));
    return Number(row?.cluster ?? 0);
  }

  /** The cluster that has a name of this very owner; 0 where none has. */
  async clusterOf(name: Name, owner: Owner): Promise<number> {
    return Number((await this.get(name, owner))?.cluster ?? NOWHERE);
  }

  /** Whether facts say the name of this owner, or of one known better, whom this one stands for. */
  async isMeant(name: Name, owner: Owner): Promise<boolean> {
    return ((await this.get(name, owner)) ?? (await this.better(name, owner))) !== null;
  }

  /** Others that a text names, at most so many. */
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

  /** The one row of better known owners that stands for all of them. */
  private async better({ name, kind }: Name, owner: Owner): Promise<Row | null> {
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

  private async lesser(name: Name, owner: Owner): Promise<Row[]> {
    if (name.kind === "movement") return [];
    const rows = await Promise.all(broaderOwners(owner).map((less) => this.get(name, less)));
    return rows.filter((row) => row !== null);
  }

  /** Owners of whom less is known, and who can only be this one. */
  private async meantBy(name: Name, owner: Owner): Promise<Row[]> {
    const meant: Row[] = [];
    for (const row of await this.lesser(name, owner)) {
      const found = String((await this.better(name, String(row.owner)))?.owner ?? "");
      if (found === owner || isNarrowerOwner(found, owner)) meant.push(row);
    }
    return meant;
  }

  /** @returns whether it is said now and was not, or the other way round. */
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

  /** Whoever asks as of an earlier event finds by the name what it meant then. */
  private keepPast(row: Row): void {
    if (row.since === this.position || row.cluster === NOWHERE) return;
    this.buffer.append(NAMES_PAST, { ...row, until: this.position });
  }
}
