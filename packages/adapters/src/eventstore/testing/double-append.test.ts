import { type AppendExpectedRevision, binaryEvent, NO_STREAM } from "@eventstore/db-client";
import { describe, expect, test } from "@jest/globals";
import type { Proposed } from "./stored-streams.ts";
import { AS_ANYBODY, useDouble } from "./use-double.ts";

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
  // Nothing to append needs the right revision all the same.
  ["abc", 2n, "", "ok 2", "abc"],
  ["abc", 1n, "", "wrong 2", "abc"],
];

describe("the double decides as the server does", () => {
  const use = useDouble();

  async function answerTo(letters: string, expectedRevision: AppendExpectedRevision) {
    const options = { ...AS_ANYBODY, expectedRevision };
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

  test("a soft-deleted stream takes no_stream, and its numbers go on", async () => {
    const { streams } = use();
    streams.append("s", -1, storedOf("ab"));
    streams.softDelete("s");
    expect(streams.read("s")).toEqual({ is: "missing" });
    expect(await answerTo("c", NO_STREAM)).toBe("ok 2");
    const visible = streams.read("s");
    expect(visible).toMatchObject({ is: "found", first: 2, last: 2 });
  });

  test("a tombstoned stream takes nothing", async () => {
    use().streams.append("s", -1, storedOf("ab"));
    use().streams.tombstone("s");
    await expect(answerTo("c", 1n)).rejects.toMatchObject({ type: "stream-deleted" });
    await expect(answerTo("b", 0n)).rejects.toMatchObject({ type: "stream-deleted" });
  });
});

const TIMED_OUT = /^(timeout|deadline-exceeded)$/;
