import type { TreeHead } from "@counterfoil/contracts/audit";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { createGrowingTree } from "@counterfoil/core/audit/merkle-log";
import { emptyHead } from "@counterfoil/core/stream/chain";
import { eventsOfSubject, type SubjectSources } from "../audit/subject-events.ts";
import type { LedgerNames } from "../ingest/startup.ts";
import { StreamCorrupted } from "../ports/errors.ts";
import { type NamedBody, readBodies } from "../ports/event-stream.ts";
import type { Base64 } from "./check-export.ts";
import {
  bodyLine,
  bodyOf,
  createBodyMemory,
  dataOf,
  type ExportHeader,
  endLine,
  eventLine,
  headerLine,
} from "./export-lines.ts";

/** What is exported: positions, both included, and one account's events alone. */
export type ExportRange = Readonly<{ from: number; to: number; account: string | null }>;

export type RangeReadOptions = ExportRange &
  SubjectSources &
  Readonly<{
    signal?: AbortSignal | undefined;
    onProgress?: ((done: number, total: number) => void) | undefined;
  }>;

export type ExportOptions = RangeReadOptions &
  Readonly<{
    names: LedgerNames;
    base64: Base64;
    /** Over the last position, where one was signed. */
    head?: TreeHead | null;
  }>;

const PAGE = 2000;

/** The events of a range, page by page: bounded in memory, whatever the ledger's length. */
export async function* eventsInRange(
  options: RangeReadOptions,
): AsyncGenerator<readonly RecordedEvent[]> {
  const { stream, from, to, account, signal, onProgress } = options;
  if (account !== null) {
    for await (const page of eventsOfSubject(options, { subject: account, from, to })) {
      signal?.throwIfAborted();
      yield page;
    }
    onProgress?.(to - from + 1, to - from + 1);
    return;
  }
  for (let after = from - 1; after < to; ) {
    signal?.throwIfAborted();
    const page = await stream.read({ after, limit: Math.min(PAGE, to - after) });
    const last = page.at(-1);
    if (last === undefined) throw new StreamCorrupted(`position ${after + 1}: no event is there`);
    yield page;
    after = last.position;
    onProgress?.(after - from + 1, to - from + 1);
  }
}

/**
 * A range of a ledger as lines of text, each with its end: all that an import needs, and all that who
 * checks it elsewhere needs. It looks at nothing: what was altered on the stream is exported so.
 *
 * @returns how many events it holds
 */
export async function* exportLines(options: ExportOptions): AsyncGenerator<string, number> {
  const { stream, account, base64 } = options;
  const header = await headerOf(options);
  yield `${headerLine(header)}\n`;
  const isFirstBody = createBodyMemory();
  const isFirst = ({ sha256 }: NamedBody) => isFirstBody(sha256);
  const tree = options.from === 1 && account === null ? createGrowingTree(options.hashing) : null;
  let [events, bodies, hash] = [0, 0, header.before];
  for await (const page of eventsInRange(options)) {
    const named = account === null ? page.flatMap(namedBody).filter(isFirst) : [];
    const reading = readBodies(stream, named);
    let [text, next] = ["", 0];
    for (const event of page) {
      text += `${eventLine(event)}\n`;
      events += 1;
      tree?.add(event.hash);
      hash = event.hash;
      if (named[next]?.position !== event.position) continue;
      next += 1;
      const [{ sha256 }, bytes] = (await reading.next()).value as BodyRead;
      if (bytes !== null) bodies += 1;
      text += `${bodyLine({ sha256, base64: bytes && base64.encode(bytes) })}\n`;
      if (text.length < TEXT_MAX) continue;
      yield text;
      text = "";
    }
    yield text;
  }
  const head = options.head ?? null;
  yield `${endLine({ events, bodies, hash, root: tree?.root() ?? null, head })}\n`;
  return events;
}

type BodyRead = readonly [NamedBody, Uint8Array | null];

function namedBody(event: RecordedEvent): readonly (NamedBody & Readonly<{ position: number }>)[] {
  const sha256 = bodyOf(event);
  if (sha256 === null) return [];
  return [{ sha256, length: Number(dataOf(event).length), position: event.position }];
}

/** Bodies are long: the text of a page is written in parts. */
const TEXT_MAX = 1024 * 1024;

async function headerOf(options: ExportOptions): Promise<ExportHeader> {
  const { stream, names, hashing, from, to, account } = options;
  const hashAt = async (position: number) => {
    const [event] = await stream.read({ after: position - 1, limit: 1 });
    if (event?.position === position) return event.hash;
    throw new StreamCorrupted(`position ${position}: no event is there`);
  };
  const genesis = await hashAt(1);
  const before = from === 1 ? emptyHead(names.name, hashing).hash : await hashAt(from - 1);
  const ledger = { ledger: names.name, environment: names.environment };
  return { ...ledger, genesis, from, to, before, account };
}
