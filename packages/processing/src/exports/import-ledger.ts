import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { cutAppends, storedSize } from "@counterfoil/core/ingest/event";
import { AMENDMENTS, factIdOf } from "@counterfoil/core/ingest/fact-state";
import { type Head, headOf } from "@counterfoil/core/stream/chain";
import { AppendTooLarge, EventIdTaken, ExportRefused } from "../ports/errors.ts";
import type { Body, EventStream } from "../ports/event-stream.ts";
import { createExportReader, type ExportItem, type ExportReaderOptions } from "./check-export.ts";

export type ReadExportOptions = ExportReaderOptions &
  Readonly<{
    /** The file's lines from its beginning, some at a time. */
    lines: () => AsyncIterable<readonly string[]>;
    signal?: AbortSignal | undefined;
    onProgress?: ((done: number, total: number) => void) | undefined;
  }>;

export type ImportOptions = ReadExportOptions & Readonly<{ stream: EventStream }>;

export type Imported = Readonly<{
  /** Events that were there from an import that ended before its time. */
  resumedAt: number;
  head: Head;
  bodies: number;
}>;

/**
 * Reads an export through without writing anything, so that nothing of one that is refused gets into
 * a ledger.
 *
 * @param held the head of the ledger that it is to go into
 * @throws ExportRefused where a line is bad, or the ledger holds what is not in the export
 */
export async function checkExport(options: ReadExportOptions, held: Head): Promise<void> {
  for await (const found of itemsOf(options)) checkHeld(found, held);
}

/**
 * Appends an export to a ledger that is empty, or holds the beginning of the same export: positions,
 * times of recording and hashes are those of the export. A kill leaves such a beginning, and the next
 * import goes on from there.
 *
 * @throws ExportRefused as `checkExport`, and where an event stands twice, or somebody else appends
 */
export async function importLedger(options: ImportOptions): Promise<Imported> {
  const { stream } = options;
  const held = await stream.head();
  const batch = createBatch(stream, held);
  let bodies = 0;
  for await (const found of itemsOf(options)) {
    checkHeld(found, held);
    const { line, item } = found;
    if (item.kind === "event" && item.event.position > held.position) {
      await batch.add({ line, event: item.event });
    }
    if (item.kind !== "body" || item.body === null) continue;
    bodies += 1;
    batch.addBody(item.body);
  }
  await batch.flush();
  return { resumedAt: held.position, head: await stream.head(), bodies };
}

type Found = Readonly<{ line: number; item: ExportItem }>;

async function* itemsOf(options: ReadExportOptions): AsyncGenerator<Found> {
  const { lines, signal, onProgress } = options;
  const reader = createExportReader(options);
  let [done, total] = [0, 0];
  for await (const some of lines()) {
    signal?.throwIfAborted();
    for (const line of some) {
      const item = reader.read(line);
      if (item.kind === "header") total = item.header.to;
      if (item.kind === "event") done = item.event.position;
      yield { line: reader.line(), item };
    }
    onProgress?.(done, total);
  }
  reader.finish();
}

/** Events are chained: where the last that is held is the export's, so are all before it. */
function checkHeld({ line, item }: Found, held: Head): void {
  if (item.kind === "header" && item.header.to < held.position) {
    throw new ExportRefused(
      `line ${line}: the export ends at position ${item.header.to}, and the ledger holds ${held.position} events: ${NOT_EMPTY}`,
    );
  }
  if (item.kind !== "event" || item.event.position !== held.position) return;
  if (item.event.hash === held.hash) return;
  throw new ExportRefused(
    `line ${line}: position ${held.position} has hash ${item.event.hash}, and the ledger holds ${held.hash} there: ${NOT_EMPTY}`,
  );
}

const NOT_EMPTY = "import into an empty ledger, or one that an import of this very file began";

/**
 * What one append takes where the engine has no bound of its own: five times as much as ingest gives
 * it, since each is flushed to the disk, and still in a second.
 */
const EVENTS_MAX = 5000;
const BYTES_MAX = 4 * 1024 * 1024;
/** Of bodies, which are no part of an append's bound and have to fit into memory. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;

type LineEvent = Readonly<{ line: number; event: RecordedEvent }>;

/** Gathers events for an append, each together with the body behind it. */
function createBatch(stream: EventStream, held: Head) {
  const append = createAppend(stream);
  let head = held;
  let events: LineEvent[] = [];
  let bodies: Body[] = [];
  let [size, bodyBytes] = [0, 0];

  async function flush(): Promise<void> {
    const last = events.at(-1);
    if (last === undefined) return;
    const added = events.map(({ event }) => importedEvent(event));
    const appended = await append(head.position, added, bodies).catch(async (error) => {
      throw error instanceof EventIdTaken ? await repeated(stream, events) : error;
    });
    if (appended?.hash !== last.event.hash) {
      throw new ExportRefused(
        `line ${events[0]?.line}: somebody else appends to this ledger: stop the service, and import into an empty ledger`,
      );
    }
    head = headOf(last.event);
    [events, bodies, size, bodyBytes] = [[], [], 0, 0];
  }

  return {
    flush,
    async add(added: LineEvent): Promise<void> {
      const more = storedSize(added.event);
      const isFull = events.length >= EVENTS_MAX || size + more > BYTES_MAX;
      if (isFull || bodyBytes > BODY_BYTES_MAX) await flush();
      events.push(added);
      size += more;
    },
    /** Of the event that was added last; where that was held already, so is the body. */
    addBody(body: Body): void {
      if (events.length === 0) return;
      bodies.push(body);
      bodyBytes += body.bytes.length;
    },
  };
}

type Append = (
  position: number,
  events: readonly NewEvent[],
  bodies: readonly Body[],
) => Promise<Head | null>;

/** Appends as much as the engine takes at once. @returns null where the head was not there */
function createAppend(stream: EventStream): Append {
  let isBounded = false;

  async function appendAll(
    position: number,
    parts: readonly (readonly NewEvent[])[],
    bodies: readonly Body[],
  ): Promise<Head | null> {
    let head: Head | null = null;
    let stored = bodies;
    let at = position;
    for (const part of parts) {
      const result = await stream.append(at, part, stored);
      if (result.outcome === "conflict") return null;
      head = result.head;
      at += part.length;
      // Those of later events too: where these are not appended any more, they do no harm.
      stored = [];
    }
    return head;
  }

  return async (position, events, bodies) => {
    if (isBounded) return appendAll(position, cutAppends(events), bodies);
    try {
      return await appendAll(position, [events], bodies);
    } catch (error) {
      if (!(error instanceof AppendTooLarge)) throw error;
      isBounded = true;
      return appendAll(position, cutAppends(events), bodies);
    }
  };
}

/**
 * An event that stands twice in an export whose chain is whole: the engine alone can tell, since an
 * export may be longer than memory. What came before its append is in the ledger by then.
 */
async function repeated(stream: EventStream, events: readonly LineEvent[]): Promise<ExportRefused> {
  const { head, known } = await stream.findByIds(events.map(({ event }) => event.id));
  const seen = new Set(known.keys());
  const second = events.find(
    ({ event }) => event.position > head.position && seen.size === seen.add(event.id).size,
  );
  return new ExportRefused(
    `line ${second?.line}: the event ${second?.event.id} stands in the export before; the ledger holds the first ${head.position} events of it: remove that ledger`,
  );
}

function importedEvent(event: RecordedEvent): NewEvent {
  const { position: _position, hash: _hash, ...kept } = event;
  return { ...kept, about: AMENDMENTS.has(event.type) ? factIdOf(event) : null };
}
