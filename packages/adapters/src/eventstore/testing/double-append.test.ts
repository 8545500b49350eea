import {
  ANY,
  type AppendExpectedRevision,
  binaryEvent,
  NO_STREAM,
  STREAM_EXISTS,
} from "@eventstore/db-client";
import { describe, expect, test } from "@jest/globals";
import type { Proposed } from "./stored-streams.ts";
import { ANYBODY, useDouble, type WayToAppend } from "./use-double.ts";

const idOf = (letter: string) => `00000000-0000-4000-8000-0000000000${letter.repeat(2)}`;
const eventsOf = (letters: string) =>
  [...letters].map((letter) =>
    binaryEvent({ id: idOf(letter), type: "Sample", data: Buffer.from(letter) }),
  );
const storedOf = (letters: string): Proposed[] =>
  [...letters].map((letter) => ({
    id: idOf(letter),
    type: "Sample",
    contentType: "application/octet-stream",
    metadata: new Uint8Array(),
    data: Buffer.from(letter),
  }));

/** What the stream holds (ids as letters), what is sent, and what becomes of it. */
type Row = readonly [
  stream: string,
  expected: AppendExpectedRevision,
  sent: string,
  answer: string,
  then: string,
];

/*
 * `ok N`: success with N as the last revision. `wrong N`: the stream is at N. Streams are written
 * as the letters of their ids.
 */
const DECISIONS: readonly Row[] = [
  // The expected revision is the current one: ids are not looked at.
  ["", NO_STREAM, "ab", "ok 1", "ab"],
  ["abc", 2n, "d", "ok 3", "abcd"],
  ["abc", 2n, "a", "ok 3", "abca"],
  ["abc", 2n, "dd", "ok 4", "abcdd"],
  // Ahead of it.
  ["abc", 3n, "d", "wrong 2", "abc"],
  ["", 0n, "a", "wrong none", ""],
  // Behind it, with what stands there: a repeat.
  ["abc", 0n, "bc", "ok 2", "abc"],
  ["abcd", 0n, "bc", "ok 2", "abcd"],
  ["abc", NO_STREAM, "abc", "ok 2", "abc"],
  // … also with a prefix of what stands there.
  ["abcd", 0n, "b", "ok 1", "abcd"],
  ["abcd", NO_STREAM, "ab", "ok 1", "abcd"],
  // Behind it, with something else first; that it stands elsewhere does not matter.
  ["abc", 0n, "f", "wrong 2", "abc"],
  ["abc", 0n, "cb", "wrong 2", "abc"],
  ["abc", 0n, "a", "wrong 2", "abc"],
  ["abc", NO_STREAM, "f", "wrong 2", "abc"],
  // The original and something more.
  ["abc", 0n, "bcd", "wrong 2", "abc"],
  ["abc", 0n, "bf", "wrong 2", "abc"],
  // No matter where the stream is: a repeat where all ids are remembered, in any order.
  ["abc", ANY, "b", "ok 1", "abc"],
  ["abc", ANY, "cb", "ok 1", "abc"],
  ["abc", STREAM_EXISTS, "bc", "ok 2", "abc"],
  // … written where the first is not.
  ["abc", ANY, "d", "ok 3", "abcd"],
  ["abc", ANY, "da", "ok 4", "abcda"],
  ["abc", STREAM_EXISTS, "d", "ok 3", "abcd"],
  ["", ANY, "a", "ok 0", "a"],
  ["", STREAM_EXISTS, "a", "wrong none", ""],
  // … refused where the first is and a later one is not.
  ["abc", ANY, "cd", "wrong 2", "abc"],
  // Nothing to append needs the right revision all the same.
  ["abc", 2n, "", "ok 2", "abc"],
  ["abc", 1n, "", "wrong 2", "abc"],
  ["abc", ANY, "", "ok 2", "abc"],
];

const WAYS: readonly WayToAppend[] = ["Append", "BatchAppend"];

describe.each(WAYS)("the double decides as the server does, by %s", (way) => {
  const use = useDouble();
  const credentials = way === "Append" ? { credentials: ANYBODY } : {};

  async function answerTo(letters: string, expectedRevision: AppendExpectedRevision) {
    const options = { expectedRevision, ...credentials };
    try {
      const answer = await use().client().appendToStream("s", eventsOf(letters), options);
      return `ok ${answer.nextExpectedRevision}`;
    } catch (error) {
      const { type, actualVersion } = error as { type: string; actualVersion: unknown };
      if (type !== "wrong-expected-version") throw error;
      return `wrong ${actualVersion === "no_stream" ? "none" : actualVersion}`;
    }
  }
  const letters = () =>
    use()
      .streams.everything("s")
      .map(({ id }) => id.slice(-1))
      .join("");

  test.each(DECISIONS)(
    'on "%s" expecting %s: "%s"',
    async (stream, expected, sent, answer, then) => {
      if (stream !== "") use().streams.append("s", -1, storedOf(stream));
      expect(await answerTo(sent, expected)).toBe(answer);
      expect(letters()).toBe(then);
    },
  );

  test("what is not replicated yet counts, and its repeat is met with silence", async () => {
    const { streams, settings } = use();
    settings.commitTimeoutMs = 50;
    streams.append("s", -1, storedOf("a"));
    streams.holdReplication();
    await expect(answerTo("b", 0n)).rejects.toMatchObject({
      type: expect.stringMatching(TIMED_OUT),
    });
    expect(await answerTo("c", 0n)).toBe("wrong 1");
    await expect(answerTo("b", 0n)).rejects.toMatchObject({
      type: expect.stringMatching(TIMED_OUT),
    });
    streams.replicate();
    expect(await answerTo("b", 0n)).toBe("ok 1");
    expect(letters()).toBe("ab");
  });

  test("what an election loses was never there", async () => {
    const { streams, settings } = use();
    settings.commitTimeoutMs = 50;
    streams.append("s", -1, storedOf("a"));
    streams.holdReplication();
    await expect(answerTo("b", 0n)).rejects.toThrow();
    streams.loseUnreplicated();
    expect(await answerTo("b", 0n)).toBe("ok 1");
    expect(letters()).toBe("ab");
  });

  test("a server that starts again remembers no ids, and writes them again", async () => {
    use().streams.append("s", -1, storedOf("ab"));
    use().streams.forgetIds();
    expect(await answerTo("ab", ANY)).toBe("ok 3");
    expect(letters()).toBe("abab");
  });

  test("a soft-deleted stream takes no_stream, and its numbers go on", async () => {
    const { streams } = use();
    streams.append("s", -1, storedOf("ab"));
    await use().client().deleteStream("s");
    expect(streams.read("s")).toEqual({ is: "missing" });
    expect(await answerTo("c", NO_STREAM)).toBe("ok 2");
    const visible = streams.read("s");
    expect(visible).toMatchObject({ is: "found", first: 2, last: 2 });
  });

  test("a tombstoned stream takes nothing", async () => {
    use().streams.append("s", -1, storedOf("ab"));
    await use().client().tombstoneStream("s");
    await expect(answerTo("c", ANY)).rejects.toMatchObject({ type: "stream-deleted" });
    await expect(answerTo("b", 0n)).rejects.toMatchObject({ type: "stream-deleted" });
  });
});

const TIMED_OUT = /^(timeout|deadline-exceeded)$/;
