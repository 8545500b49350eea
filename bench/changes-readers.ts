import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { monotonicMs } from "./measure.ts";

/** The job of the process that reads; any later message ends it. */
export type ReadersJob = Readonly<{ address: string; subscribers: number }>;

/** What the subscribers received. */
export type ChangesRead = Readonly<{
  /** The first position of each piece, and when it came, in monotonic ms. */
  pieces: readonly Piece[];
  /** Changes that each subscriber received. */
  changes: readonly number[];
}>;

type Piece = Readonly<{ position: number; atMs: number }>;

const [job] = (await once(process, "message")) as [ReadersJob];
const readers = await Promise.all(Array.from({ length: job.subscribers }, subscribe));
process.send?.("reading");
await once(process, "message");
const read: ChangesRead = {
  pieces: readers.flatMap(({ pieces }) => pieces),
  changes: readers.map(({ counted }) => counted.changes),
};
for (const { response } of readers) response.destroy();
process.send?.(read, () => process.disconnect?.());

/** Parses only the first id of each piece: 500 subscribers share the machine with the service. */
async function subscribe() {
  const pieces: Piece[] = [];
  const counted = { changes: 0 };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${job.address}/v1/changes`, { agent: false }, resolve).on("error", reject);
  });
  response.on("error", () => {});
  const live = once(response, "data");
  response.on("data", (chunk: Buffer) => {
    const atMs = monotonicMs();
    const first = chunk.indexOf("id: ");
    for (let at = chunk.indexOf("event: "); at !== -1; at = chunk.indexOf("event: ", at + 1)) {
      counted.changes += 1;
    }
    const hasChange = chunk.includes("event: ");
    const position = Number.parseInt(chunk.toString("latin1", first + 4, first + 24), 10);
    if (first !== -1 && hasChange) pieces.push({ position, atMs });
  });
  await live;
  return { response, pieces, counted };
}
