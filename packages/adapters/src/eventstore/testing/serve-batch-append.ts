import { createRequire } from "node:module";
import type { UUID } from "@eventstore/db-client/generated/shared_pb.js";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import status from "@eventstore/db-client/generated/status_pb.js";
import type { BatchAppendReq } from "@eventstore/db-client/generated/streams_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import { status as code, type handleBidiStreamingCall } from "@grpc/grpc-js";
import type { Expected } from "./append-decision.ts";
import { type CommitAnswer, commit } from "./commit.ts";
import type { Node } from "./node-state.ts";
import { enterCall } from "./open-calls.ts";
import { parseProposed } from "./proposed-event.ts";
import { notLeader, statusError } from "./status-error.ts";
import type { Proposed } from "./stored-streams.ts";

// The client's own copy of the runtime, of which it exports no part.
const required = createRequire(
  createRequire(import.meta.url).resolve("@eventstore/db-client/generated/streams_pb.js"),
);
const { Any } = required("google-protobuf/google/protobuf/any_pb.js");
const { Empty } = required("google-protobuf/google/protobuf/empty_pb.js");

type Response = InstanceType<typeof streams.BatchAppendResp>;

/** An append under way: its messages come in pieces, between those of others. */
type Upload = {
  readonly options: BatchAppendReq.Options;
  readonly stream: string;
  readonly correlationId: UUID;
  readonly events: Proposed[];
  readonly timer: NodeJS.Timeout;
};

/** How long an upload may take, whatever its deadline says. */
const WRITE_TIMEOUT_MS = 2000;

/** Many appends in one endless call, which the server ends only with an error. */
export function serveBatchAppend(node: Node): handleBidiStreamingCall<BatchAppendReq, Response> {
  return (call) => {
    const { leave } = enterCall(node, "BatchAppend", call.getPeer());
    const uploads = new Map<string, Upload>();
    const end = () => {
      leave();
      for (const { timer } of uploads.values()) clearTimeout(timer);
    };
    call.on("cancelled", end);
    call.on("error", end);
    call.on("end", () => {
      end();
      call.emit("error", statusError(code.CANCELLED, "the client ended the call"));
    });
    const send = (upload: Pick<Upload, "options" | "correlationId">, answer: Answer) => {
      if (!call.cancelled) call.write(responseOf(upload, answer));
    };

    function begin(key: string, correlationId: UUID, options: BatchAppendReq.Options): Upload {
      const name = options.getStreamIdentifier()?.getStreamName_asU8() ?? new Uint8Array();
      const timer = setTimeout(
        () => expire(key),
        Math.min(leftMs(node, options), WRITE_TIMEOUT_MS),
      );
      const stream = Buffer.from(name).toString();
      const upload = { options, correlationId, stream, events: [], timer };
      uploads.set(key, upload);
      return upload;
    }

    /** It is not written, and its client hears of a timeout. */
    function expire(key: string): void {
      const upload = uploads.get(key);
      if (upload !== undefined) send(upload, { is: "timeout" });
      uploads.delete(key);
    }

    async function finish(key: string, upload: Upload): Promise<void> {
      clearTimeout(upload.timer);
      uploads.delete(key);
      if (leftMs(node, upload.options) <= 0) return send(upload, { is: "timeout" });
      const expected = expectedOf(upload.options);
      const answer = await commit(node, { ...upload, expected }, call.metadata);
      if (answer.is === "silence") return;
      if (answer.is === "not_leader") call.emit("error", notLeader(node.settings.leader));
      else send(upload, answer);
    }

    call.on("data", (message: BatchAppendReq) => {
      const correlationId = message.getCorrelationId() as UUID;
      const key = correlationId.getString();
      const options = message.getOptions();
      const upload = options ? begin(key, correlationId, options) : uploads.get(key);
      if (upload === undefined) return;
      const parsed = message.getProposedMessagesList().map(parseProposed);
      const refusal = parsed.find((each) => !each.ok);
      if (refusal !== undefined && !refusal.ok) {
        // The upload stays open, so a second answer follows with its timeout.
        return send(upload, { is: "bad_request", details: refusal.details });
      }
      upload.events.push(...parsed.flatMap((each) => (each.ok ? [each.event] : [])));
      if (message.getIsFinal()) void finish(key, upload);
    });
  };
}

/** Field 6 is a time of the client's clock, held against the server's own. */
function leftMs({ settings }: Node, options: BatchAppendReq.Options): number {
  const deadline = options.getDeadline();
  if (deadline === undefined) return WRITE_TIMEOUT_MS;
  return Math.max(0, deadline.toDate().getTime() - (Date.now() + settings.clockShiftMs));
}

function expectedOf(options: BatchAppendReq.Options): Expected {
  if (options.hasStreamPosition()) return Number(options.getStreamPosition());
  if (options.hasNoStream()) return -1;
  return options.hasStreamExists() ? "stream_exists" : "any";
}

type Answer =
  | Exclude<CommitAnswer, { is: "silence" | "not_leader" }>
  | Readonly<{ is: "bad_request"; details: string }>;

function responseOf(
  { options, correlationId }: Pick<Upload, "options" | "correlationId">,
  answer: Answer,
): Response {
  const identifier = options.getStreamIdentifier();
  const response = new streams.BatchAppendResp().setCorrelationId(correlationId);
  response.setStreamIdentifier(identifier);
  if (answer.is !== "success") return response.setError(errorOf(answer, options));
  const success = new streams.BatchAppendResp.Success().setNoPosition(new Empty());
  if (answer.last < 0) success.setNoStream(new Empty());
  else success.setCurrentRevision(String(answer.last));
  return response.setSuccess(success);
}

function errorOf(
  answer: Exclude<Answer, { is: "success" }>,
  options: BatchAppendReq.Options,
): InstanceType<typeof status.Status> {
  const error = new status.Status();
  const [name, message] = detailsOf(answer, options);
  const details = new Any();
  details.pack(message.serializeBinary(), name);
  return error.setCode(2).setMessage(answer.is).setDetails(details);
}

type Details = readonly [name: string, message: Readonly<{ serializeBinary(): Uint8Array }>];

function detailsOf(
  answer: Exclude<Answer, { is: "success" }>,
  options: BatchAppendReq.Options,
): Details {
  const ours = (name: string) => `event_store.client.${name}`;
  switch (answer.is) {
    case "wrong_version":
      return [ours("WrongExpectedVersion"), wrongVersionOf(answer.current, options)];
    case "deleted": {
      const identifier = options.getStreamIdentifier();
      return [ours("StreamDeleted"), new shared.StreamDeleted().setStreamIdentifier(identifier)];
    }
    case "denied":
      return [ours("AccessDenied"), new shared.AccessDenied()];
    case "timeout":
      return [ours("Timeout"), new shared.Timeout()];
    case "too_large": {
      const exceeded = new shared.MaximumAppendSizeExceeded().setMaxappendsize(answer.max);
      return [ours("MaximumAppendSizeExceeded"), exceeded];
    }
    case "bad_request":
      return [ours("BadRequest"), new shared.BadRequest().setMessage(answer.details)];
    case "not_ready":
      return ["google.protobuf.Empty", new Empty()];
    case "record_too_large":
      return [ours("Unknown"), new shared.Unknown()];
  }
}

function wrongVersionOf(current: number, options: BatchAppendReq.Options) {
  const wrong = new shared.WrongExpectedVersion();
  if (current < 0) wrong.setCurrentNoStream(new Empty());
  else wrong.setCurrentStreamRevision(String(current));
  if (options.hasStreamPosition()) {
    return wrong.setExpectedStreamPosition(options.getStreamPosition());
  }
  if (options.hasNoStream()) return wrong.setExpectedNoStream(new Empty());
  if (options.hasStreamExists()) return wrong.setExpectedStreamExists(new Empty());
  return wrong.setExpectedAny(new Empty());
}
