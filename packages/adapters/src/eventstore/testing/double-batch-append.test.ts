import { createRequire } from "node:module";
import { binaryEvent } from "@eventstore/db-client";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { identifier, type RawClient, rawClient } from "./raw-calls.ts";
import { useDouble } from "./use-double.ts";

const required = createRequire(
  createRequire(import.meta.url).resolve("@eventstore/db-client/generated/streams_pb.js"),
);
const { Empty } = required("google-protobuf/google/protobuf/empty_pb.js");
const { Timestamp } = required("google-protobuf/google/protobuf/timestamp_pb.js");

type Request = InstanceType<typeof streams.BatchAppendReq>;
type Response = InstanceType<typeof streams.BatchAppendResp>;
type Parts = Readonly<{
  correlation: string;
  options?: Readonly<{ stream: string; deadlineMs?: number }>;
  ids?: readonly string[];
  isFinal?: boolean;
}>;

/** One message of the endless call. */
function batch({ correlation, options, ids = [], isFinal = true }: Parts): Request {
  const request = new streams.BatchAppendReq()
    .setCorrelationId(new shared.UUID().setString(correlation))
    .setIsFinal(isFinal);
  if (options !== undefined) {
    const set = new streams.BatchAppendReq.Options().setStreamIdentifier(
      identifier(options.stream),
    );
    const { deadlineMs = 60_000 } = options;
    set.setDeadline(Timestamp.fromDate(new Date(Date.now() + deadlineMs)));
    request.setOptions(set.setAny(new Empty()));
  }
  for (const id of ids) {
    const message = new streams.BatchAppendReq.ProposedMessage();
    message.setId(new shared.UUID().setString(id));
    message.getMetadataMap().set("type", "Sample").set("content-type", "application/json");
    request.addProposedMessages(message);
  }
  return request;
}

/** What an answer says: the last revision, or the name of the error's details. */
function said(response: Response): string {
  const success = response.getSuccess();
  if (success !== undefined) return `ok ${success.getCurrentRevision()}`;
  return response.getError()?.getDetails()?.getTypeName().split(".").at(-1) ?? "nothing";
}

describe("the double's BatchAppend", () => {
  const use = useDouble();
  let client: RawClient;
  let call: ReturnType<RawClient["batchAppend"]>;
  let answers: string[] = [];
  let ending: Promise<number>;
  let notify = () => {};

  beforeEach(() => {
    client = rawClient(use().port);
    call = client.batchAppend();
    use().atEnd(async () => {
      call.cancel();
      client.close();
    });
    answers = [];
    call.on("data", (response: Response) => {
      answers.push(`${response.getCorrelationId()?.getString()} ${said(response)}`);
      notify();
    });
    ending = new Promise((resolve) => {
      call.on("error", (error) => resolve((error as unknown as { code: number }).code));
    });
  });
  async function answered(count: number): Promise<readonly string[]> {
    while (answers.length < count) {
      await new Promise<void>((resolve) => {
        notify = resolve;
      });
    }
    return answers;
  }
  const stored = (stream: string) => use().streams.everything(stream).length;
  const ids = (count: number) => Array.from({ length: count }, () => crypto.randomUUID());

  test("writes nothing before the last piece, and appends take turns", async () => {
    call.write(batch({ correlation: "a", options: { stream: "s" }, ids: ids(2), isFinal: false }));
    call.write(batch({ correlation: "b", options: { stream: "t" }, ids: ids(1) }));
    expect(await answered(1)).toEqual(["b ok 0"]);
    expect(stored("s")).toBe(0);
    call.write(batch({ correlation: "a", ids: ids(1) }));
    expect(await answered(2)).toEqual(["b ok 0", "a ok 2"]);
    expect(stored("s")).toBe(3);
  });

  test.each([
    { shiftMs: 0, deadlineMs: 10_000, answer: "a ok 0" },
    { shiftMs: 20_000, deadlineMs: 10_000, answer: "a Timeout" },
    { shiftMs: -20_000, deadlineMs: -10_000, answer: "a ok 0" },
    { shiftMs: 0, deadlineMs: -1, answer: "a Timeout" },
  ])(
    "holds a deadline in $deadlineMs ms against a clock that is $shiftMs ms off",
    async ({ shiftMs, deadlineMs, answer }) => {
      use().settings.clockShiftMs = shiftMs;
      call.write(batch({ correlation: "a", options: { stream: "s", deadlineMs }, ids: ids(1) }));
      expect(await answered(1)).toEqual([answer]);
      expect(stored("s")).toBe(answer === "a ok 0" ? 1 : 0);
    },
  );

  test("times an upload out that takes too long", async () => {
    const options = { stream: "s", deadlineMs: 200 };
    call.write(batch({ correlation: "a", options, ids: ids(1), isFinal: false }));
    expect(await answered(1)).toEqual(["a Timeout"]);
    call.write(batch({ correlation: "a", ids: ids(1) }));
    call.write(batch({ correlation: "b", options: { stream: "t" }, ids: ids(1) }));
    expect(await answered(2)).toEqual(["a Timeout", "b ok 0"]);
    expect(stored("s")).toBe(0);
  });

  test("answers a malformed id twice", async () => {
    const options = { stream: "s", deadlineMs: 200 };
    call.write(batch({ correlation: "a", options, ids: ["7"] }));
    expect(await answered(2)).toEqual(["a BadRequest", "a Timeout"]);
    expect(stored("s")).toBe(0);
  });

  test("names what the official client reads", async () => {
    use().settings.maxAppendSize = 10;
    call.write(batch({ correlation: "a", options: { stream: "s" }, ids: ids(1) }));
    expect(await answered(1)).toEqual(["a MaximumAppendSizeExceeded"]);
    use().streams.tombstone("t");
    call.write(batch({ correlation: "b", options: { stream: "t" }, ids: ids(0) }));
    expect((await answered(2)).at(-1)).toBe("b StreamDeleted");
  });

  test("ends with an error, never well", async () => {
    call.write(batch({ correlation: "a", options: { stream: "s" }, ids: ids(1) }));
    await answered(1);
    call.end();
    expect(await ending).toBe(1);
  });

  test("ends for a follower with the leader's address", async () => {
    use().settings.leader = { host: "127.0.0.1", port: 1 };
    const append = { requiresLeader: true };
    const event = binaryEvent({ type: "Sample", data: Buffer.from("{}") });
    await expect(use().client().appendToStream("s", event, append)).rejects.toMatchObject({
      type: "not-leader",
    });
    expect(stored("s")).toBe(0);
  });
});
