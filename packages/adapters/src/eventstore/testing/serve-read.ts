import type { ReadReq } from "@eventstore/db-client/generated/streams_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import { type handleServerStreamingCall, status } from "@grpc/grpc-js";
import { isAllowed, isWrongNode, type Node } from "./node-state.ts";
import { enterCall } from "./open-calls.ts";
import { eventMessage, nameOf, notFoundMessage, type ReadCall, send } from "./read-message.ts";
import { serveSubscription } from "./serve-subscription.ts";
import { deleted, denied, invalid, notLeader, statusError } from "./status-error.ts";
import type { Stored, Visible } from "./stored-streams.ts";

type Response = InstanceType<typeof streams.ReadResp>;

/** Reads of a stream, and subscriptions to one: the same call. */
export function serveRead(node: Node): handleServerStreamingCall<ReadReq, Response> {
  return async (call) => {
    const { admitted, leave } = enterCall(node, "Read", call.getPeer());
    for (const event of ["cancelled", "error", "close", "finish"]) call.on(event, leave);
    await admitted;
    const refusal = refusalOf(node, call);
    if (refusal !== null) return void call.emit("error", refusal);
    const options = call.request.getOptions() as ReadReq.Options;
    if (options.hasSubscription()) return serveSubscription(node, call, options);
    await serveEvents(node, call, options);
  };
}

function refusalOf(node: Node, call: ReadCall): Error | null {
  const options = call.request.getOptions();
  if (!isAllowed(node, call.metadata)) return denied();
  if (isWrongNode(node, call.metadata)) return notLeader(node.settings.leader);
  if (options?.getStream() === undefined) return invalid("only reads of one stream are served");
  if (options.getUuidOption() === undefined) return invalid("uuid_option is missing");
  const isForwards = options.getReadDirection() === FORWARDS;
  if (options.hasSubscription()) {
    return isForwards ? null : invalid("a subscription cannot go backwards");
  }
  if (options.getCount() === "0") return statusError(status.UNKNOWN, "count is 0");
  if (isForwards && options.getStream()?.hasEnd()) {
    return statusError(status.UNKNOWN, "forwards from the end");
  }
  return null;
}

const FORWARDS = streams.ReadReq.Options.ReadDirection.FORWARDS;

async function serveEvents(node: Node, call: ReadCall, options: ReadReq.Options): Promise<void> {
  const stream = options.getStream() as ReadReq.Options.StreamOptions;
  const name = nameOf(stream);
  const visible = node.streams.read(name, node.settings.laggingEvents);
  if (visible.is === "deleted") return void call.emit("error", deleted(name));
  if (visible.is === "missing") {
    await send(call, notFoundMessage(name));
    return void call.end();
  }
  const wanted = { from: fromOf(stream), count: Number(options.getCount()) };
  const isForwards = options.getReadDirection() === FORWARDS;
  for (const event of chosen(visible, wanted, isForwards)) {
    if (!(await send(call, eventMessage(name, event)))) return;
  }
  call.end();
}

function fromOf(stream: ReadReq.Options.StreamOptions): number {
  if (stream.hasRevision()) return Number(stream.getRevision());
  return stream.hasEnd() ? Number.POSITIVE_INFINITY : 0;
}

/** What truncation has left of the range, without a word about what it took. */
function chosen(
  { events, first, last }: Extract<Visible, { is: "found" }>,
  { from, count }: Readonly<{ from: number; count: number }>,
  isForwards: boolean,
): readonly Stored[] {
  if (isForwards) {
    const start = Math.max(first, from);
    return events.slice(start, Math.min(last + 1, start + count));
  }
  const end = Math.min(last, from) + 1;
  return events.slice(Math.max(first, end - count), Math.max(first, end)).reverse();
}
