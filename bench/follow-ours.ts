import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { type Appends, createTally, type Followed } from "./follow-tally.ts";
import { openBenchStream } from "./postgres-server.ts";

/** Each writer has its own connection; after a conflict it reads the head again. */
export async function followOurs(url: string, work: Appends): Promise<Followed> {
  const streams = await Promise.all(
    Array.from({ length: work.writers }, () => openBenchStream(url)),
  );
  const reader = await openBenchStream(url);
  const total = work.writers * work.appends * work.eventsAtOnce;
  const tally = createTally();
  try {
    const following = follow(reader, total, tally.see);
    const appended = await Promise.all(streams.map((stream, at) => write(stream, at, work)));
    await following;
    return tally.followed(appended.flat());
  } finally {
    await Promise.all([...streams, reader].map((stream) => stream.close()));
  }
}

async function write(
  stream: EventStream,
  writer: number,
  { appends, eventsAtOnce }: Appends,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let number = 0; number < appends; number += 1) {
    const first = (writer * appends + number) * eventsAtOnce + 1;
    const events = sampleEvents(first, first + eventsAtOnce - 1);
    for (;;) {
      const { position } = await stream.head();
      const { outcome } = await stream.append(position, events);
      if (outcome === "appended") break;
    }
    ids.push(...events.map(({ id }) => id));
  }
  return ids;
}

/** Reads after the last position until the reader has reached the end, whatever it has seen. */
async function follow(
  stream: EventStream,
  end: number,
  see: (id: string, position: number) => void,
): Promise<void> {
  for (let after = 0; after < end; ) {
    const events = await stream.read({ after, limit: 100 });
    for (const { id, position } of events) see(id, position);
    after = events.at(-1)?.position ?? after;
    if (events.length === 0) await stream.waitForAppend(after, AbortSignal.timeout(1000));
  }
}
