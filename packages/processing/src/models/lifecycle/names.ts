import type { FactReading, Name } from "@counterfoil/core/lifecycle/fact-reading";
import {
  betterKnown,
  isBetterKnown,
  lessKnown,
  type Owner,
} from "@counterfoil/core/lifecycle/owner";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { NAMES } from "./tables.ts";

/**
 * Names join facts within one owner. A fact of an owner of whom less is known belongs to the only
 * one that is known better; where there are several, nobody can know, and it stays by itself.
 */
export interface Names {
  /** The clusters that a fact whose names are counted belongs to by them. */
  clustersOf(reading: FactReading): Promise<ReadonlySet<number>>;
  /** The one who owns a name that is only mentioned; null where nobody does, or several may. */
  ownerOf(mentioned: Name, owner: Owner): Promise<number | null>;
  /** Counts what a fact is called. */
  add(reading: FactReading): Promise<NameChanges>;
  remove(reading: FactReading): Promise<NameChanges>;
  /** Its names are those of a cluster; 0: of none for now. */
  assign(reading: FactReading, cluster: number): Promise<void>;
  /** Counts texts that find a cluster, or no longer do. */
  countAliases(reading: FactReading, cluster: number, by: 1 | -1): Promise<void>;
  /** Whether other facts say the name of this owner. */
  isSaid(name: Name, owner: Owner): Promise<boolean>;
  /** Or of one that is known better, whom this one stands for. */
  isMeant(name: Name, owner: Owner): Promise<boolean>;
  /** Others that a text names, at most so many. */
  sharing(name: string, kinds: readonly string[], limit: number): Promise<readonly Row[]>;
}

export type NameChanges = Readonly<{
  /** Names that have an owner more, or one less. */
  owners: readonly Name[];
  /** Clusters with facts of lesser known owners, who may belong elsewhere now. */
  undecided: ReadonlySet<number>;
}>;

const ALIAS = "alias";

export class NameRows implements Names {
  private readonly buffer: RowBuffer;

  constructor(buffer: RowBuffer) {
    this.buffer = buffer;
  }

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

  async ownerOf(mentioned: Name, owner: Owner): Promise<number | null> {
    const [participant = ""] = owner.split("/");
    const owners = await this.sharing(mentioned.name, [mentioned.kind], 2);
    const only = owners.length === 1 ? owners[0] : await this.better(mentioned, "");
    const row =
      only ?? (await this.better(mentioned, participant)) ?? (await this.get(mentioned, owner));
    return row === null ? null : Number(row.cluster);
  }

  readonly add = (reading: FactReading): Promise<NameChanges> => this.change(reading, 1);

  readonly remove = (reading: FactReading): Promise<NameChanges> => this.change(reading, -1);

  async assign({ names, owner }: FactReading, cluster: number): Promise<void> {
    for (const name of names) {
      const stored = await this.get(name, owner);
      if (stored !== null) this.buffer.put(NAMES, { ...stored, cluster }, stored);
    }
  }

  async countAliases({ aliases }: FactReading, cluster: number, by: 1 | -1): Promise<void> {
    for (const name of aliases)
      await this.count({ kind: ALIAS, name }, String(cluster), by, cluster);
  }

  readonly isSaid = async (name: Name, owner: Owner): Promise<boolean> =>
    (await this.get(name, owner)) !== null;

  readonly isMeant = async (name: Name, owner: Owner): Promise<boolean> =>
    (await this.get(name, owner)) !== null || (await this.better(name, owner)) !== null;

  readonly sharing = (
    name: string,
    kinds: readonly string[],
    limit: number,
  ): Promise<readonly Row[]> =>
    this.buffer.select(NAMES, {
      where: [
        { column: "name", is: "=", value: name },
        { column: "kind", is: "in", value: kinds },
      ],
      orderBy: ["name", "kind", "owner"],
      limit,
    });

  private readonly get = ({ name, kind }: Name, owner: Owner) =>
    this.buffer.get(NAMES, [name, kind, owner]);

  /** The one row of better known owners that stands for all of them. */
  private async better({ name, kind }: Name, owner: Owner): Promise<Row | null> {
    const [after, before] = betterKnown(owner);
    const rows = await this.buffer.select(NAMES, {
      where: [
        { column: "name", is: "=", value: name },
        { column: "kind", is: "=", value: kind },
        { column: "owner", is: ">", value: after },
        { column: "owner", is: "<", value: before },
      ],
      orderBy: ["name", "kind", "owner"],
      limit: OWNER_LEVELS + 1,
    });
    const last = rows.at(-1);
    const isOne = rows.every(
      (row) => row === last || isBetterKnown(String(last?.owner), String(row.owner)),
    );
    return last !== undefined && isOne && rows.length <= OWNER_LEVELS ? last : null;
  }

  private async lesser(name: Name, owner: Owner): Promise<Row[]> {
    if (name.kind === "movement") return [];
    const rows = await Promise.all(lessKnown(owner).map((less) => this.get(name, less)));
    return rows.filter((row) => row !== null);
  }

  private async count(name: Name, owner: Owner, by: 1 | -1, cluster = 0): Promise<boolean> {
    const stored = await this.get(name, owner);
    const total = Number(stored?.count ?? 0) + by;
    const row = { ...name, owner, cluster: stored?.cluster ?? cluster, count: total };
    if (total > 0) this.buffer.put(NAMES, row, stored);
    else this.buffer.remove(NAMES, row, stored);
    return (stored === null) !== (total === 0);
  }

  private async change({ names, owner }: FactReading, by: 1 | -1): Promise<NameChanges> {
    const owners: Name[] = [];
    const undecided = new Set<number>();
    for (const name of names) {
      if (!(await this.count(name, owner, by))) continue;
      owners.push(name);
      for (const row of await this.lesser(name, owner)) {
        const isUnclear = (await this.better(name, String(row.owner))) === null;
        if ((by < 0 || isUnclear) && row.cluster !== 0) undecided.add(Number(row.cluster));
      }
    }
    return { owners, undecided };
  }

  /** Owners of whom less is known, and who can only be this one. */
  private async meantBy(name: Name, owner: Owner): Promise<Row[]> {
    const meant: Row[] = [];
    for (const row of await this.lesser(name, owner)) {
      const found = String((await this.better(name, String(row.owner)))?.owner ?? "");
      if (found === owner || isBetterKnown(found, owner)) meant.push(row);
    }
    return meant;
  }
}

/** Participant, asset, network. */
const OWNER_LEVELS = 3;
