import shared from "@eventstore/db-client/generated/shared_pb.js";
import type { AppendReq } from "@eventstore/db-client/generated/streams_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { handleClientStreamingCall, sendUnaryData } from "@grpc/grpc-js";
import type { Expected } from "./append-decision.ts";
import { type CommitAnswer, commit } from "./commit.ts";
import type { Node } from "./node-state.ts";
import { enterCall } from "./open-calls.ts";
import { parseProposed } from "./proposed-event.ts";
import { commitError, invalid, missingProperty } from "./status-error.ts";
import type { Proposed } from "./stored-streams.ts";

type Response = InstanceType<typeof streams.AppendResp>;

/** One append a call: options first, then an event a message, written when the client is done. */
export function serveAppend(node: Node): handleClientStreamingCall<AppendReq, Response> {
  return (call, callback) => {
    const { admitted, leave } = enterCall(node, "Append", call.getPeer());
    const answer: sendUnaryData<Response> = (...response) => {
      leave();
      callback(...response);
    };
    const messages: AppendReq[] = [];
    call.on("data", (message: AppendReq) => messages.push(message));
    // Whoever hangs up before the end of its upload has written nothing.
    call.on("cancelled", leave);
    call.on("error", leave);
    call.on("end", async () => {
      await admitted;
      // A call that is cut off ends as one that is complete; that it was shows a turn later.
      await new Promise(setImmediate);
      if (call.cancelled) return leave();
      const request = requestOf(messages);
      if ("error" in request) return answer(request.error);
      const result = await commit(node, request, call.metadata);
      if (result.is === "silence") return;
      if (result.is === "success" || result.is === "wrong_version") {
        return answer(null, responseOf(result, request.expected));
      }
      answer(commitError(result, request.stream, node.settings.leader));
    });
  };
}

type Request = Readonly<{ stream: string; expected: Expected; events: readonly Proposed[] }>;

function requestOf([first, ...rest]: readonly AppendReq[]): Request | { error: Error } {
  const options = first?.getOptions();
  const name = options?.getStreamIdentifier()?.getStreamName_asU8();
  const expected = options && expectedOf(options);
  if (name === undefined || expected === undefined) {
    return { error: invalid("the first message has no options") };
  }
  const events: Proposed[] = [];
  for (const message of rest) {
    const proposed = message.getProposedMessage();
    if (proposed === undefined) return { error: invalid("options stand only at the beginning") };
    const parsed = parseProposed(proposed);
    if (!parsed.ok) {
      const { missing, details } = parsed;
      return { error: missing === null ? invalid(details) : missingProperty(missing) };
    }
    events.push(parsed.event);
  }
  return { stream: Buffer.from(name).toString(), expected, events };
}

function expectedOf(options: AppendReq.Options): Expected | undefined {
  if (options.hasRevision()) return Number(options.getRevision());
  if (options.hasNoStream()) return -1;
  if (options.hasAny()) return "any";
  return options.hasStreamExists() ? "stream_exists" : undefined;
}

function responseOf(
  answer: Extract<CommitAnswer, { is: "success" | "wrong_version" }>,
  expected: Expected,
): Response {
  const response = new streams.AppendResp();
  if (answer.is === "success") return response.setSuccess(successOf(answer.last));
  return response.setWrongExpectedVersion(wrongVersionOf(answer.current, expected));
}

function successOf(last: number) {
  const success = new streams.AppendResp.Success();
  if (last < 0) success.setNoStream(new shared.Empty());
  else success.setCurrentRevision(String(last));
  return success.setNoPosition(new shared.Empty());
}

/** With the fields of 20.6 beside the present ones, as the server still fills them. */
function wrongVersionOf(current: number, expected: Expected) {
  const wrong = new streams.AppendResp.WrongExpectedVersion();
  const empty = () => new shared.Empty();
  if (current < 0) wrong.setCurrentNoStream(empty()).setNoStream2060(empty());
  else wrong.setCurrentRevision(String(current)).setCurrentRevision2060(current);
  if (expected === "any") return wrong.setExpectedAny(empty()).setAny2060(empty());
  if (expected === "stream_exists") {
    return wrong.setExpectedStreamExists(empty()).setStreamExists2060(empty());
  }
  if (expected === -1) return wrong.setExpectedNoStream(empty());
  return wrong.setExpectedRevision(String(expected)).setExpectedRevision2060(expected);
}
