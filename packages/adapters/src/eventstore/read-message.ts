import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";

export type ReadResponse = InstanceType<typeof streams.ReadResp>;

/** An event as the server returns it: exact bytes, nothing parsed. */
export type StoredEvent = Readonly<{
  revision: number;
  type: string;
  metadata: Uint8Array;
  data: Uint8Array;
}>;

/** What reads and subscriptions of a stream have in common. */
export function requestOf(stream: string) {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream).toString("base64"));
  const ofStream = new streams.ReadReq.Options.StreamOptions().setStreamIdentifier(identifier);
  const asText = new streams.ReadReq.Options.UUIDOption().setString(new shared.Empty());
  return new streams.ReadReq.Options()
    .setStream(ofStream)
    .setNoFilter(new shared.Empty())
    .setUuidOption(asText);
}

/** The event of a message; null where it carries none. */
export function storedOf(response: ReadResponse): StoredEvent | null {
  const record = response.getEvent()?.getEvent();
  if (record === undefined) return null;
  return {
    revision: Number(record.getStreamRevision()),
    type: record.getMetadataMap().get("type") ?? "",
    metadata: record.getCustomMetadata_asU8(),
    data: record.getData_asU8(),
  };
}
