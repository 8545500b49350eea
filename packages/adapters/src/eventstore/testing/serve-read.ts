import shared from "@eventstore/db-client/generated/shared_pb.js";
import type { ReadReq } from "@eventstore/db-client/generated/streams_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import { type handleServerStreamingCall, type ServerWritableStream, status } from "@grpc/grpc-js";
import { enterCall, isAllowed, isWrongNode, type Node } from "./node.ts";
import { deleted, denied, invalid, notLeader, statusError } from "./status-error.ts";
import type { Stored, Visible } from "./stored-streams.ts";

type Response = InstanceType<typeof streams.ReadResp>;
type ReadCall = ServerWritableStream<InstanceType<typeof streams.ReadReq>, Response>;

/** Reads of a stream, and subscriptions to one: the same call. */
export function serveRead(node: Node): handleServerStreamingCall<ReadReq, Response> {
  return async (call) => {
    const leave = enterCall(node, "Read");
    for (const event of ["cancelled", "error", "close", "finish"]) call.on(event, leave);
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
    const isFromEnd = isForwards && options.getStream()?.hasEnd();
    return isFromEnd ? null : invalid("only subscriptions forwards from the end are served");
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

/** Follows what is new on a stream until the client hangs up. */
async function serveSubscription(
  node: Node,
  call: ReadCall,
  options: ReadReq.Options,
): Promise<void> {
  const stream = options.getStream() as ReadReq.Options.StreamOptions;
  const name = nameOf(stream);
  const already = node.streams.read(name, node.settings.laggingEvents);
  let next = already.is === "found" ? already.last + 1 : 0;
  let isBehind = true;
  let wake = () => {};
  const stop = node.streams.onChange(() => wake());
  for (const event of ["cancelled", "error", "close"]) call.on(event, () => wake());

  const confirmation = new streams.ReadResp.SubscriptionConfirmation();
  confirmation.setSubscriptionId(crypto.randomUUID());
  await send(call, new streams.ReadResp().setConfirmation(confirmation));
  while (!call.cancelled && !call.destroyed) {
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const visible = node.streams.read(name, node.settings.laggingEvents);
    if (visible.is === "deleted") {
      await send(call, eventMessage(name, DELETED_EVENT, LAST_REVISION));
      call.emit("error", deleted(name));
      break;
    }
    const news = visible.is === "found" ? newsOf(visible, next) : [];
    for (const event of news) if (!(await send(call, eventMessage(name, event)))) break;
    next = Math.max(next, (news.at(-1)?.revision ?? -1) + 1);
    if (isBehind || news.length > 0) await send(call, caughtUpMessage());
    isBehind = false;
    await changed;
  }
  stop();
}

const newsOf = ({ events, first, last }: Extract<Visible, { is: "found" }>, next: number) =>
  events.slice(Math.max(first, next), last + 1);

const caughtUpMessage = () => new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp());

const LAST_REVISION = "9223372036854775807";

const DELETED_EVENT: Stored = {
  id: "00000000-0000-4000-8000-000000000000",
  type: "$streamDeleted",
  contentType: "application/octet-stream",
  metadata: new Uint8Array(),
  data: new Uint8Array(),
  revision: 0,
  createdMs: 0,
  position: 0,
};

/** Reads of one stream carry no position in the log. */
const NO_POSITION = "18446744073709551615";
const TICKS_PER_MS = 10_000n;

function eventMessage(stream: string, event: Stored, revision = String(event.revision)) {
  const record = new streams.ReadResp.ReadEvent.RecordedEvent()
    .setId(new shared.UUID().setString(event.id))
    .setStreamIdentifier(identifierOf(stream))
    .setStreamRevision(revision)
    .setCommitPosition(NO_POSITION)
    .setPreparePosition(NO_POSITION)
    .setCustomMetadata(event.metadata)
    .setData(event.data);
  record
    .getMetadataMap()
    .set("type", event.type)
    .set("content-type", event.contentType)
    .set("created", String(BigInt(event.createdMs) * TICKS_PER_MS));
  const read = new streams.ReadResp.ReadEvent().setEvent(record);
  return new streams.ReadResp().setEvent(read.setNoPosition(new shared.Empty()));
}

function notFoundMessage(stream: string) {
  const notFound = new streams.ReadResp.StreamNotFound();
  return new streams.ReadResp().setStreamNotFound(
    notFound.setStreamIdentifier(identifierOf(stream)),
  );
}

function nameOf(stream: ReadReq.Options.StreamOptions): string {
  const name = stream.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array();
  return Buffer.from(name).toString();
}

const identifierOf = (stream: string) =>
  new shared.StreamIdentifier().setStreamName(Buffer.from(stream).toString("base64"));

/** Writes no faster than the reader reads; false once it has hung up. */
async function send(call: ReadCall, message: InstanceType<typeof streams.ReadResp>) {
  if (call.cancelled) return false;
  if (call.write(message)) return true;
  await new Promise<void>((resolve) => {
    const goOn = () => {
      for (const event of SENDABLE) call.off(event, goOn);
      resolve();
    };
    for (const event of SENDABLE) call.on(event, goOn);
  });
  return !call.cancelled;
}

const SENDABLE = ["drain", "cancelled", "close"];
