import type { ModelName } from "@counterfoil/contracts/fact";
import { STOPPED } from "../models/columns.ts";
import { isUnreadable } from "../ports/errors.ts";
import type { Rows } from "../ports/model-store.ts";
import { type Condition, isLastRows, type Row, type Value } from "../ports/table.ts";
import type { StoppedSubject } from "../projection/stopped.ts";
import type { PublishedModel } from "./checkpoint.ts";
import type { PublishContext, TransactionLimits } from "./context.ts";
import { FOLLOWED_SINCE, type Source, sourcesOf } from "./source.ts";

/** What one event did to one row that is published. */
export type Change = Readonly<{
  source: Source;
  position: number;
  id: string;
  /** The record as JSON; null where it was removed. */
  value: string | null;
}>;

type Range = Readonly<{ after: number; upTo: number }>;

/** The changes of a model's rows in a range of positions, and up to where they are known. */
type Followed = Readonly<{
  upTo: number;
  changes: readonly Change[];
  stopped: readonly StoppedSubject[];
}>;

const NOTHING = { changes: [], stopped: [] } as const;

/**
 * Follows a model in the generation that was live at the beginning of a range, which holds no
 * activation of it but at its end.
 */
export async function followModel(
  context: PublishContext,
  model: ModelName,
  { generation, version, range }: PublishedModel & Readonly<{ range: Range }>,
): Promise<Followed> {
  const { readers, activations, limits } = context;
  const { after, upTo } = range;
  if (version === null || version < FOLLOWED_SINCE) return skipRange(context, model, range);
  try {
    return await readers.snapshot(model, generation, async (rows, { position }) => {
      const isBehind = position < upTo;
      if (isBehind) await activations.refresh();
      const isSuperseded = isBehind && (await isBuiltAfter(context, model, after));
      const end = isBehind && !isSuperseded ? position : upTo;
      if (end <= after) return { upTo: after, ...NOTHING };
      const read = await readChanges(rows, sourcesOf(model), { after, upTo: end, limits });
      return { ...read, stopped: await readStopped(rows) };
    });
  } catch (error) {
    if (isUnreadable(error)) return skipRange(context, model, range);
    throw error;
  }
}

/** Skips a generation that cannot be read, where a later one has taken its place: that one is published whole. */
async function skipRange(context: PublishContext, model: ModelName, { after, upTo }: Range) {
  await context.activations.refresh();
  return { upTo: (await isBuiltAfter(context, model, after)) ? upTo : after, ...NOTHING };
}

/**
 * Whether a generation that is activated later has been built up to its activation. From then on
 * nobody projects the ones before it any further.
 */
export async function isBuiltAfter(
  { catalogue, activations }: PublishContext,
  model: ModelName,
  position: number,
): Promise<boolean> {
  const later = activations.after(model, position);
  if (later.length === 0) return false;
  const known = await catalogue.generations(model);
  return later.some((activation) =>
    known.some(
      ({ generation, checkpoint }) =>
        generation === activation.generation && checkpoint.position >= activation.position,
    ),
  );
}

const ONE_EVENT_MAX = 10_000_000;

/**
 * The changes of the rows of some tables in a range of positions.
 *
 * @param limits of the change rows of one table read at once: the range ends before the event that
 *   would go beyond.
 * @returns the changes in order, table by table, and up to where they are complete: all changes of
 *   one event, however many, or none.
 */
async function readChanges(
  rows: Rows,
  sources: readonly Source[],
  { limits, ...range }: Range & Readonly<{ limits: TransactionLimits }>,
): Promise<Readonly<{ changes: readonly Change[]; upTo: number }>> {
  let { upTo } = range;
  const changes: Change[] = [];
  for (const source of sources) {
    const read = await readTable(rows, source, { ...range, upTo, limits });
    upTo = read.upTo;
    for (const row of read.found) changes.push(await changeOf(rows, source, row));
  }
  return { changes: changes.filter(({ position }) => position <= upTo), upTo };
}

async function readTable(
  rows: Rows,
  { changes: table }: Source,
  { after, upTo, limits }: Range & Readonly<{ limits: TransactionLimits }>,
) {
  const select = (where: readonly Condition[], most: Readonly<{ limit: number }>) =>
    rows.select(table, { where, orderBy: table.key, ...most });
  const most = { limit: limits.count + 1, bytesMax: limits.bytes };
  const found = await select([is("position", ">", after), is("position", "<=", upTo)], most);
  const last = found.at(-1);
  if (last === undefined || isLastRows(found, most)) return { found, upTo };
  const cutOff = Number(last.position);
  const whole = found.filter(({ position }) => Number(position) < cutOff);
  if (whole.length > 0) return { found: whole, upTo: cutOff - 1 };
  // One event alone has changed more rows.
  const ofIt = [is("position", "=", cutOff)];
  return { found: await select(ofIt, { limit: ONE_EVENT_MAX }), upTo: cutOff };
}

const is = (column: string, operator: Condition["is"], value: Value): Condition => ({
  column,
  is: operator,
  value,
});

async function changeOf(rows: Rows, source: Source, row: Row): Promise<Change> {
  const record = await source.ofChange(rows, row);
  return {
    source,
    position: Number(row.position),
    id: String(row[source.id]),
    value: record === null ? null : JSON.stringify(record),
  };
}

const STOPPED_MAX = 1_000_000;

/** Subjects that have stopped, each with the position of the event that could not be projected. */
export async function readStopped(rows: Rows): Promise<readonly StoppedSubject[]> {
  const found = await rows.select(STOPPED, { orderBy: ["subject"], limit: STOPPED_MAX });
  return found.map(({ subject, position }) => ({
    subject: String(subject),
    position: Number(position),
  }));
}
