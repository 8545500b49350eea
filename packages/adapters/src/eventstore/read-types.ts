import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { ReadQuery } from "@counterfoil/processing/ports/event-stream";
import { rareTypeOf } from "./identity-index.ts";
import { catchUpIndex } from "./index-catch-up.ts";
import type { StreamParts } from "./stream-parts.ts";

type TypesQuery = Required<ReadQuery>;

/** Rare types are found by the index, others by looking through the stream. */
export async function readTypes(
  parts: StreamParts,
  query: TypesQuery,
): Promise<readonly RecordedEvent[]> {
  const types = [...new Set(query.types)];
  if (types.length === 0) return [];
  const isRare = types.every((type) => rareTypeOf(type) !== null);
  return isRare ? readRare(parts, { ...query, types }) : searchTypes(parts, { ...query, types });
}

/** All types as of one head, so that no event appended meanwhile hides one before it. */
async function readRare(parts: StreamParts, query: TypesQuery): Promise<readonly RecordedEvent[]> {
  const { position: upTo } = await catchUpIndex(parts);
  return parts.reader.at(await parts.index.rarePositions({ ...query, upTo }));
}

/** How many positions one step of a search looks through. */
const WINDOW = 1000;

async function searchTypes(
  { reader }: StreamParts,
  { after, limit, types }: TypesQuery,
): Promise<readonly RecordedEvent[]> {
  const { position: last } = await reader.head();
  const found: RecordedEvent[] = [];
  for (let from = after; from < last && found.length < limit; from += WINDOW) {
    const events = await reader.from(from + 1, Math.min(WINDOW, last - from));
    found.push(...events.map(({ event }) => event).filter(({ type }) => types.includes(type)));
  }
  return found.slice(0, limit);
}
