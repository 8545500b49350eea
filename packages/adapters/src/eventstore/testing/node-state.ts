import type { Metadata } from "@grpc/grpc-js";
import type { Commit, CommitFault } from "./commit.ts";
import type { StoredStreams } from "./stored-streams.ts";

/** What tests set on one node of the double, at any time. */
export type NodeSettings = {
  /** Bytes of one append. */
  maxAppendSize: number;
  /** What is counted: the data alone (before 24.10.4), or metadata and types too. */
  counted: "data" | "all";
  /** Whether a subscription says that it has caught up (22.10 never does). */
  caughtUp: boolean;
  /** How long a commit waits for replication. */
  commitTimeoutMs: number;
  /** The node's clock minus the machine's. */
  clockShiftMs: number;
  /** Where the leader is, when this node is a follower. */
  leader: Readonly<{ host: string; port: number }> | null;
  /** How many events of each stream a follower's readers do not see yet. */
  laggingEvents: number;
  /** The user and password that are let in; null lets everybody in. */
  user: Readonly<{ name: string; password: string }> | null;
  /** Methods that clients are told of; null: the call itself is not there. */
  features: readonly string[] | null;
  /** What happens to a commit instead of, or beside, what should. */
  faultOf: (commit: Commit) => CommitFault | null;
};

export type Node = Readonly<{
  streams: StoredStreams;
  settings: NodeSettings;
  /** Ends all connections. */
  cut: () => void;
  /** Counts the open calls, by method. */
  calls: Map<string, number>;
  /** Every method that was ever called. */
  seen: Set<string>;
  /** The calls of each connection, in order, those that wait behind the others included. */
  connections: Map<string, (() => void)[]>;
}>;

export const defaultSettings = (): NodeSettings => ({
  maxAppendSize: 1024 * 1024,
  counted: "all",
  caughtUp: true,
  commitTimeoutMs: 2000,
  clockShiftMs: 0,
  leader: null,
  laggingEvents: 0,
  user: null,
  features: ["append", "batchappend", "delete", "read", "tombstone"],
  faultOf: () => null,
});

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
