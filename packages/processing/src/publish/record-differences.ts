import type { ModelName } from "@counterfoil/contracts/fact";
import type { Rows } from "../ports/model-store.ts";
import type { Condition } from "../ports/table.ts";
import type { StateChange } from "./message.ts";
import { recordsAt, type Source } from "./source.ts";

/** The rows of one generation of a model, a moment at a time. */
export type Snapshots = <T>(read: (rows: Rows) => Promise<T>) => Promise<T>;

export type Compared = Readonly<{
  model: ModelName;
  sources: readonly Source[];
  /** Records are compared as they were at this position. */
  position: number;
  /** What readers have been told; null where that is not here any more. */
  told: Snapshots | null;
  /** What they are to be told. */
  fresh: Snapshots;
}>;

const PAGE = 500;

/**
 * What readers of one generation must be told to know what another one says: each record that
 * differs, and each that is gone. Without the first, all records; what is gone is then found on the
 * topics (removed-records.ts).
 */
export async function* recordDifferences(compared: Compared): AsyncGenerator<StateChange> {
  const { sources, position, told, fresh } = compared;
  for (const source of sources) {
    const pages = told === null ? [fresh] : [fresh, told];
    for (const snapshots of pages) {
      for await (const ids of idsIn(snapshots, source, position)) {
        const now = await recordsOf(fresh, source, ids, position);
        const before = told && (await recordsOf(told, source, ids, position));
        for (const id of ids) {
          const value = textOf(now.get(id));
          // What stands in both has been compared when the fresh ones were gone through.
          if (snapshots !== fresh && value !== null) continue;
          const known = textOf(before?.get(id));
          if (value !== known) yield { topic: source.topic, key: id, value };
        }
      }
    }
  }
}

/**
 * The records that some event after a position has changed, as they are at another position: what
 * readers must be told once events that were left out have been folded after all.
 */
export async function* recordsTouched({
  sources,
  from,
  position,
  fresh,
}: Omit<Compared, "told" | "model"> & Readonly<{ from: number }>): AsyncGenerator<StateChange> {
  for (const source of sources) {
    for await (const ids of idsTouched(fresh, source, [from, position])) {
      for (const [id, record] of await recordsOf(fresh, source, ids, position)) {
        yield { topic: source.topic, key: id, value: textOf(record) };
      }
    }
  }
}

const recordsOf = (
  snapshots: Snapshots,
  source: Source,
  ids: readonly string[],
  position: number,
) => snapshots((rows) => recordsAt(rows, source, { ids, position }));

const textOf = (record: object | null | undefined): string | null =>
  record === null || record === undefined ? null : JSON.stringify(record);

/** Every id that may have had a record at the position, some of them more than once. */
async function* idsIn(
  snapshots: Snapshots,
  source: Source,
  position: number,
): AsyncGenerator<readonly string[]> {
  for (let last: string | null = null; ; ) {
    const beyond: { beyond?: readonly string[] } = last === null ? {} : { beyond: [last] };
    const ids: readonly string[] = await snapshots(async (rows) => {
      const page = await rows.select(source.current, { orderBy: ["id"], limit: PAGE, ...beyond });
      return page.map(({ id }) => String(id));
    });
    if (ids.length === 0) break;
    yield ids;
    last = ids.at(-1) ?? null;
  }
  // What has been taken away since has no row any more.
  yield* idsTouched(snapshots, source, [position + 1, null]);
}

/** Ids with change rows in a range of positions, both ends included. */
async function* idsTouched(
  snapshots: Snapshots,
  { changes: table, id: column }: Source,
  [from, upTo]: readonly [number, number | null],
): AsyncGenerator<readonly string[]> {
  const where: Condition[] = [{ column: "position", is: ">=", value: from }];
  if (upTo !== null) where.push({ column: "position", is: "<=", value: upTo });
  for (let last: readonly (string | number)[] | null = null; ; ) {
    const beyond: { beyond?: readonly (string | number)[] } = last === null ? {} : { beyond: last };
    const found: readonly (readonly [number, string])[] = await snapshots(async (rows) => {
      const query = { where, orderBy: table.key, limit: PAGE, ...beyond };
      const page = await rows.select(table, query);
      return page.map((row) => [Number(row.position), String(row[column])] as const);
    });
    if (found.length === 0) return;
    yield [...new Set(found.map(([, id]) => id))];
    last = found.at(-1) ?? null;
  }
}
