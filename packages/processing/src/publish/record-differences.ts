import type { ModelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/record";
import type { Rows } from "../ports/model-store.ts";
import type { Condition } from "../ports/table.ts";
import type { HeldState, TopicPublisher } from "../ports/topic-publisher.ts";
import type { StateChange } from "./message.ts";
import { recordsAt, type Source } from "./source.ts";

/** Reads the rows of one generation of a model, in a snapshot each time. */
export type Snapshots = <T>(read: (rows: Rows) => Promise<T>) => Promise<T>;

type Compared = Readonly<{
  model: ModelName;
  sources: readonly Source[];
  /** Records are compared as they were at this position. */
  position: number;
  /** The generation that has been published; null where its rows are gone. */
  published: Snapshots | null;
  /** The generation that is to be published. */
  live: Snapshots;
}>;

const PAGE = 500;

/**
 * What readers of the published generation need to know of the live one: each record that differs,
 * and each that is gone. Without the published one, all records; what is gone is then found on the
 * topics, see `removedRecords`.
 */
export async function* recordDifferences(compared: Compared): AsyncGenerator<StateChange> {
  const { sources, position, published, live } = compared;
  for (const source of sources) {
    const generations = published === null ? [live] : [live, published];
    for (const snapshots of generations) {
      for await (const ids of idsIn(snapshots, source, position)) {
        const now = await recordsOf(live, source, ids, position);
        const before = published && (await recordsOf(published, source, ids, position));
        for (const id of ids) {
          const value = textOf(now.get(id));
          // A record of both has been compared with the live ones.
          if (snapshots !== live && value !== null) continue;
          const known = textOf(before?.get(id));
          if (value !== known) yield { topic: source.topic, key: id, value };
        }
      }
    }
  }
}

/**
 * The records that some event from a position on has changed, as they are at another position: what
 * is published again after a stopped subject has gone on.
 */
export async function* recordsTouched({
  sources,
  from,
  position,
  live,
}: Omit<Compared, "published" | "model"> &
  Readonly<{ from: number }>): AsyncGenerator<StateChange> {
  for (const source of sources) {
    for await (const ids of idsTouched(live, source, [from, position])) {
      for (const [id, record] of await recordsOf(live, source, ids, position)) {
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
  // A record that was removed since has no row any more.
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

type Removed = Readonly<{
  publisher: Pick<TopicPublisher, "readStates">;
  sources: readonly Source[];
  /** Records are compared as they were at this position. */
  position: number;
  live: Snapshots;
}>;

/**
 * Tombstones for records that are on the topics and not in the live generation. The generation that
 * published them may have been dropped long ago, by pruning or by hand.
 */
export async function* removedRecords({ publisher, sources, ...at }: Removed) {
  for (const source of sources) {
    const gone = await goneFrom(publisher, source, at);
    for (const key of gone) yield { topic: source.topic, key, value: null } satisfies StateChange;
  }
}

type At = Pick<Removed, "position" | "live">;

/** Keys on the topic without a record of the live generation; only these are kept in memory. */
async function goneFrom(
  publisher: Removed["publisher"],
  source: Source,
  { position, live }: At,
): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  await publisher.readStates(source.topic, async (states) => {
    const ofModel = states.filter((state) => isOf(source, state));
    const ids = [...new Set(ofModel.map(({ key }) => key))];
    const now = await live((rows) => recordsAt(rows, source, { ids, position }));
    const missing = new Set(ofModel.filter(({ key }) => (now.get(key) ?? null) === null));
    for (const state of states) {
      if (missing.has(state)) gone.add(state.key);
      else gone.delete(state.key);
    }
  });
  return gone;
}

/** All models share the topic of anomalies. After a tombstone there is nothing to remove. */
function isOf({ model, topic }: Source, { value }: HeldState): boolean {
  if (value === null) return false;
  return topic !== "anomalies" || (JSON.parse(value) as AnomalyRecord).model === model;
}
