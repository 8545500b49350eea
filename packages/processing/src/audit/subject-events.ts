import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import type { EventStream } from "../ports/event-stream.ts";
import type { ModelCatalogue } from "../ports/model-store.ts";
import { isOnStream } from "../stream-guard.ts";
import { AUDIT_LAYOUT, positionsIn, type SubjectQuery } from "./audit-index.ts";
import { readStore } from "./heads.ts";

export type SubjectSources = Readonly<{
  stream: EventStream;
  catalogue: Pick<ModelCatalogue, "generations" | "openForReading">;
  hashing: Hashing;
}>;

export type SubjectPositions = Readonly<{
  /** In order, at most as many as were asked for. */
  positions: readonly number[];
  /**
   * How far the index has come: what was appended behind that is not in it yet, and is to be looked
   * through. 0 where there is none, or it has followed another stream.
   */
  upTo: number;
}>;

/**
 * Where a subject's events are behind a position, by the index beside the signed heads: two look-ups
 * and a page of rows, however long the stream and the subject's history are.
 */
export async function findSubjectPositions(
  { stream, catalogue, hashing }: SubjectSources,
  query: SubjectQuery,
): Promise<SubjectPositions> {
  const [known] = await catalogue.generations("audit");
  if (known?.modelVersion !== AUDIT_LAYOUT.modelVersion) return NONE;
  const found = await readStore(catalogue, "audit", async (rows, checkpoint) => ({
    checkpoint,
    positions: await positionsIn(rows, query, hashing),
  }));
  if (found === null || !(await isOnStream(stream, found.checkpoint))) return NONE;
  return { positions: found.positions, upTo: found.checkpoint.position };
}

const NONE: SubjectPositions = { positions: [], upTo: 0 };

/** Events that are asked for in one call. */
const PAGE = 500;

/** The events at these positions, by position. @param positions in order, each once */
export async function readPositions(
  stream: Pick<EventStream, "readAt">,
  positions: readonly number[],
): Promise<ReadonlyMap<number, RecordedEvent>> {
  const found = new Map<number, RecordedEvent>();
  for await (const page of pagesAt(stream, positions)) {
    for (const event of page) found.set(event.position, event);
  }
  return found;
}

/** The same as the engine brings them, for who keeps none: a page is bounded in bytes too. */
export async function* pagesAt(
  stream: Pick<EventStream, "readAt">,
  positions: readonly number[],
): AsyncGenerator<readonly RecordedEvent[]> {
  for (let at = 0; at < positions.length; at += PAGE) {
    for (let rest = positions.slice(at, at + PAGE); rest.length > 0; ) {
      const page = await stream.readAt(rest);
      yield page;
      const last = page.at(-1)?.position ?? Number.POSITIVE_INFINITY;
      rest = rest.filter((position) => position > last);
    }
  }
}

export type SubjectRange = Readonly<{ subject: string; from: number; to: number }>;

/**
 * One subject's events of a range, page by page: those in the index by it, the others by reading what
 * was appended since. An empty page says that others may have their turn.
 */
export async function* eventsOfSubject(
  sources: SubjectSources,
  { subject, from, to }: SubjectRange,
): AsyncGenerator<readonly RecordedEvent[]> {
  const isMeant = (event: RecordedEvent) => event.subject === subject && event.position <= to;
  let after = from - 1;
  for (;;) {
    const query = { subject, after, limit: PAGE };
    const { positions, upTo } = await findSubjectPositions(sources, query);
    const found = await readPositions(sources.stream, positions);
    yield positions.flatMap((position) => found.get(position) ?? []).filter(isMeant);
    const last = positions.at(-1) ?? after;
    const isAll = positions.length < PAGE;
    after = isAll ? Math.max(last, upTo) : last;
    if (isAll || after >= to) break;
  }
  while (after < to) {
    const page = await sources.stream.read({ after, limit: Math.min(SCAN, to - after) });
    if (page.length === 0) return;
    yield page.filter(isMeant);
    after = page.at(-1)?.position ?? to;
  }
}

const SCAN = 2000;
