import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { counted } from "@counterfoil/core/exact/text";
import { cutAppends, storedSize } from "@counterfoil/core/ingest/event";
import { AMENDMENTS, factIdOf } from "@counterfoil/core/ingest/fact-state";
import { type Head, headOf } from "@counterfoil/core/stream/chain";
import { AppendTooLarge, EventIdTaken, ExportRefused } from "../ports/errors.ts";
import type { Body, EventStream } from "../ports/event-stream.ts";
import { createExportReader, type ExportItem, type ExportReaderOptions } from "./check-export.ts";

type ReadExportOptions = ExportReaderOptions &
  Readonly<{
    /** The file's lines from the beginning, in batches. */
    lines: () => AsyncIterable<readonly string[]>;
    signal?: AbortSignal | undefined;
    onProgress?: ((done: number, total: number) => void) | undefined;
  }>;

type ImportOptions = ReadExportOptions & Readonly<{ stream: EventStream }>;

export type Imported = Readonly<{
  /** The position up to which an interrupted import had already appended. */
  resumedAt: number;
  head: Head;
  bodies: number;
}>;

/**
 * Checks a whole export without writing anything, so that no part of a refused export gets into a
 * ledger.
 *
 * @param held the head of the ledger to import into
 * @throws ExportRefused if a line is bad, or the ledger holds events that are not in the export
 */
export async function checkExport(options: ReadExportOptions, held: Head): Promise<void> {
  for await (const found of itemsOf(options)) checkHeld(found, held);
}

/**
 * Appends an export, which must have been checked, to a ledger that is empty or holds the beginning of
 * the same export. Positions, recording times and hashes are those of the export. A killed import
 * leaves such a beginning, and the next import continues after it.
 *
 * @throws ExportRefused as `checkExport`, and if an event is repeated, or another writer appends
 */
export async function importLedger(options: ImportOptions): Promise<Imported> {
  const { stream } = options;
  const held = await stream.head();
  const batch = createBatch(stream, held);
  let bodies = 0;
  for await (const found of itemsOf({ ...options, isReadAgain: true })) {
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

/** Because events are chained, comparing the ledger's last event compares all events before it. */
function checkHeld({ line, item }: Found, held: Head): void {
  if (item.kind === "header" && item.header.to < held.position) {
    throw new ExportRefused(
      `line ${line}: the export ends at position ${item.header.to}, and the ledger holds ${counted(held.position, "event")}: ${NOT_EMPTY}`,
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
 * Limits of one append if the engine has no limit of its own: five times those of ingest, because every
 * append is flushed to disk. Such an append still takes less than a second.
 */
const EVENTS_MAX = 5000;
const BYTES_MAX = 4 * 1024 * 1024;
/** Limit of the bodies of one append, which are not part of its size but have to fit into memory. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;

type LineEvent = Readonly<{ line: number; event: RecordedEvent }>;

/** Collects events for an append, each with the body after it. */
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
      throw error instanceof EventIdTaken ? await repeatedEventError(stream, events) : error;
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
    /** Adds the body of the last event; if the ledger already held that event, it holds the body too. */
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

/** Appends as much at once as the engine accepts. @returns null if the head was at another position */
function createAppend(stream: EventStream): Append {
  let isLimited = false;

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
      // The first append stores all bodies; those of events that are not appended later are harmless.
      stored = [];
    }
    return head;
  }

  return async (position, events, bodies) => {
    if (isLimited) return appendAll(position, cutAppends(events), bodies);
    try {
      return await appendAll(position, [events], bodies);
    } catch (error) {
      if (!(error instanceof AppendTooLarge)) throw error;
      isLimited = true;
      return appendAll(position, cutAppends(events), bodies);
    }
  };
}

/**
 * The error for an event that is repeated in an export with a valid chain. Only the engine detects it,
 * because an export may be larger than memory; the events before its append are in the ledger by then.
 */
async function repeatedEventError(
  stream: EventStream,
  events: readonly LineEvent[],
): Promise<ExportRefused> {
  const { head, known } = await stream.findByIds(events.map(({ event }) => event.id));
  const seen = new Set(known.keys());
  const second = events.find(
    ({ event }) => event.position > head.position && seen.size === seen.add(event.id).size,
  );
  return new ExportRefused(
    `line ${second?.line}: the event ${second?.event.id} stands in the export before; the ledger holds it up to position ${head.position}: remove that ledger`,
  );
}

function importedEvent(event: RecordedEvent): NewEvent {
  const { position: _position, hash: _hash, ...kept } = event;
  return { ...kept, about: AMENDMENTS.has(event.type) ? factIdOf(event) : null };
}
