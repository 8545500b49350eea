import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { afterEach, beforeEach } from "@jest/globals";
import type { Clock } from "../ports/clock.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";

/** One ledger of the engine under examination, empty at first. */
export type StreamHarness = Readonly<{
  ledger: string;
  hashing: Hashing;
  /** The most that one append may hold, metadata included; absent where the engine has no bound. */
  appendBytesMax?: number;
  /** Whether nothing can be appended behind others' events; see `EventStream.append`. */
  isExact?: true;
  /** Another instance on the same ledger, as another process would open it. */
  open(clock: Clock): Promise<EventStream>;
  /** Removes what was stored; the instances are closed already. */
  dispose(): Promise<void>;
}>;

export type StreamFixture = Readonly<{
  harness: StreamHarness;
  clock: ManualClock;
  stream: EventStream;
  /** Another instance, closed after the test. */
  openAnother(): Promise<EventStream>;
}>;

const START = 1_700_000_000_000_000_000n;

/** A new ledger for every test; call the result inside a test. */
export function useStream(makeHarness: () => Promise<StreamHarness>): () => StreamFixture {
  let fixture: StreamFixture | null = null;
  let opened: EventStream[] = [];

  beforeEach(async () => {
    const harness = await makeHarness();
    const clock = createManualClock(START);
    const openAnother = async () => {
      const stream = await harness.open(clock);
      opened.push(stream);
      return stream;
    };
    fixture = { harness, clock, stream: await openAnother(), openAnother };
  });

  afterEach(async () => {
    for (const stream of opened) await stream.close();
    opened = [];
    await fixture?.harness.dispose();
    fixture = null;
  });

  return () => {
    if (fixture === null) throw new Error("the fixture exists only inside a test");
    return fixture;
  };
}

export async function readAll(stream: EventStream): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const page = await stream.read({ after: events.length, limit: 1_000_000 });
    if (page.length === 0) return events;
    events.push(...page);
  }
}

export function positionsOf(events: readonly RecordedEvent[]): readonly number[] {
  return events.map(({ position }) => position);
}

/** The first position whose hash is not the one that the chain needs there; null where all are. */
export function brokenAt(
  events: readonly RecordedEvent[],
  { ledger, hashing }: Pick<StreamHarness, "ledger" | "hashing">,
): number | null {
  let previous = emptyHead(ledger, hashing).hash;
  for (const event of events) {
    if (chainHash(previous, event, hashing) !== event.hash) return event.position;
    previous = event.hash;
  }
  return null;
}
