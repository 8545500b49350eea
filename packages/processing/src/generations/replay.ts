import type { ModelName } from "@counterfoil/contracts/fact";
import type { Hashing } from "@counterfoil/core/hashing";
import { recordsAt, type Source, sourcesOf } from "../changes/source.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Checkpoint, ModelCatalogue, Rows } from "../ports/model-store.ts";
import type { Condition } from "../ports/table.ts";
import type { Projection } from "../projection/projection.ts";
import { openProjectionRun, runNear, runTo } from "../projection/run.ts";

export type ReplayOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  projection: Projection;
  hashing: Hashing;
  /** The last event that is folded. */
  position: number;
  /** Once it aborts, what was folded is thrown away, and the signal's reason is thrown. */
  signal?: AbortSignal;
  onProgress?: (position: number, target: number) => void;
}>;

/**
 * Folds the stream up to a position into a store of its own, beside the live generation and without
 * touching it, and hands its rows to `work`. The store is none of the model's generations, and is gone
 * afterwards, also where the process dies (`ModelCatalogue.openScratch`).
 */
export async function replayModel<T>(
  options: ReplayOptions,
  work: (rows: Rows, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  const { stream, catalogue, projection, hashing, position, signal, onProgress } = options;
  const { model, tables, version: modelVersion } = projection;
  const store = await catalogue.openScratch(model, { tables, modelVersion });
  try {
    const run = await openProjectionRun({ stream, projection, store, hashing });
    const near = { stream, signal, ...(onProgress && { onFolded: onProgress }) };
    await runNear(near, run, async () => position);
    signal?.throwIfAborted();
    return await work(store, await runTo(stream, run, position));
  } finally {
    await store.close();
  }
}

/** What became of an account or a record between two positions; null where it did not exist. */
export type RecordDifference = Readonly<{
  model: ModelName;
  id: string;
  /** As HTTP serves it. */
  before: object | null;
  after: object | null;
  /** The ids of the events that changed it in between, in their order. */
  facts: readonly string[];
}>;

/** Positions, and one account or record alone where `id` names it. */
export type Between = Readonly<{ after: number; upTo: number; id?: string }>;

/**
 * Accounts, or records of a lifecycle, that are not what they were, in the order of their ids.
 *
 * @param rows of the model folded up to the later position: each event that changed a record left a
 *   row there, so that what it was before needs no second fold
 */
export async function* recordDifferences(
  stream: EventStream,
  rows: Rows,
  model: ModelName,
  between: Between,
): AsyncGenerator<RecordDifference> {
  const [source] = sourcesOf(model);
  if (source === undefined) return;
  const ids = between.id === undefined ? idsEver(rows, source) : [between.id];
  for await (const id of ids) {
    const positions = await changesOf(rows, source, id, between);
    if (positions.length === 0) continue;
    const recordAt = async (position: number) =>
      (await recordsAt(rows, source, { ids: [id], position })).get(id) ?? null;
    const [before, after] = [await recordAt(between.after), await recordAt(between.upTo)];
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    const facts: string[] = [];
    for (const position of positions) {
      const [event] = await stream.read({ after: position - 1, limit: 1 });
      if (event !== undefined) facts.push(event.id);
    }
    yield { model, id, before, after, facts };
  }
}

/** Every id that ever had a record, found by skipping from one to the next along an index. */
async function* idsEver(rows: Rows, { changes, id }: Source): AsyncGenerator<string> {
  const orderBy = [id, "position"];
  for (let last: string | null = null; ; ) {
    const beyond = last === null ? {} : { beyond: [last, Number.MAX_SAFE_INTEGER] };
    const [next] = await rows.select(changes, { orderBy, ...beyond, limit: 1 });
    if (next === undefined) return;
    last = String(next[id]);
    yield last;
  }
}

/** Only a hot account has more changes than one page. */
const PAGE = 1000;

async function changesOf(
  rows: Rows,
  { changes, id }: Source,
  wanted: string,
  { after, upTo }: Between,
): Promise<readonly number[]> {
  const where: Condition[] = [
    { column: id, is: "=", value: wanted },
    { column: "position", is: "<=", value: upTo },
  ];
  const found: number[] = [];
  for (let last = after; ; ) {
    const beyond = [wanted, last];
    const page = await rows.select(changes, {
      ...{ where, orderBy: [id, "position"], beyond, limit: PAGE },
    });
    found.push(...page.map(({ position }) => Number(position)));
    if (page.length < PAGE) return found;
    last = found.at(-1) ?? upTo;
  }
}
