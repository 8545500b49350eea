import { TIME_MAX } from "@counterfoil/core/exact/time";
import { type Mode, rankOf, type StageRules, takeStep } from "@counterfoil/core/lifecycle/stages";
import type { Row, Selection, Value } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { compareTuples, everyRow } from "../../projection/selection.ts";
import type { Cluster } from "./clusters.ts";
import { FLAGS, HISTORY, HISTORY_PAST, having, PLACE } from "./tables.ts";

/** One entry of a history: a provider's status word. */
export type Entry = Readonly<{
  at: bigint;
  /** Equals `at`, or null if `at` is the arrival. */
  dated_at: bigint | null;
  tie: string;
  /** Numbers the entries of one fact. */
  seq: number;
  stage: string | null;
  word: string;
  source: string;
  occurred_at: bigint | null;
  mode: Mode | null;
  cluster: number;
  delivery_id: string | null;
  position: number;
}>;

/** Orders entries of the same time and stage by their word. */
export const placeTie = (word: string, tie: string): string =>
  `${word.slice(0, 40).toWellFormed()}:${tie}`;

/** The place of a row in its history. */
type Place = readonly [at: bigint, rank: number, tie: string, seq: number];

/** The place of a row, in a form that is compared element by element. */
export const placeOf = ({ at, rank, tie, seq }: Row): Place => [
  BigInt(at ?? 0),
  Number(rank),
  String(tie),
  Number(seq),
];

/** The result of an update of stages: whether rows changed, and the flags that they have or had. */
export type StageUpdate = Readonly<{ changed: boolean; flags: ReadonlySet<string> }>;

/** The first and last row of a history, and the row that entered its stage. */
export type Outline = Readonly<{ first: Row; last: Row; entered: Row | null }>;

/** The value of `moves` of an added row whose stage is not computed yet. */
const NEW_ROW = -1;

/**
 * The histories of records, one row per entry. Each row holds the stage after it, so after a late
 * entry the following rows are computed again only until a row is unchanged.
 */
export class Histories {
  private readonly buffer: RowBuffer;
  private readonly rules: StageRules;
  private readonly changes = new Map<number, { places: Place[]; flags: Set<string> }>();
  private position = 0;

  constructor(buffer: RowBuffer, rules: StageRules) {
    this.buffer = buffer;
    this.rules = rules;
  }

  /** Begins the next event. */
  begin(position: number): void {
    this.position = position;
    this.changes.clear();
  }

  insert(base: Cluster, entry: Entry): void {
    this.insertRow(base, { ...entry, rank: this.rankOf(entry), after: null, late: 0 });
  }

  /** Removes an entry, if it exists. */
  async remove(base: Cluster, entry: Entry): Promise<void> {
    const place = placeOf({ ...entry, rank: this.rankOf(entry) });
    const row = await this.buffer.get(HISTORY, [base.id, ...place]);
    if (row !== null) this.removeRow(base, row);
  }

  /** Moves the entries of a cluster from one history to another. */
  async move(cluster: Cluster, from: Cluster, to: Cluster): Promise<void> {
    const words = having({ record: from.id, cluster: cluster.id }, PLACE);
    for await (const row of everyRow(this.buffer, HISTORY, words)) {
      this.removeRow(from, row);
      this.insertRow(to, row);
    }
  }

  /** Updates the stages of a changed history. */
  async updateStages(base: Cluster): Promise<StageUpdate> {
    const { places, flags } = this.changesOf(base);
    let done: Place | null = null;
    for (const place of places.sort(compareTuples)) {
      if (done === null || compareTuples(place, done) > 0) done = await this.stepFrom(base, place);
    }
    return { changed: places.length > 0, flags };
  }

  async outline({ id: record }: Cluster): Promise<Outline> {
    const one = async (values: Readonly<Record<string, Value>>, descending: boolean) => {
      const selection = having(values, PLACE, { descending, limit: 1 });
      const [row = null] = await this.buffer.select(HISTORY, selection);
      return row;
    };
    const [first, last] = [await one({ record }, false), await one({ record }, true)];
    if (!first || !last) throw new Error(`the history of ${record} is empty`);
    return { first, last, entered: await one({ record, moves: 1 }, true) };
  }

  /** The first row with this flag. */
  async firstFlagged({ id: record }: Cluster, flag: string): Promise<Row | null> {
    const [first] = await this.buffer.select(FLAGS, having({ record, flag }, PLACE, { limit: 1 }));
    return first === undefined ? null : this.buffer.get(HISTORY, [record, ...placeOf(first)]);
  }

  async *flagsOf({ id: record }: Cluster): AsyncGenerator<string> {
    for (let flag = ""; ; ) {
      const behind = { beyond: [flag, TIME_MAX, 0, "", 0], limit: 1 };
      const next = having({ record }, ["flag", ...PLACE], behind);
      const [row]: readonly Row[] = await this.buffer.select(FLAGS, next);
      if (row === undefined) return;
      flag = String(row.flag);
      yield flag;
    }
  }

  private readonly rankOf = (entry: Entry): number => rankOf(entry, this.rules);

  private changesOf(base: Cluster) {
    const known = this.changes.get(base.id) ?? { places: [], flags: new Set<string>() };
    this.changes.set(base.id, known);
    return known;
  }

  private insertRow(base: Cluster, row: Row): void {
    const added = { ...row, record: base.id, moves: NEW_ROW, flag: null, since: this.position };
    this.buffer.put(HISTORY, added, null);
    base.length += 1;
    this.changesOf(base).places.push(placeOf(added));
  }

  private removeRow(base: Cluster, row: Row): void {
    this.keepPast(row);
    this.setFlag(base, row, null);
    this.buffer.remove(HISTORY, row, row);
    base.length -= 1;
    this.changesOf(base).places.push(placeOf(row));
  }

  /** Keeps the row for reads as of an earlier position. */
  private keepPast(row: Row): void {
    if (row.moves === NEW_ROW || row.since === this.position) return;
    this.buffer.append(HISTORY_PAST, { ...row, until: this.position });
  }

  private setFlag(base: Cluster, row: Row, flag: string | null): void {
    const { record = null, at = null, rank = null, tie = null, seq = null } = row;
    if (row.flag === flag) return;
    for (const one of [row.flag ?? null, flag]) {
      if (one === null) continue;
      this.changesOf(base).flags.add(String(one));
      const flagged = { record, flag: one, at, rank, tie, seq };
      if (one === flag) this.buffer.put(FLAGS, flagged, null);
      else this.buffer.remove(FLAGS, flagged, flagged);
    }
  }

  private async stepFrom(base: Cluster, place: Place): Promise<Place> {
    const behind = { beyond: place, descending: true, limit: 1 };
    const [before] = await this.buffer.select(HISTORY, having({ record: base.id }, PLACE, behind));
    let stage = (before?.after ?? null) as string | null;
    let done = place;
    for await (const { row, next } of this.rowsFrom(base, place)) {
      const updated = this.step(base, row, next, stage);
      done = placeOf(row);
      if (updated === null && compareTuples(done, place) > 0) break;
      stage = (updated ?? row).after as string | null;
    }
    return done;
  }

  /** The rows from a place on, each with the following row. */
  private async *rowsFrom({ id: record }: Cluster, [at, rank, tie, seq]: Place) {
    let beyond: readonly Value[] = [at, rank, tie, seq - 1];
    for (let limit = 3; ; limit = Math.min(100, 2 * limit)) {
      const page: Selection = having({ record }, PLACE, { beyond, limit });
      const rows = await this.buffer.select(HISTORY, page);
      const isEnd = rows.length < limit;
      // The last row of a page is returned with the next page, which holds the row that follows it.
      const shown = isEnd ? rows : rows.slice(0, -1);
      for (const [index, row] of shown.entries()) yield { row, next: rows[index + 1] ?? null };
      const last = shown.at(-1);
      if (isEnd || last === undefined) return;
      beyond = placeOf(last);
    }
  }

  /** @returns null if the row is unchanged */
  private step(base: Cluster, row: Row, next: Row | null, before: string | null): Row | null {
    const { after, moves, flag } = takeStep(before, row as HistoryRow, this.rules);
    const isNew = row.moves === NEW_ROW;
    const isSame = row.after === after && row.moves === Number(moves) && row.flag === flag;
    if (!isNew && isSame) return null;
    const isLate = next !== null && Number(next.position) < Number(row.position);
    const late = isNew ? Number(isLate) : (row.late ?? 0);
    this.keepPast(row);
    this.setFlag(base, row, flag);
    const updated = { ...row, after, moves: Number(moves), flag, late, since: this.position };
    this.buffer.put(HISTORY, updated, row);
    return updated;
  }
}

/** A row with the columns that `insert` sets. */
type HistoryRow = Row & Pick<Entry, "stage" | "word" | "mode">;
