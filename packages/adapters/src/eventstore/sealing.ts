import type { Hashing } from "@counterfoil/core/hashing";
import { chainHash, type Head, headOf } from "@counterfoil/core/stream/chain";
import { type Before, foreignEvent } from "@counterfoil/core/stream/read-event";
import { StreamCorrupted, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { type DecodedEvent, decodeEvent, type StoredEvent } from "./stored-event.ts";

/** Events of the stream from a position on, in order, without a hole. */
export type StoredFrom = (first: number, count: number) => AsyncIterable<StoredEvent>;

/** What an event follows; and the hash that the one before states, where it is none of ours. */
export type Predecessor = Before & Readonly<{ stated: string | null }>;

/**
 * Tells our events from those of others. Whoever may write to the server's stream can append to it,
 * and what is there stays. An event is ours where it decodes and its hash continues the chain; any
 * other is sealed as a `ForeignEvent`, by every reader alike, and the chain goes on from there. A
 * stranger who computes the chain is not noticed: against that stands only who may write.
 */
export type Sealing = Readonly<{
  /** @throws StreamCorrupted where the event before was ours, and was altered since */
  seal(
    before: Predecessor,
    stored: StoredEvent,
  ): Readonly<{ sealed: DecodedEvent; next: Predecessor }>;
  /**
   * What the event of a position follows.
   *
   * @param leading stored events right before it, in whatever order: two of ours that follow each
   *   other tell it, else it is looked for further back
   */
  predecessor(position: number, leading: readonly StoredEvent[]): Promise<Predecessor>;
}>;

type Options = Readonly<{
  stream: string;
  ledger: string;
  empty: Head;
  hashing: Hashing;
  storedFrom: StoredFrom;
}>;

/** Strangers are few, and rarely many in a row. */
const LOOKED_BACK = { first: 16, most: 500 };

export function createSealing(options: Options): Sealing {
  const { stream, ledger, empty, hashing, storedFrom } = options;
  const start: Predecessor = { ...empty, occurredAt: null, stated: null };

  const follows = (hash: string, { event }: DecodedEvent): boolean =>
    chainHash(hash, event, hashing) === event.hash;

  function seal(before: Predecessor, stored: StoredEvent) {
    const decoded = decodeEvent(stored);
    if (decoded !== null && follows(before.hash, decoded)) {
      return { sealed: decoded, next: predecessorFrom(decoded) };
    }
    // A stranger's event is followed by nothing that knows it.
    if (decoded !== null && before.stated !== null && follows(before.stated, decoded)) {
      throw altered(stream, before.position);
    }
    const { id: event_id, type: event_type, data } = stored;
    const content = { ledger, event_id, event_type, sha256: hashing.sha256(data) };
    const sealed = { event: foreignEvent(before, content, hashing), amends: null };
    return { sealed, next: { ...predecessorFrom(sealed), stated: decoded?.event.hash ?? null } };
  }

  const sealAll = (before: Predecessor, run: readonly StoredEvent[]): Predecessor =>
    run.reduce((last, stored) => seal(last, stored).next, before);

  /** Seals a run of events from where its end is certain; null where nothing in it is. */
  function sealedEnd(run: readonly StoredEvent[]): Predecessor | null {
    if (run[0]?.revision === 0) return sealAll(start, run);
    for (let at = run.length - 1; at > 0; at -= 1) {
      const [earlier, later] = run.slice(at - 1, at + 1).map(decodeEvent);
      if (earlier && later && follows(earlier.event.hash, later)) {
        return sealAll(predecessorFrom(later), run.slice(at + 1));
      }
    }
    return null;
  }

  async function readRun(first: number, last: number): Promise<readonly StoredEvent[]> {
    const run: StoredEvent[] = [];
    for await (const stored of storedFrom(first, last - first + 1)) run.push(stored);
    if (run.length > last - first) return run;
    throw new StreamUnavailable(
      `stream ${stream} ends at position ${first + run.length - 1}, and went on to ${last} a moment ago: its server lost commits`,
    );
  }

  return {
    seal,
    async predecessor(position, leading) {
      if (position === 1) return start;
      let run = leading.toSorted((a, b) => a.revision - b.revision);
      for (let count = LOOKED_BACK.first; ; count = LOOKED_BACK.most) {
        const found = sealedEnd(run);
        if (found !== null) return found;
        const last = run[0]?.revision ?? position - 1;
        run = [...(await readRun(Math.max(1, last - count + 1), last)), ...run];
      }
    },
  };
}

const predecessorFrom = ({ event }: DecodedEvent): Predecessor => ({
  ...headOf(event),
  occurredAt: event.occurred_at,
  stated: null,
});

function altered(stream: string, position: number): StreamCorrupted {
  return new StreamCorrupted(
    `position ${position} of stream ${stream} is not what was recorded there, as the event behind it shows: keep the stream, run \`counterfoil verify\`, and restore a backup`,
  );
}
