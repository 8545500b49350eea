import type { ModelName } from "@counterfoil/contracts/fact";
import { recordsAt, type Source, sourcesOf } from "../changes/change-rows.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Condition, Rows } from "../ports/model-store.ts";

/** An account or a record that changed between two positions; null where it did not exist. */
export type RecordDifference = Readonly<{
  model: ModelName;
  id: string;
  /** As in the HTTP API. */
  before: object | null;
  after: object | null;
  /** The ids of the events that changed it in between, in order. */
  facts: readonly string[];
}>;

/** Two positions, and optionally the id of a single account or record. */
type Between = Readonly<{ after: number; upTo: number; id?: string }>;

/**
 * Finds accounts or lifecycle records that differ between two positions, in id order.
 *
 * @param rows of the model projected up to the later position. Its change rows hold the earlier state
 *   as well, so that the model is projected only once
 */
export async function* recordDifferences(
  stream: EventStream,
  rows: Rows,
  model: ModelName,
  between: Between,
): AsyncGenerator<RecordDifference> {
  const [source] = sourcesOf(model);
  if (source === undefined) return;
  const ids = between.id === undefined ? allIds(rows, source) : [between.id];
  for await (const id of ids) {
    const positions = await changePositions(rows, source, id, between);
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
async function* allIds(rows: Rows, { changes, id }: Source): AsyncGenerator<string> {
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
const CHANGES_PAGE = 1000;

async function changePositions(
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
      ...{ where, orderBy: [id, "position"], beyond, limit: CHANGES_PAGE },
    });
    found.push(...page.map(({ position }) => Number(position)));
    if (page.length < CHANGES_PAGE) return found;
    last = found.at(-1) ?? upTo;
  }
}
