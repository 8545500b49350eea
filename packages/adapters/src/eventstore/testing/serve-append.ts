import shared from "@eventstore/db-client/generated/shared_pb.js";
import type { AppendReq } from "@eventstore/db-client/generated/streams_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { handleClientStreamingCall, Metadata, sendUnaryData } from "@grpc/grpc-js";
import { type Commit, enterCall, isWrongNode, mayWrite, type Node } from "./node.ts";
import {
  deleted,
  denied,
  invalid,
  missingProperty,
  notLeader,
  notReady,
  timedOut,
  tooLarge,
} from "./status-error.ts";
import type { Proposed } from "./stored-streams.ts";

type Response = InstanceType<typeof streams.AppendResp>;

/** One append a call: options first, then an event a message, written when the client is done. */
export function serveAppend(node: Node): handleClientStreamingCall<AppendReq, Response> {
  return (call, callback) => {
    const leave = enterCall(node, "Append");
    const answer: sendUnaryData<Response> = (...response) => {
      leave();
      callback(...response);
      node.settings.onAnswered();
    };
    const messages: AppendReq[] = [];
    call.on("data", (message: AppendReq) => messages.push(message));
    // Whoever hangs up before the end of its upload has written nothing.
    call.on("cancelled", leave);
    call.on("error", leave);
    call.on("end", async () => {
      // A call that is cut off ends as one that is complete; that it was shows a turn later.
      await new Promise(setImmediate);
      if (call.cancelled) return leave();
      const request = requestOf(messages);
      if (request instanceof Error) return answer(request);
      const outcome = await commit(node, request, call.metadata);
      if (outcome === "silence") return;
      if (outcome instanceof Error) return answer(outcome);
      answer(null, responseOf(outcome, request.expected));
    });
  };
}

/** The append of a call, or why the server refuses it. */
function requestOf([first, ...rest]: readonly AppendReq[]): Commit | Error {
  const options = first?.getOptions();
  const name = options?.getStreamIdentifier()?.getStreamName_asU8();
  if (options === undefined || name === undefined) {
    return invalid("the first message has no options");
  }
  const expected = options.hasNoStream() ? -1 : Number(options.getRevision());
  if (!options.hasNoStream() && !options.hasRevision()) {
    return invalid("only appends after a revision, or to no stream, are served");
  }
  const events: Proposed[] = [];
  for (const message of rest) {
    const proposed = message.getProposedMessage();
    if (proposed === undefined) return invalid("options stand only at the beginning");
    const event = eventOf(proposed);
    if (event instanceof Error) return event;
    events.push(event);
  }
  return { stream: Buffer.from(name).toString(), expected, events };
}

const UUID_SHAPE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const NIL = "00000000-0000-0000-0000-000000000000";

/** A proposed event, or why the server refuses it. */
function eventOf(message: AppendReq.ProposedMessage): Proposed | Error {
  const map = message.getMetadataMap();
  const [type, contentType] = [map.get("type"), map.get("content-type")];
  if (type === undefined) return missingProperty("type");
  if (contentType === undefined) return missingProperty("content-type");
  const id = message.getId()?.getString().toLowerCase() ?? "";
  if (!UUID_SHAPE.test(id) || id === NIL) return invalid(`"${id}" is no id of an event`);
  if (type === "") return invalid("the type is empty");
  const metadata = message.getCustomMetadata_asU8();
  return { id, type, contentType, metadata, data: message.getData_asU8() };
}

/** What the `Append` message says; every other end of an append is a status. */
type Answer =
  | Readonly<{ is: "success"; last: number }>
  | Readonly<{ is: "wrong_version"; current: number }>;

async function commit(
  node: Node,
  append: Commit,
  caller: Metadata,
): Promise<Answer | Error | "silence"> {
  const { settings } = node;
  if (!mayWrite(node, append.stream, caller)) return denied();
  if (isWrongNode(node, caller)) return notLeader(settings.leader);
  const fault = settings.faultOf(append);
  if (fault === "denied") return denied();
  if (fault === "not_ready") return notReady();
  if (fault === "timeout_lost") return timedOut();
  if (fault === "freeze_before") return "silence";
  if (fault === "die_before") return die(node);
  const size = append.events.reduce((sum, event) => sum + countedSize(event, settings.counted), 0);
  if (size > settings.maxAppendSize) return tooLarge(settings.maxAppendSize);
  const answer = await write(node, append);
  if (fault === "die_after") return die(node);
  if (fault === "freeze_after") return "silence";
  if (fault === "timeout_written") return timedOut();
  if (fault !== null) await ("after" in fault ? fault.after : waitMs(fault.lateMs));
  return answer;
}

function die(node: Node): "silence" {
  node.cut();
  return "silence";
}

const countedSize = ({ data, metadata, type }: Proposed, counted: "data" | "all"): number =>
  counted === "data" ? data.length : data.length + metadata.length + 2 * type.length;

async function write(node: Node, append: Commit): Promise<Answer | Error> {
  const { stream, expected, events } = append;
  const decision = node.streams.append(stream, expected, events);
  if (decision.is === "wrong_version") return decision;
  if (decision.is === "deleted") return deleted(stream);
  if (decision.is === "not_ready") {
    // A repeat of what is not replicated yet is never answered; its client hears of the timeout.
    await waitMs(node.settings.commitTimeoutMs);
    return timedOut();
  }
  const last = decision.is === "repeated" ? decision.last : node.streams.lastRevision(stream);
  return (await isReplicated(node, stream, last)) ? { is: "success", last } : timedOut();
}

async function isReplicated(node: Node, stream: string, revision: number): Promise<boolean> {
  const { streams, settings } = node;
  if (revision < 0 || streams.isReplicated(stream, revision)) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const stop = streams.onChange(() => {
    if (streams.isReplicated(stream, revision)) resolve(true);
    else if (streams.lastRevision(stream) < revision) resolve(false);
  });
  const timer = setTimeout(() => resolve(false), settings.commitTimeoutMs);
  const answer = await promise;
  stop();
  clearTimeout(timer);
  return answer;
}

const waitMs = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function responseOf(answer: Answer, expected: number): Response {
  const response = new streams.AppendResp();
  if (answer.is === "wrong_version") {
    return response.setWrongExpectedVersion(wrongVersionOf(answer.current, expected));
  }
  const success = new streams.AppendResp.Success();
  if (answer.last < 0) success.setNoStream(new shared.Empty());
  else success.setCurrentRevision(String(answer.last));
  return response.setSuccess(success.setNoPosition(new shared.Empty()));
}

/** With the fields of 20.6 beside the present ones, as the server still fills them. */
function wrongVersionOf(current: number, expected: number) {
  const wrong = new streams.AppendResp.WrongExpectedVersion();
  const empty = () => new shared.Empty();
  if (current < 0) wrong.setCurrentNoStream(empty()).setNoStream2060(empty());
  else wrong.setCurrentRevision(String(current)).setCurrentRevision2060(current);
  if (expected === -1) return wrong.setExpectedNoStream(empty());
  return wrong.setExpectedRevision(String(expected)).setExpectedRevision2060(expected);
}
