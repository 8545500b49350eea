import { rankOf, type StageRules, takeStep } from "@counterfoil/core/lifecycle/stage-history";
import type { Row, Value } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { compareTuples } from "../../projection/selection.ts";
import type { Cluster } from "./cluster-store.ts";
import { FLAGS, HISTORY, HISTORY_PAST } from "./tables.ts";

/**
 * The histories of records, a row a word. Each row keeps the stage after it, so a word that comes
 * late is walked on from only until the stages agree with what stands there.
 */
export interface Histories {
  insert(base: Cluster, word: Word): Place;
  /** Takes out a row, if it is there. */
  remove(base: Cluster, place: Place): Promise<void>;
  removeWord(base: Cluster, word: Word): Promise<void>;
  /** Whether exactly this word stands in the history. */
  has(base: Cluster, word: Word): Promise<boolean>;
  /** Takes the words of a cluster from one history to another. */
  move(cluster: Cluster, from: Cluster, to: Cluster): Promise<void>;
  /** Brings the stages of a changed history up to date. */
  walk(base: Cluster): Promise<Walked>;
  outline(base: Cluster): Promise<Outline>;
  /** The first row that is flagged so. */
  firstFlagged(base: Cluster, flag: string): Promise<Row | null>;
  flagsOf(base: Cluster): AsyncGenerator<string>;
  /** Goes to the next event. */
  begin(position: number): void;
}

/** `at, rank, tie, seq`: where a row stands in its history. */
export type Place = readonly [at: bigint, rank: number, tie: string, seq: number];

export type Word = Readonly<{
  at: bigint;
  /** The same, or null where it is the arrival. */
  dated_at: bigint | null;
  tie: string;
  seq: number;
  stage: string | null;
  word: string;
  source: string;
  occurred_at: bigint | null;
  mode: "unknown" | "at_least" | "retries" | null;
  cluster: number;
  delivery_id: string | null;
  position: number;
}>;

export type Walked = Readonly<{ changed: boolean; flags: ReadonlySet<string> }>;
export type Outline = Readonly<{ first: Row; last: Row; entered: Row | null }>;

const ORDER = ["record", "at", "rank", "tie", "seq"];
/** A row that no walk has come to yet. */
const UNWALKED = -1;

/** Of one time and stage, words stand in order. */
export const placeTie = (word: string, tie: string): string =>
  `${word.slice(0, 40).toWellFormed()}:${tie}`;

export function placeOf(row: Row): Place {
  return [BigInt(row.at ?? 0), Number(row.rank), String(row.tie), Number(row.seq)];
}

type Changes = { readonly places: Place[]; readonly flags: Set<string> };

export class HistoryRows implements Histories {
  private readonly buffer: RowBuffer;
  private readonly rules: StageRules;
  private readonly changes = new Map<number, Changes>();
  private position = 0;

  constructor(buffer: RowBuffer, rules: StageRules) {
    this.buffer = buffer;
    this.rules = rules;
  }

  begin(next: number): void {
    this.position = next;
    this.changes.clear();
  }

  insert(base: Cluster, { mode, ...word }: Word): Place {
    const rank = this.rankIn(mode, word.stage);
    return this.insertRow(base, { ...word, rank, mode, after: null, late: 0 });
  }

  readonly removeWord = (base: Cluster, { at, tie, seq, mode, stage }: Word): Promise<void> =>
    this.remove(base, [at, this.rankIn(mode, stage), tie, seq]);

  async has(base: Cluster, word: Word): Promise<boolean> {
    const place = [word.at, this.rankIn(word.mode, word.stage), word.tie, word.seq];
    const row = await this.buffer.get(HISTORY, [base.id, ...place]);
    return row !== null && Object.entries(word).every(([column, value]) => row[column] === value);
  }

  async move(cluster: Cluster, from: Cluster, to: Cluster): Promise<void> {
    const where = [
      { column: "record", is: "=" as const, value: from.id },
      { column: "cluster", is: "=" as const, value: cluster.id },
    ];
    const orderBy = ["record", "cluster", "at", "rank", "tie", "seq"];
    for (;;) {
      const rows = await this.buffer.select(HISTORY, { where, orderBy, limit: 200 });
      for (const row of rows) {
        this.removeRow(from, row);
        this.insertRow(to, row);
      }
      if (rows.length === 0) return;
    }
  }

  async walk(base: Cluster): Promise<Walked> {
    const { places, flags } = this.changesOf(base);
    let done: Place | null = null;
    for (const place of places.sort(compareTuples)) {
      if (done === null || compareTuples(place, done) > 0) done = await this.walkFrom(base, place);
    }
    return { changed: places.length > 0, flags };
  }

  async outline(base: Cluster): Promise<Outline> {
    const [first] = await this.select(base, 1, {});
    const [last] = await this.select(base, 1, { descending: true });
    const [entered = null] = await this.buffer.select(HISTORY, {
      where: [
        { column: "record", is: "=", value: base.id },
        { column: "moves", is: "=", value: 1 },
      ],
      orderBy: ["record", "moves", "at", "rank", "tie", "seq"],
      descending: true,
      limit: 1,
    });
    if (!first || !last) throw new Error(`the history of ${base.id} is empty`);
    return { first, last, entered };
  }

  async firstFlagged(base: Cluster, flag: string): Promise<Row | null> {
    const [flagged] = await this.buffer.select(FLAGS, {
      where: [
        { column: "record", is: "=", value: base.id },
        { column: "flag", is: "=", value: flag },
      ],
      orderBy: ["record", "flag", "at", "rank", "tie", "seq"],
      limit: 1,
    });
    return flagged === undefined ? null : this.buffer.get(HISTORY, [base.id, ...placeOf(flagged)]);
  }

  async *flagsOf(base: Cluster) {
    for (let beyond: readonly Value[] = [base.id, ""]; ; ) {
      const [flagged]: readonly Row[] = await this.buffer.select(FLAGS, {
        where: [{ column: "record", is: "=", value: base.id }],
        orderBy: ["record", "flag", "at", "rank", "tie", "seq"],
        beyond: [...beyond, LAST_AT, 0, "", 0],
        limit: 1,
      });
      if (flagged === undefined) return;
      yield String(flagged.flag);
      beyond = [base.id, flagged.flag ?? ""];
    }
  }

  private changesOf(base: Cluster): Changes {
    const known = this.changes.get(base.id) ?? { places: [], flags: new Set<string>() };
    this.changes.set(base.id, known);
    return known;
  }

  /** Whoever reads as of an earlier event finds the row as it was. */
  private keepPast(row: Row): void {
    if (row.moves === UNWALKED || row.since === this.position) return;
    this.buffer.append(HISTORY_PAST, { ...row, until: this.position });
  }

  private setFlag(base: Cluster, row: Row, flag: string | null): void {
    const { record = null, flag: before = null } = row;
    if (before === flag) return;
    const [at, rank, tie, seq] = placeOf(row);
    const place = { at, rank, tie, seq };
    for (const changed of [before, flag]) {
      if (changed === null) continue;
      this.changesOf(base).flags.add(String(changed));
      const flagged = { record, flag: changed, ...place };
      if (changed === flag) this.buffer.put(FLAGS, flagged, null);
      else this.buffer.remove(FLAGS, flagged, flagged);
    }
  }

  private insertRow(base: Cluster, row: Row): Place {
    const added = { ...row, record: base.id, moves: UNWALKED, flag: null, since: this.position };
    this.buffer.put(HISTORY, added, null);
    base.length += 1;
    const place = placeOf(added);
    this.changesOf(base).places.push(place);
    return place;
  }

  private removeRow(base: Cluster, row: Row): void {
    this.keepPast(row);
    this.setFlag(base, row, null);
    this.buffer.remove(HISTORY, row, row);
    base.length -= 1;
    this.changesOf(base).places.push(placeOf(row));
  }

  private readonly select = (
    base: Cluster,
    limit: number,
    options: Readonly<Record<string, unknown>>,
  ) =>
    this.buffer.select(HISTORY, {
      where: [{ column: "record", is: "=", value: base.id }],
      orderBy: ORDER,
      limit,
      ...options,
    });

  private async stageBefore(base: Cluster, place: Place): Promise<string | null> {
    const beyond = [base.id, ...place];
    const [row] = await this.select(base, 1, { descending: true, beyond });
    return (row?.after ?? null) as string | null;
  }

  /** Rows from a place on, each with the one behind it. */
  private async *rowsFrom(base: Cluster, [at, rank, tie, seq]: Place) {
    let beyond: readonly Value[] = [base.id, at, rank, tie, seq - 1];
    for (let limit = 3; ; limit = Math.min(100, 2 * limit)) {
      const rows: readonly Row[] = await this.select(base, limit, { beyond });
      const isEnd = rows.length < limit;
      // The last of a page is the first of the next one: it is not known yet what follows it.
      const shown = isEnd ? rows : rows.slice(0, -1);
      for (const [index, row] of shown.entries()) yield { row, next: rows[index + 1] ?? null };
      const last = shown.at(-1);
      if (isEnd || last === undefined) return;
      beyond = [base.id, ...placeOf(last)];
    }
  }

  /** @returns whether the row stands otherwise than before. */
  private step(base: Cluster, row: Row, next: Row | null, before: string | null): Row | null {
    const { after, moves, flag } = takeStep(before, entryOf(row), this.rules);
    const isNew = row.moves === UNWALKED;
    if (!isNew && row.after === after && row.moves === Number(moves) && row.flag === flag)
      return null;
    const late = isNew
      ? Number(next !== null && Number(next.position) < Number(row.position))
      : row.late;
    this.keepPast(row);
    this.setFlag(base, row, flag);
    const walked = {
      ...row,
      after,
      moves: Number(moves),
      flag,
      late: late ?? 0,
      since: this.position,
    };
    this.buffer.put(HISTORY, walked, row);
    return walked;
  }

  private async walkFrom(base: Cluster, place: Place): Promise<Place> {
    let stage = await this.stageBefore(base, place);
    let done = place;
    for await (const { row, next } of this.rowsFrom(base, place)) {
      const walked = this.step(base, row, next, stage);
      done = placeOf(row);
      if (walked === null && compareTuples(done, place) > 0) break;
      stage = (walked ?? row).after as string | null;
    }
    return done;
  }

  private readonly rankIn = (mode: Word["mode"], stage: string | null): number =>
    rankOf(mode === "unknown" ? null : stage, this.rules);

  async remove(base: Cluster, place: Place): Promise<void> {
    const row = await this.buffer.get(HISTORY, [base.id, ...place]);
    if (row !== null) this.removeRow(base, row);
  }
}

const LAST_AT = (1n << 63n) - 1n;

function entryOf({ stage = null, word, mode }: Row) {
  return {
    stage: stage as string | null,
    word: String(word),
    isUnknown: mode === "unknown",
    atLeast: mode === "at_least",
    retries: mode === "retries",
  };
}
