import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { StartCall } from "./connection.ts";
import { type ReadResponse, requestOf, type StoredEvent, storedOf } from "./read-message.ts";

export type ReadRequest = Readonly<{
  stream: string;
  direction: "forwards" | "backwards";
  /** A revision, inclusive. */
  from: number | "start" | "end";
  count: number;
}>;

/** One page; null where there is no such stream (never written, or soft-deleted). */
export function readCall(request: ReadRequest): StartCall<readonly StoredEvent[] | null> {
  return (client, { argumentsOf, progress }) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly StoredEvent[] | null>();
    const call = client.read(readOptions(request), ...argumentsOf());
    const events: StoredEvent[] = [];
    let isMissing = false;
    let isOk = false;
    call.on("error", reject);
    call.on("data", (response: ReadResponse) => {
      progress();
      if (response.hasStreamNotFound()) isMissing = true;
      const event = storedOf(response);
      if (event !== null) events.push(event);
    });
    // The end alone may be that of a call that was cut short.
    call.on("status", ({ code }) => {
      isOk = code === 0;
    });
    call.on("end", () => {
      if (isOk) resolve(isMissing ? null : events);
    });
    return { answer: promise, cancel: () => call.cancel() };
  };
}

function readOptions({ stream, direction, from, count }: ReadRequest) {
  const { ReadDirection } = streams.ReadReq.Options;
  const options = requestOf(stream)
    .setCount(String(count))
    .setReadDirection(direction === "forwards" ? ReadDirection.FORWARDS : ReadDirection.BACKWARDS);
  if (from === "start") options.getStream()?.setStart(new shared.Empty());
  else if (from === "end") options.getStream()?.setEnd(new shared.Empty());
  else options.getStream()?.setRevision(String(from));
  return new streams.ReadReq().setOptions(options);
}
