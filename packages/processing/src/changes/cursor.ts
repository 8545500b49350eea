import { type ModelName, modelName } from "@counterfoil/contracts/fact";

/**
 * How far the changes of some models were read: all changes up to a position, or all changes before
 * it and the first `seen` changes at it.
 */
export type ReadPosition = Readonly<{
  position: number;
  /** null: all changes at the position. */
  seen: number | null;
}>;

/**
 * How far a reader has read the changes. All models share one position, so that their changes come in
 * stream order. A lagging model has its own position until it has caught up, so that it does not
 * delay the others.
 */
export type ChangeCursor = ReadPosition &
  Readonly<{ lagging: ReadonlyMap<ModelName, ReadPosition> }>;

/** The cursor after all changes up to a position. */
export const cursorAt = (position: number): ChangeCursor => ({
  position,
  seen: null,
  lagging: new Map(),
});

/** `120`, `120.3`, or with lagging models `120.3~withdrawals.97.1`. No character needs escaping in a URL. */
export function formatCursor({ lagging, ...readPosition }: ChangeCursor): string {
  const others = [...lagging].map(([model, each]) => `~${model}.${formatReadPosition(each)}`);
  return `${formatReadPosition(readPosition)}${others.join("")}`;
}

const formatReadPosition = ({ position, seen }: ReadPosition): string =>
  seen === null ? String(position) : `${position}.${seen}`;

/** @returns null if the text is not a cursor */
export function parseCursor(text: string): ChangeCursor | null {
  const [shared = "", ...others] = text.split("~");
  const readPosition = parseReadPosition(shared);
  const lagging = new Map<ModelName, ReadPosition>();
  for (const other of others) {
    const at = other.indexOf(".");
    const { data: model } = modelName.safeParse(other.slice(0, Math.max(at, 0)));
    const each = parseReadPosition(other.slice(at + 1));
    if (model === undefined || each === null || lagging.has(model)) return null;
    if (!MODELS.includes(model)) return null;
    lagging.set(model, each);
  }
  return readPosition && { ...readPosition, lagging };
}

export const MODELS: readonly ModelName[] = modelName.options;

function parseReadPosition(text: string): ReadPosition | null {
  const [, position, seen] = /^(\d{1,15})(?:\.(\d{1,15}))?$/.exec(text) ?? [];
  if (position === undefined) return null;
  return { position: Number(position), seen: seen === undefined ? null : Number(seen) };
}

/** The range to read next: changes of these models after `from`, up to a position. */
export type NextChanges = Readonly<{
  models: readonly ModelName[];
  from: ReadPosition;
  upTo: number;
}>;

/** The position up to which the changes of a model can be read. */
const knownPosition = (known: ChangeCursor, model: ModelName): ReadPosition =>
  known.lagging.get(model) ?? known;

/** Whether all changes at the position were read. */
export const isComplete = ({ seen }: ReadPosition): boolean => seen === null;

/**
 * The range that a reader reads next.
 *
 * @param known how far each model can be read; all positions are complete
 * @returns null if the reader has read everything known
 */
export function nextChanges(reader: ChangeCursor, known: ChangeCursor): NextChanges | null {
  const shared = MODELS.filter((model) => !reader.lagging.has(model));
  const knownOf = (model: ModelName) => knownPosition(known, model).position;
  const end = Math.min(...shared.map(knownOf));
  const from = { position: reader.position, seen: reader.seen };
  if (reader.seen !== null) {
    const isKnown = end >= reader.position;
    return isKnown ? { models: shared, from, upTo: reader.position } : null;
  }
  for (const [model, readPosition] of reader.lagging) {
    const upTo = Math.min(reader.position, knownOf(model));
    const isBehind = isComplete(readPosition)
      ? readPosition.position < upTo
      : readPosition.position <= upTo;
    if (isBehind) return { models: [model], from: readPosition, upTo };
  }
  return end > reader.position ? { models: shared, from, upTo: end } : null;
}

/** Marks the models that delay the reader as lagging, if other models can be read further. */
export function separateLagging(reader: ChangeCursor, known: ChangeCursor): ChangeCursor {
  const { position, seen } = reader;
  if (seen !== null || known.position <= position) return reader;
  const lagging = new Map(reader.lagging);
  for (const model of known.lagging.keys()) {
    const isDelaying = knownPosition(known, model).position <= position;
    if (!lagging.has(model) && isDelaying) lagging.set(model, { position, seen });
  }
  return { position, seen, lagging };
}

/** The reader's cursor after it has read the next range up to `to`. Models that caught up stop lagging. */
export function advance(
  reader: ChangeCursor,
  { models }: Pick<NextChanges, "models">,
  to: ReadPosition,
): ChangeCursor {
  const [first] = models;
  const isLagging = first !== undefined && reader.lagging.has(first);
  const moved = isLagging ? reader : { ...reader, ...positionAlone(to) };
  const lagging = new Map(reader.lagging);
  if (isLagging) lagging.set(first, positionAlone(to));
  for (const [model, readPosition] of lagging) {
    if (isComplete(readPosition) && isComplete(moved) && readPosition.position === moved.position)
      lagging.delete(model);
  }
  return { position: moved.position, seen: moved.seen, lagging };
}

const positionAlone = ({ position, seen }: ReadPosition): ReadPosition => ({ position, seen });

/** Whether two cursors are the same. */
export const isSamePosition = (one: ChangeCursor, other: ChangeCursor): boolean =>
  formatCursor(one) === formatCursor(other);
