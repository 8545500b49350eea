import type { DataOf } from "@counterfoil/contracts/fact";
import { type Nanos, timeOf } from "./exact/time.ts";

/**
 * A line is a feed connection and those that continue it: what it stated is ordered by itself,
 * whatever times the provider printed. Lines of different clients know nothing of each other.
 */
export type FeedLines = Readonly<{ connections: ReadonlyMap<string, Connection> }>;

export type Connection = Readonly<{
  connection: string;
  /** The first connection of the line. */
  line: string;
  /** 0 for the first connection of the line. */
  index: number;
  /** When this connection subscribed, by our clock. */
  openedAt: Nanos;
  /** When the line's first connection did: lines are looked at in this order. */
  lineOpenedAt: Nanos;
}>;

export const initialFeedLines: FeedLines = { connections: new Map() };

export function evolveFeedLines(lines: FeedLines, opened: DataOf<"FeedOpened">): FeedLines {
  const connections = new Map(lines.connections);
  connections.set(opened.connection, connectionOf(lines, opened));
  return { connections };
}

/** Where a newly opened connection stands. */
export function connectionOf(lines: FeedLines, opened: DataOf<"FeedOpened">): Connection {
  const { connection } = opened;
  const openedAt = timeOf(opened.opened_at);
  const before = opened.continues && lines.connections.get(opened.continues);
  if (!before) return { connection, line: connection, index: 0, openedAt, lineOpenedAt: openedAt };
  const { line, index, lineOpenedAt } = before;
  return { connection, line, index: index + 1, openedAt, lineOpenedAt };
}

/** Lines in order of opening; a client's name for a connection breaks a tie. */
export function compareLines(a: Connection, b: Connection): number {
  if (a.lineOpenedAt !== b.lineOpenedAt) return a.lineOpenedAt < b.lineOpenedAt ? -1 : 1;
  return a.line < b.line ? -1 : a.line > b.line ? 1 : 0;
}
