import type { Metadata } from "@grpc/grpc-js";
import type { Proposed, StoredStreams } from "./stored-streams.ts";

/** One append. `expected`: the last revision that the stream must have, -1 for no stream. */
export type Commit = Readonly<{
  stream: string;
  expected: number;
  events: readonly Proposed[];
}>;

export type CommitFault =
  /** All connections end, before it is written or after. */
  | "die_before"
  | "die_after"
  /** No answer ever. */
  | "freeze_before"
  | "freeze_after"
  /** The commit timeout's answer, while it is written all the same, or not. */
  | "timeout_written"
  | "timeout_lost"
  /** "Server Is Not Ready": not written. */
  | "not_ready"
  | "denied"
  | Readonly<{ lateMs: number }>;

/** What tests set on one node of the double, at any time. */
export type NodeSettings = {
  /** Bytes of one append. */
  maxAppendSize: number;
  /** What is counted: the data alone (before 24.10.4), or metadata and types too. */
  counted: "data" | "all";
  /** How long a commit waits for replication. */
  commitTimeoutMs: number;
  /** Where the leader is, when this node is a follower. */
  leader: Readonly<{ host: string; port: number }> | null;
  /** How many of the last events of each stream readers do not see yet. */
  laggingEvents: number;
  /** The user and password that are let in; null lets everybody in. */
  user: Readonly<{ name: string; password: string }> | null;
  /** What happens to a commit instead of, or beside, what should. */
  faultOf: (commit: Commit) => CommitFault | null;
};

/** One node of the double, as the services see it. */
export type Node = Readonly<{
  streams: StoredStreams;
  settings: NodeSettings;
  /** Ends all connections. */
  cut: () => void;
  /** Counts the open calls, by method. */
  calls: Map<string, number>;
  /** Every method that was ever called. */
  seen: Set<string>;
}>;

export const defaultSettings = (): NodeSettings => ({
  maxAppendSize: 1024 * 1024,
  counted: "all",
  commitTimeoutMs: 2000,
  leader: null,
  laggingEvents: 0,
  user: null,
  faultOf: () => null,
});

/** Counts a call as open. @returns to be called at its end, as often as one likes. */
export function enterCall({ calls, seen }: Node, method: string): () => void {
  seen.add(method);
  calls.set(method, (calls.get(method) ?? 0) + 1);
  let isOpen = true;
  return () => {
    if (isOpen) calls.set(method, (calls.get(method) ?? 0) - 1);
    isOpen = false;
  };
}

export function isAllowed({ settings }: Node, metadata: Metadata): boolean {
  if (settings.user === null) return true;
  const { name, password } = settings.user;
  const expected = `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
  return metadata.get("authorization")[0] === expected;
}

/** Whether the caller wants the leader and this node is not it. */
export function isWrongNode({ settings }: Node, metadata: Metadata): boolean {
  return settings.leader !== null && metadata.get("requires-leader")[0] === "true";
}
