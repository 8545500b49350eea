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
  /** Never answers. */
  | "freeze_before"
  | "freeze_after"
  /** Answers with the commit timeout; the append is written or not. */
  | "timeout_written"
  | "timeout_lost"
  /** "Server Is Not Ready": not written. */
  | "not_ready"
  | "denied"
  | Readonly<{ lateMs: number }>
  /** Written at once, and answered after this. */
  | Readonly<{ after: Promise<unknown> }>;

/** What tests set on one node of the double, at any time. */
export type NodeSettings = {
  /** Maximum size of one append. */
  maxAppendSize: number;
  /** What the size counts: only the data (before 24.10.4), or metadata and types too. */
  counted: "data" | "all";
  /** How long a commit waits for replication. */
  commitTimeoutMs: number;
  /** The leader's address, if this node is a follower. */
  leader: Readonly<{ host: string; port: number }> | null;
  /** Number of last events of each stream that readers do not see yet. */
  laggingEvents: number;
  /** Passwords of the users by name; null disables authentication. */
  users: Readonly<Record<string, string>> | null;
  /** A fault of a commit. */
  faultOf: (commit: Commit) => CommitFault | null;
  /** Called when an append was answered, also if its client has gone. */
  onAnswered: () => void;
};

/** One node of the double. */
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
  users: null,
  faultOf: () => null,
  onAnswered: () => {},
});

/** Counts a call as open. @returns a function to be called at its end; repeated calls are allowed */
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
  return settings.users === null || userOf(settings.users, metadata) !== null;
}

/** Whether the stream's `$acl` lets the caller write. Without one, any user may; `admin` always may. */
export function mayWrite({ settings, streams }: Node, stream: string, caller: Metadata): boolean {
  if (settings.users === null) return true;
  const user = userOf(settings.users, caller);
  if (user === null) return false;
  const [name, right] = stream.startsWith("$$") ? [stream.slice(2), "$mw"] : [stream, "$w"];
  const acl = streams.metadata(name).$acl as Readonly<Record<string, unknown>> | undefined;
  const allowed = acl?.[right];
  return user === "admin" || allowed === undefined || [allowed].flat().includes(user);
}

function userOf(users: Readonly<Record<string, string>>, metadata: Metadata): string | null {
  const given = metadata.get("authorization")[0];
  const isTheirs = ([name, password]: readonly [string, string]) =>
    given === `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
  return Object.entries(users).find(isTheirs)?.[0] ?? null;
}

/** Whether the caller wants the leader and this node is not it. */
export function isWrongNode({ settings }: Node, metadata: Metadata): boolean {
  return settings.leader !== null && metadata.get("requires-leader")[0] === "true";
}
