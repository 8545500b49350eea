import { StreamCorrupted, StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { describe, expect, test } from "@jest/globals";
import { type Connection, openConnection, type Timing } from "./connection.ts";
import type { CommitFault } from "./testing/node.ts";
import { failAppends, HASTY, IMPATIENT, useDouble } from "./testing/use-double.ts";
import { writeEvents } from "./write.ts";

const use = useDouble();

function connect(): Connection {
  const connection = openConnection(use().url);
  use().atEnd(() => connection.close());
  return connection;
}

/** Events whose ids are letters, after a revision. */
function write(expectedRevision: number, letters: string, timing: Timing = HASTY) {
  const events = [...letters].map((letter) => ({
    id: `00000000-0000-4000-8000-0000000000${letter.repeat(2)}`,
    type: "Sample",
    contentType: "application/json" as const,
    metadata: Buffer.from("{}"),
    data: Buffer.from(`"${letter}"`),
  }));
  return writeEvents(connect(), { stream: "s", expectedRevision, events }, timing);
}

const letters = () =>
  use()
    .streams.everything("s")
    .map(({ id }) => id.slice(-1))
    .join("");

describe("a write", () => {
  test("is stored at the expected revision only", async () => {
    expect(await write(-1, "ab")).toEqual({ outcome: "written" });
    expect(await write(1, "c")).toEqual({ outcome: "written" });
    expect(await write(1, "d")).toEqual({ outcome: "conflict", revision: 2 });
    expect(await write(7, "d")).toEqual({ outcome: "conflict", revision: 2 });
    expect(letters()).toBe("abc");
  });

  test("with the same ids at the same revision is the same write", async () => {
    await write(-1, "abc");
    expect(await write(0, "bc")).toEqual({ outcome: "written" });
    expect(letters()).toBe("abc");
  });

  test("after a revision of a missing stream reports that it is missing", async () => {
    expect(await write(0, "a")).toEqual({ outcome: "conflict", revision: -1 });
  });

  test("that gets another revision shows that the stream was deleted", async () => {
    await write(-1, "ab");
    use().streams.softDelete("s");
    const landed = write(-1, "c");
    await expect(landed).rejects.toThrow(StreamCorrupted);
    await expect(landed).rejects.toThrow(/is at revision 2 after an append, expected 0/);
  });

  test("on a tombstone is refused at once", async () => {
    use().streams.tombstone("s");
    await expect(write(-1, "a")).rejects.toThrow(StreamCorrupted);
    await expect(write(-1, "a")).rejects.toThrow(/deleted for good/);
  });
});

describe("a write that fails", () => {
  const ENDINGS: readonly (readonly [CommitFault, RegExp])[] = [
    ["denied", /Access Denied.*user and password/],
    ["timeout_lost", /cannot replicate.*not known/],
    ["freeze_before", /not known/],
    ["die_before", /not known/],
  ];
  test.each(ENDINGS)(
    "for ever, by %s, is unavailable and says what is known",
    async (fault, expected) => {
      failAppends(use(), Array<CommitFault>(1000).fill(fault), "s");
      const failed = write(-1, "a", IMPATIENT);
      await expect(failed).rejects.toThrow(StreamUnavailable);
      await expect(failed).rejects.toThrow(expected);
      expect(letters()).toBe("");
    },
  );

  test("is retried with the same ids at the same revision", async () => {
    const seen: string[] = [];
    const faults: (CommitFault | null)[] = ["timeout_lost", "not_ready", "timeout_written", null];
    use().settings.faultOf = ({ expected, events }) => {
      seen.push(`${expected} ${events.map(({ id }) => id.slice(-1)).join("")}`);
      return faults.shift() ?? null;
    };
    expect(await write(-1, "ab")).toEqual({ outcome: "written" });
    expect(seen).toEqual(["-1 ab", "-1 ab", "-1 ab", "-1 ab"]);
    expect(letters()).toBe("ab");
  });
});
