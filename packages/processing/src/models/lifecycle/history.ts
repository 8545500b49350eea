import { type Mode, rankOf, type StageRules, takeStep } from "@counterfoil/core/lifecycle/stages";
import type { Row, Selection, Value } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { compareTuples, everyRow } from "../../projection/selection.ts";
import type { Cluster } from "./clusters.ts";
import { FLAGS, HISTORY, HISTORY_PAST, having, PLACE } from "./tables.ts";

/** One word of a history. */
export type Entry = Readonly<{
  at: bigint;
  /** The same, or null where it is the arrival. */
  dated_at: bigint | null;
  tie: string;
  /** A fact may say two words. */
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

/** Of one time and stage, words stand in order. */
export const placeTie = (word: string, tie: string): string =>
  `${word.slice(0, 40).toWellFormed()}:${tie}`;

/** Where a row stands in its history. */
export type Place = readonly [at: bigint, rank: number, tie: string, seq: number];

export const placeOf = ({ at, rank, tie, seq }: Row): Place => [
  BigInt(at ?? 0),
  Number(rank),
  String(tie),
  Number(seq),
];

/** What a walk found: whether anything stands otherwise, and the flags that rows have or had. */
export type Walked = Readonly<{ changed: boolean; flags: ReadonlySet<string> }>;

/** The ends of a history, and the row that brought its stage. */
export type Outline = Readonly<{ first: Row; last: Row; entered: Row | null }>;

/** A row that no walk has come to yet. */
const UNWALKED = -1;
const LAST_AT = (1n << 63n) - 1n;

/**
 * The histories of records, a row a word. Each row keeps the stage after it, so a word that comes
 * late is walked on from only until the stages agree with what stands there.
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

  /** Goes to the next event. */
  begin(position: number): void {
    this.position = position;
    this.changes.clear();
  }

  insert(base: Cluster, entry: Entry): void {
    this.insertRow(base, { ...entry, rank: this.rankOf(entry), after: null, late: 0 });
  }

  /** Takes a word out, if it is there. */
  async remove(base: Cluster, entry: Entry): Promise<void> {
    const place = placeOf({ ...entry, rank: this.rankOf(entry) });
    const row = await this.buffer.get(HISTORY, [base.id, ...place]);
    if (row !== null) this.removeRow(base, row);
  }

  /** Takes the words of a cluster from one history to another. */
  async move(cluster: Cluster, from: Cluster, to: Cluster): Promise<void> {
    const words = having({ record: from.id, cluster: cluster.id }, PLACE);
    for await (const row of everyRow(this.buffer, HISTORY, words)) {
      this.removeRow(from, row);
      this.insertRow(to, row);
    }
  }

  /** Brings the stages of a changed history up to date. */
  async walk(base: Cluster): Promise<Walked> {
    const { places, flags } = this.changesOf(base);
    let done: Place | null = null;
    for (const place of places.sort(compareTuples)) {
      if (done === null || compareTuples(place, done) > 0) done = await this.walkFrom(base, place);
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

  /** The first row that is flagged so. */
  async firstFlagged({ id: record }: Cluster, flag: string): Promise<Row | null> {
    const [first] = await this.buffer.select(FLAGS, having({ record, flag }, PLACE, { limit: 1 }));
    return first === undefined ? null : this.buffer.get(HISTORY, [record, ...placeOf(first)]);
  }

  async *flagsOf({ id: record }: Cluster): AsyncGenerator<string> {
    for (let flag = ""; ; ) {
      const behind = { beyond: [flag, LAST_AT, 0, "", 0], limit: 1 };
      const next = having({ record }, ["flag", ...PLACE], behind);
      const [row]: readonly Row[] = await this.buffer.select(FLAGS, next);
      if (row === undefined) return;
      flag = String(row.flag);
      yield flag;
    }
  }

  private readonly rankOf = ({ mode, stage }: Entry): number =>
    rankOf(mode === "unknown" ? null : stage, this.rules);

  private changesOf(base: Cluster) {
    const known = this.changes.get(base.id) ?? { places: [], flags: new Set<string>() };
    this.changes.set(base.id, known);
    return known;
  }

  private insertRow(base: Cluster, row: Row): void {
    const added = { ...row, record: base.id, moves: UNWALKED, flag: null, since: this.position };
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

  /** Whoever reads as of an earlier event finds the row as it was. */
  private keepPast(row: Row): void {
    if (row.moves === UNWALKED || row.since === this.position) return;
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

  private async walkFrom(base: Cluster, place: Place): Promise<Place> {
    const behind = { beyond: place, descending: true, limit: 1 };
    const [before] = await this.buffer.select(HISTORY, having({ record: base.id }, PLACE, behind));
    let stage = (before?.after ?? null) as string | null;
    let done = place;
    for await (const { row, next } of this.rowsFrom(base, place)) {
      const walked = this.step(base, row, next, stage);
      done = placeOf(row);
      if (walked === null && compareTuples(done, place) > 0) break;
      stage = (walked ?? row).after as string | null;
    }
    return done;
  }

  /** Rows from a place on, each with the one behind it. */
  private async *rowsFrom({ id: record }: Cluster, [at, rank, tie, seq]: Place) {
    let beyond: readonly Value[] = [at, rank, tie, seq - 1];
    for (let limit = 3; ; limit = Math.min(100, 2 * limit)) {
      const page: Selection = having({ record }, PLACE, { beyond, limit });
      const rows = await this.buffer.select(HISTORY, page);
      const isEnd = rows.length < limit;
      // The last of a page is the first of the next one: it is not known yet what follows it.
      const shown = isEnd ? rows : rows.slice(0, -1);
      for (const [index, row] of shown.entries()) yield { row, next: rows[index + 1] ?? null };
      const last = shown.at(-1);
      if (isEnd || last === undefined) return;
      beyond = placeOf(last);
    }
  }

  /** @returns null where the row stands as before. */
  private step(base: Cluster, row: Row, next: Row | null, before: string | null): Row | null {
    const { after, moves, flag } = takeStep(before, row as HistoryRow, this.rules);
    const isNew = row.moves === UNWALKED;
    const isSame = row.after === after && row.moves === Number(moves) && row.flag === flag;
    if (!isNew && isSame) return null;
    const isLate = next !== null && Number(next.position) < Number(row.position);
    const late = isNew ? Number(isLate) : (row.late ?? 0);
    this.keepPast(row);
    this.setFlag(base, row, flag);
    const walked = { ...row, after, moves: Number(moves), flag, late, since: this.position };
    this.buffer.put(HISTORY, walked, row);
    return walked;
  }
}

/** As `insert` put it. */
type HistoryRow = Row & Pick<Entry, "stage" | "word" | "mode">;
