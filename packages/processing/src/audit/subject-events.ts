import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { keyOf } from "@counterfoil/core/audit/subject-map";
import { counted } from "@counterfoil/core/exact/text";
import type { Hashing } from "@counterfoil/core/hashing";
import { type EventStream, pagesAt, type ReadQuery, rangeOf } from "../ports/event-stream.ts";
import type { ModelCatalogue, Rows } from "../ports/model-store.ts";
import { isOnStream } from "../stream-guard.ts";
import { AUDIT_LAYOUT, damaged, SUBJECT_EVENTS, SUBJECTS } from "./audit-index.ts";
import { readStore } from "./heads.ts";

export type SubjectSources = Readonly<{
  stream: EventStream;
  catalogue: Pick<ModelCatalogue, "generations" | "openForReading">;
  hashing: Hashing;
}>;

type SubjectPositions = Readonly<{
  /** In order, at most as many as requested. */
  positions: readonly number[];
  /**
   * The position that the index has reached: later events are not in it and have to be scanned. 0
   * if there is no index, or it has followed another stream.
   */
  upTo: number;
  /** How many events the subject has up to there, by the map. */
  total: number;
}>;

/**
 * The positions of a subject's events after a position, from the index beside the signed heads: two
 * lookups and a page of rows, however long the stream and the subject's history are.
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
    total: await eventCount(rows, query.subject, hashing),
  }));
  if (found === null || !(await isOnStream(stream, found.checkpoint))) return NONE;
  const { positions, total } = found;
  return { positions, total, upTo: found.checkpoint.position };
}

const NONE: SubjectPositions = { positions: [], upTo: 0, total: 0 };

/** A page of one subject's events. */
type SubjectQuery = Omit<ReadQuery, "types"> & Readonly<{ subject: string }>;

/** The positions of a subject's events in a range, ascending or descending, from the index. */
async function positionsIn(
  rows: Rows,
  { subject, ...query }: SubjectQuery,
  hashing: Hashing,
): Promise<readonly number[]> {
  const key = keyOf(subject, hashing);
  const { after, upTo, limit, order } = rangeOf(query);
  const found = await rows.select(SUBJECT_EVENTS, {
    where: [{ column: "key", is: "=", value: key }],
    orderBy: ["key", "position"],
    descending: order === "desc",
    beyond: [key, order === "asc" ? after : Math.min(upTo, Number.MAX_SAFE_INTEGER - 1) + 1],
    limit,
  });
  const positions = found.map(({ position }) => Number(position));
  return positions.filter((position) => position > after && position <= upTo);
}

/** How many events a subject has, by its row. */
async function eventCount(rows: Rows, subject: string, hashing: Hashing): Promise<number> {
  return Number((await rows.get(SUBJECTS, [keyOf(subject, hashing)]))?.events ?? 0);
}

/** Number of positions requested in one call. */
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

type SubjectRange = Readonly<{ subject: string; from: number; to: number }>;

/**
 * One subject's events of a range, page by page: indexed events by their positions, later ones by
 * scanning the stream. An empty page lets other work run.
 *
 * @throws ModelCorrupted if the index lists other than all events of the subject
 */
export async function* eventsOfSubject(
  sources: SubjectSources,
  { subject, from, to }: SubjectRange,
): AsyncGenerator<readonly RecordedEvent[]> {
  const isInRange = (event: RecordedEvent) => event.subject === subject && event.position <= to;
  let [after, listed] = [from - 1, 0];
  for (;;) {
    const query = { subject, after, limit: PAGE };
    const { positions, upTo, total } = await findSubjectPositions(sources, query);
    listed += positions.length;
    if (from === 1 && positions.length < PAGE && listed !== total) {
      throw damaged(`lists ${counted(listed, "event")} of ${subject}, and its map counts ${total}`);
    }
    const found = await readPositions(sources.stream, positions);
    yield positions.flatMap((position) => found.get(position) ?? []).filter(isInRange);
    const last = positions.at(-1) ?? after;
    const isAll = positions.length < PAGE;
    after = isAll ? Math.max(last, upTo) : last;
    if (isAll || after >= to) break;
  }
  while (after < to) {
    const page = await sources.stream.read({ after, limit: Math.min(SCAN_PAGE, to - after) });
    if (page.length === 0) return;
    yield page.filter(isInRange);
    after = page.at(-1)?.position ?? to;
  }
}

const SCAN_PAGE = 2000;
