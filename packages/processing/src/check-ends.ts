import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { chainHash, emptyHead, type Head, headOf } from "@counterfoil/core/stream/chain";
import { isEngineError, StreamCorrupted } from "./ports/errors.ts";
import type { EventStream } from "./ports/event-stream.ts";

export type CheckEndsOptions = Readonly<{
  stream: EventStream;
  ledger: string;
  hashing: Hashing;
  /** How many of the last events are checked. */
  tail?: number;
}>;

const TAIL = 1000;

/**
 * Checks the first event and the last ones against the hash chain: cheap at any length, and enough
 * to notice a file that was cut, mixed up or damaged where writing goes on. `verifyStream` looks at
 * everything.
 *
 * @throws StreamCorrupted naming the first position that is wrong
 */
export async function checkEnds(options: CheckEndsOptions): Promise<void> {
  const { stream, ledger, hashing, tail = TAIL } = options;
  const { position: end } = await stream.head();
  if (end === 0) return;
  const first = await readFrom(stream, 0, 1);
  checkLinks(emptyHead(ledger, hashing), first, hashing);
  const before = Math.max(1, end - tail);
  const [anchor, ...rest] = await readFrom(stream, before - 1, end - before + 1);
  if (anchor === undefined) throw missing(before);
  const last = checkLinks(headOf(anchor), rest, hashing);
  if (last.position < end) throw missing(last.position + 1);
}

async function readFrom(stream: EventStream, after: number, limit: number) {
  try {
    return await stream.read({ after, limit });
  } catch (error) {
    if (!isEngineError(error)) throw error;
    const places = limit === 1 ? `position ${after + 1}` : `positions ${after + 1} and following`;
    throw new StreamCorrupted(`${places}: ${(error as Error).message}`, { cause: error });
  }
}

/** @returns the place of the last event. */
function checkLinks(from: Head, events: readonly RecordedEvent[], hashing: Hashing): Head {
  let head = from;
  for (const event of events) {
    if (event.position !== head.position + 1) throw missing(head.position + 1);
    const expected = chainHash(head.hash, event, hashing);
    if (event.hash !== expected) {
      throw new StreamCorrupted(
        `position ${event.position}: found hash ${event.hash}, expected ${expected}: ${ADVICE}`,
      );
    }
    head = headOf(event);
  }
  return head;
}

function missing(position: number): StreamCorrupted {
  return new StreamCorrupted(`position ${position}: no event is there: ${ADVICE}`);
}

const ADVICE = "keep the file, run `counterfoil verify`, and restore a backup";
