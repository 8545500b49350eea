import shared from "@eventstore/db-client/generated/shared_pb.js";
import type { ReadReq } from "@eventstore/db-client/generated/streams_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { ServerWritableStream } from "@grpc/grpc-js";
import type { Stored } from "./stored-streams.ts";

export type ReadCall = ServerWritableStream<
  InstanceType<typeof streams.ReadReq>,
  InstanceType<typeof streams.ReadResp>
>;

/** Reads of one stream carry no position in the log. */
const NO_POSITION = "18446744073709551615";
const TICKS_PER_MS = 10_000n;

export function eventMessage(stream: string, event: Stored, revision = String(event.revision)) {
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

export function notFoundMessage(stream: string) {
  const notFound = new streams.ReadResp.StreamNotFound();
  return new streams.ReadResp().setStreamNotFound(
    notFound.setStreamIdentifier(identifierOf(stream)),
  );
}

export function nameOf(stream: ReadReq.Options.StreamOptions): string {
  const name = stream.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array();
  return Buffer.from(name).toString();
}

const identifierOf = (stream: string) =>
  new shared.StreamIdentifier().setStreamName(Buffer.from(stream).toString("base64"));

/** Writes no faster than the reader reads; false once it has hung up. */
export async function send(call: ReadCall, message: InstanceType<typeof streams.ReadResp>) {
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
