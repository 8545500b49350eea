import shared from "@eventstore/db-client/generated/shared_pb.js";
import streamsGrpc from "@eventstore/db-client/generated/streams_grpc_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import {
  credentials,
  type Metadata,
  Metadata as NoMetadata,
  type ServiceError,
} from "@grpc/grpc-js";

/** Invalid calls that no client makes. */
export function rawClient(port: number) {
  return new streamsGrpc.StreamsClient(`127.0.0.1:${port}`, credentials.createInsecure());
}

type RawClient = ReturnType<typeof rawClient>;

const identifier = (stream: string) =>
  new shared.StreamIdentifier().setStreamName(Buffer.from(stream).toString("base64"));

/** Options of an append after a revision; -1: to no stream. */
export function appendOptions(stream: string, expected = -1) {
  const options = new streams.AppendReq.Options().setStreamIdentifier(identifier(stream));
  if (expected < 0) options.setNoStream(new shared.Empty());
  else options.setRevision(String(expected));
  return new streams.AppendReq().setOptions(options);
}

type ProposedParts = Readonly<{ id?: string; type?: string; contentType?: string }>;

export function proposed({ id, type, contentType }: ProposedParts) {
  const message = new streams.AppendReq.ProposedMessage();
  if (id !== undefined) message.setId(new shared.UUID().setString(id));
  if (type !== undefined) message.getMetadataMap().set("type", type);
  if (contentType !== undefined) message.getMetadataMap().set("content-type", contentType);
  return new streams.AppendReq().setProposedMessage(message);
}

/** Sends an append unchanged. @returns its last revision, or the error */
export function rawAppend(
  client: RawClient,
  messages: readonly InstanceType<typeof streams.AppendReq>[],
): Promise<string | ServiceError> {
  return new Promise((resolve) => {
    const sink = client.append((error, response) => {
      resolve(error ?? `ok ${response.getSuccess()?.getCurrentRevision()}`);
    });
    for (const message of messages) sink.write(message);
    sink.end();
  });
}

/** A valid read of a whole stream, to be made invalid. */
export function readOptions(stream: string) {
  const ofStream = new streams.ReadReq.Options.StreamOptions().setStreamIdentifier(
    identifier(stream),
  );
  return new streams.ReadReq.Options()
    .setStream(ofStream.setStart(new shared.Empty()))
    .setCount("10")
    .setNoFilter(new shared.Empty())
    .setUuidOption(new streams.ReadReq.Options.UUIDOption().setString(new shared.Empty()));
}

/** The messages of a read by kind, and its final status. */
export function rawRead(
  client: RawClient,
  options: InstanceType<typeof streams.ReadReq.Options>,
  metadata: Metadata = new NoMetadata(),
): Promise<{ kinds: string[]; code: number; details: string }> {
  return new Promise((resolve) => {
    const kinds: string[] = [];
    const call = client.read(new streams.ReadReq().setOptions(options), metadata);
    call.on("data", (response: InstanceType<typeof streams.ReadResp>) =>
      kinds.push(kindOf(response)),
    );
    call.on("error", () => {});
    call.on("status", ({ code, details }) => setImmediate(() => resolve({ kinds, code, details })));
  });
}

function kindOf(response: InstanceType<typeof streams.ReadResp>): string {
  const named = Object.entries(streams.ReadResp.ContentCase).find(
    ([, number]) => number === response.getContentCase(),
  );
  return named?.[0] ?? "";
}
