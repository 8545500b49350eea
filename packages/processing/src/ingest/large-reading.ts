import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import {
  type SocketOrder,
  type Translations,
  unreadBy,
} from "@counterfoil/core/translate/translation";
import type { EventStream } from "../ports/event-stream.ts";
import {
  LARGE_BYTES,
  type LargeReading,
  type LargeSource,
  type ReadLarge,
} from "../ports/ingest.ts";
import { arrivalOf, bytesOf, decodeBody, isTimeless, textPieces } from "./delivery.ts";

type Options = Readonly<{
  translations: Translations;
  hashing: Hashing;
  /** Megabytes that the heap may take; no limit if not given. */
  memoryMax?: number;
}>;

/** Number of facts looked up and decided together, which takes some ten milliseconds. */
export const PART_FACTS = 500;

/** The number of parts in which a reading is recorded. */
export const partsOf = ({ count }: LargeReading): number =>
  Math.max(1, Math.ceil(count / PART_FACTS));

/**
 * Reads a recorded delivery again from its stored bytes; the caller closes the reading.
 *
 * @returns null if the bytes were erased
 */
export async function readStored(
  received: RecordedEvent,
  translation: number,
  { stream, readLarge: read, ...options }: StoredOptions,
): Promise<LargeReading | null> {
  const bytes = await bytesOf(received, stream);
  if (bytes === null) return null;
  const { order } = options;
  const source = { ...arrivalOf(received), ...(order && { order }), bytes, translation };
  if (read !== undefined && bytes.length > LARGE_BYTES) return read(source);
  return readLarge(source, options);
}

type StoredOptions = Options &
  Readonly<{
    stream: EventStream;
    /** Reads large bodies with a limit of memory; here and without one if not given. */
    readLarge?: ReadLarge;
    /** The frame's order on its socket; the recorded one if not given. */
    order?: SocketOrder;
  }>;

/** A body and its text are at most this part of the memory; its values take the rest. */
const TEXT_SHARE = 1 / 4;

/**
 * Reads a large body at once, on the reading thread or without one. A snapshot is read piece by piece,
 * once to count and check its facts and once to hand them out: as a whole it takes thirty times its
 * bytes of memory.
 */
export function readLarge(source: LargeSource, options: Options): LargeReading {
  return readSnapshot(source, options) ?? readWhole(source, options);
}

/** @returns null unless the body is a snapshot of the feed without faults */
function readSnapshot(
  source: LargeSource,
  { hashing, translations }: Options,
): LargeReading | null {
  const { bytes, translation } = source;
  const { readLongFrame } = translations;
  if (readLongFrame === undefined || bytes.length <= LARGE_BYTES) return null;
  const begin = (isReadAgain: boolean) =>
    readLongFrame({ pieces: textPieces(bytes), source, translation, isReadAgain });
  let count = 0;
  try {
    for (const _ of begin(false)) count += 1;
  } catch {
    return null;
  }
  let [rest, at] = [begin(true), 0];

  /** The next facts; they are asked for in their order, unless they are read again from the first. */
  async function facts(from: number, upTo: number): Promise<readonly ProviderFact[]> {
    if (from < at) [rest, at] = [begin(true), 0];
    const found: ProviderFact[] = [];
    for (; at < upTo; at += 1) {
      const { done, value } = rest.next();
      if (done) break;
      if (at >= from) found.push(value);
    }
    return found;
  }

  const sha256 = hashing.sha256(bytes);
  const summary = { ok: true, facts: [], snapshot: true } as const;
  return { sha256, summary, count, isTimeless: false, facts, close: () => {} };
}

function readWhole(
  { bytes, ...source }: LargeSource,
  { translations, hashing, memoryMax = Number.POSITIVE_INFINITY }: Options,
): LargeReading {
  if (bytes.length > memoryMax * TEXT_SHARE * 1024 * 1024) {
    return beyondMemory(bytes, memoryMax, hashing);
  }
  const translate = translations.versions[source.translation];
  if (translate === undefined) throw new Error(`there is no translation ${source.translation}`);
  const reading = translate({ ...source, text: decodeBody(bytes) }, hashing);
  const facts = reading.ok ? reading.facts : [];
  return {
    sha256: hashing.sha256(bytes),
    summary: reading.ok ? { ...reading, facts: [] } : reading,
    count: facts.length,
    isTimeless: isTimeless(reading),
    facts: async (from, upTo) => facts.slice(from, upTo),
    close: () => {},
  };
}

/** The reading of a body that takes more megabytes than the memory has: it is kept in quarantine. */
export function beyondMemory(bytes: Uint8Array, memoryMax: number, hashing: Hashing): LargeReading {
  return {
    sha256: hashing.sha256(bytes),
    summary: unreadBy(new Error(`it takes more than ${memoryMax} MiB of memory to read`)),
    count: 0,
    isTimeless: false,
    facts: async () => [],
    close: () => {},
  };
}
