import { describe, expect, test } from "@jest/globals";
import {
  compareLines,
  connectionOf,
  evolveFeedLines,
  type FeedLines,
  initialFeedLines,
} from "./feed-lines.ts";

const opened = (connection: string, second: number, continues?: string) => ({
  provider: "zerohash" as const,
  connection,
  multi_chain: true,
  opened_at: `2025-05-01T00:00:${String(second).padStart(2, "0")}Z`,
  ...(continues === undefined ? {} : { continues }),
});

const linesOf = (...openings: ReturnType<typeof opened>[]): FeedLines =>
  openings.reduce(evolveFeedLines, initialFeedLines);

const brief = (lines: FeedLines) =>
  [...lines.connections.values()].map(
    ({ connection, line, index }) => `${connection}=${line}#${index}`,
  );

describe("feed lines", () => {
  test("a connection and those that continue it are one line", () => {
    const lines = linesOf(
      opened("a", 1),
      opened("x", 2),
      opened("b", 3, "a"),
      opened("y", 4, "x"),
      opened("c", 5, "b"),
    );
    expect(brief(lines)).toEqual(["a=a#0", "x=x#0", "b=a#1", "y=x#1", "c=a#2"]);
    const [a, , , , c] = [...lines.connections.values()];
    expect(c?.lineOpenedAt).toBe(a?.openedAt);
    expect(c?.openedAt).not.toBe(a?.openedAt);
  });

  test("what continues a connection that nobody recorded begins a line", () => {
    expect(brief(linesOf(opened("b", 1, "lost")))).toEqual(["b=b#0"]);
  });

  test("a line that is opened does not change those before", () => {
    const before = linesOf(opened("a", 1));
    evolveFeedLines(before, opened("b", 2, "a"));
    expect(brief(before)).toEqual(["a=a#0"]);
    expect(connectionOf(before, opened("b", 2, "a"))).toMatchObject({ line: "a", index: 1 });
  });

  test("lines stand in order of opening, then of their names", () => {
    const lines = linesOf(opened("late", 9), opened("b", 1), opened("a", 1), opened("b2", 20, "b"));
    const ordered = [...lines.connections.values()].sort(compareLines);
    expect(ordered.map(({ connection }) => connection)).toEqual(["a", "b", "b2", "late"]);
  });
});
