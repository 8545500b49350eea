import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { StartCall } from "./connection.ts";

/** An event as the server takes it. */
export type ServerEvent = Readonly<{
  /** The server's idea of identity: it compares these ids, never contents. */
  id: string;
  type: string;
  contentType: "application/json" | "application/octet-stream";
  metadata: Uint8Array;
  data: Uint8Array;
}>;

export type AppendRequest = Readonly<{
  stream: string;
  /** The last revision that the stream must have; -1 for no stream. */
  expectedRevision: number;
  events: readonly ServerEvent[];
  deadlineMs: number;
}>;

/** The last revision that was written, or the one found in place of the expected; -1 for no stream. */
export type AppendAnswer = Readonly<{ outcome: "written" | "wrong_version"; revision: number }>;

/**
 * One `Append` call. It has a deadline of its own, shares nothing with other appends, and needs no
 * list of the server's features, whose failure the client would remember for the rest of its life.
 */
export function appendCall(request: AppendRequest): StartCall<AppendAnswer> {
  return (client, { argumentsOf }) => {
    const { promise, resolve, reject } = Promise.withResolvers<AppendAnswer>();
    const sink = client.append(...argumentsOf(request.deadlineMs), (error, response) => {
      if (error !== null) return reject(error);
      const answer = answerOf(response);
      if (answer === null) reject(new Error("the server answered an append with nothing"));
      else resolve(answer);
    });
    sink.on("error", reject);
    // Backpressure does not matter: a whole append is bounded, see append-size.ts.
    sink.write(optionsOf(request));
    for (const event of request.events) sink.write(messageOf(event));
    sink.end();
    return { answer: promise, cancel: () => sink.cancel() };
  };
}

function optionsOf({ stream, expectedRevision }: AppendRequest) {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream).toString("base64"));
  const options = new streams.AppendReq.Options().setStreamIdentifier(identifier);
  if (expectedRevision < 0) options.setNoStream(new shared.Empty());
  else options.setRevision(String(expectedRevision));
  return new streams.AppendReq().setOptions(options);
}

function messageOf({ id, type, contentType, metadata, data }: ServerEvent) {
  const message = new streams.AppendReq.ProposedMessage()
    .setId(new shared.UUID().setString(id))
    .setCustomMetadata(metadata)
    .setData(data);
  message.getMetadataMap().set("type", type).set("content-type", contentType);
  return new streams.AppendReq().setProposedMessage(message);
}

function answerOf(response: InstanceType<typeof streams.AppendResp>): AppendAnswer | null {
  const success = response.getSuccess();
  if (success !== undefined) {
    const revision = success.hasNoStream() ? -1 : Number(success.getCurrentRevision());
    return { outcome: "written", revision };
  }
  const wrong = response.getWrongExpectedVersion();
  if (wrong === undefined) return null;
  const revision = wrong.hasCurrentRevision() ? Number(wrong.getCurrentRevision()) : -1;
  return { outcome: "wrong_version", revision };
}
