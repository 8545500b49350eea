import type { Metadata } from "@grpc/grpc-js";
import type { AppendDecision, Expected } from "./append-decision.ts";
import { isAllowed, isWrongNode, type Node } from "./node-state.ts";
import type { Proposed } from "./stored-streams.ts";

/** One append, whichever call it came by. */
export type Commit = Readonly<{
  stream: string;
  expected: Expected;
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

export type CommitAnswer =
  | Readonly<{ is: "success"; last: number }>
  | Readonly<{ is: "wrong_version"; current: number }>
  | Readonly<{ is: "too_large"; max: number }>
  | Readonly<{ is: "record_too_large"; bytes: number }>
  | Plain<"deleted" | "denied" | "not_leader" | "not_ready" | "timeout" | "silence">;

type Plain<Kind> = Kind extends string ? Readonly<{ is: Kind }> : never;

/** The server takes no message or record above this. */
export const RECORD_BYTES_MAX = 16 * 1024 * 1024 - 10_000;

export async function commit(node: Node, append: Commit, caller: Metadata): Promise<CommitAnswer> {
  const { settings } = node;
  if (!isAllowed(node, caller)) return { is: "denied" };
  if (isWrongNode(node, caller)) return { is: "not_leader" };
  const fault = settings.faultOf(append);
  if (fault === "denied" || fault === "not_ready") return { is: fault };
  if (fault === "timeout_lost") return { is: "timeout" };
  if (fault === "freeze_before") return { is: "silence" };
  if (fault === "die_before") return dead(node);
  const refusal = refusalOf(append, settings);
  if (refusal !== null) return refusal;
  const answer = await answerOf(node, append);
  if (fault === "die_after") return dead(node);
  if (fault === "freeze_after") return { is: "silence" };
  if (fault === "timeout_written") return { is: "timeout" };
  if (fault !== null) await new Promise((resolve) => setTimeout(resolve, fault.lateMs));
  return answer;
}

function dead(node: Node): CommitAnswer {
  node.cut();
  return { is: "silence" };
}

function refusalOf({ events }: Commit, settings: Node["settings"]): CommitAnswer | null {
  const counted = events.map((event) => sizeOf(event, settings.counted));
  const max = settings.maxAppendSize;
  if (counted.reduce((sum, size) => sum + size, 0) > max) return { is: "too_large", max };
  const bytes = Math.max(0, ...events.map((event) => sizeOf(event, "all")));
  return bytes > RECORD_BYTES_MAX ? { is: "record_too_large", bytes } : null;
}

function sizeOf({ data, metadata, type }: Proposed, counted: "data" | "all"): number {
  return counted === "data" ? data.length : data.length + metadata.length + 2 * type.length;
}

async function answerOf(node: Node, append: Commit): Promise<CommitAnswer> {
  const { stream, expected, events } = append;
  const decision = node.streams.append(stream, expected, events);
  if (decision.is === "wrong_version" || decision.is === "deleted") return decision;
  const last = lastOf(decision, node.streams.lastRevision(stream));
  // A repeat of what is not replicated yet is never answered; its client hears of the timeout.
  if (decision.is !== "not_ready" && (await isReplicated(node, stream, last))) {
    return { is: "success", last };
  }
  if (decision.is === "not_ready") await waitMs(node.settings.commitTimeoutMs);
  return { is: "timeout" };
}

const lastOf = (decision: AppendDecision, lastRevision: number): number =>
  decision.is === "repeated" ? decision.last : lastRevision;

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
