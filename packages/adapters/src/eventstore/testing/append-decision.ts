/** What a writer expects the last revision to be; -1 stands for "no stream". */
export type Expected = number | "any" | "stream_exists";

export type AppendDecision =
  | Readonly<{ is: "written" }>
  | Readonly<{ is: "repeated"; last: number }>
  /** A repeat of what is not replicated yet: the server waits in silence. */
  | Readonly<{ is: "not_ready" }>
  | Readonly<{ is: "wrong_version"; current: number }>
  | Readonly<{ is: "deleted" }>;

/** A stream as the decision sees it, with what is not replicated yet. */
export type StreamState = Readonly<{
  isTombstoned: boolean;
  /** Whether `$tb` hides all of it. */
  isSoftDeleted: boolean;
  /** Ids by revision. */
  ids: readonly string[];
  /** Revisions above are not replicated yet. */
  replicated: number;
  /** Ids that the server remembers; they are forgotten when it starts again. */
  cache: ReadonlyMap<string, number>;
}>;

/**
 * The server's check of an append. It compares ids, never contents, and where the expected revision
 * is the current one not even those.
 */
export function decideAppend(
  state: StreamState,
  expected: Expected,
  ids: readonly string[],
): AppendDecision {
  if (state.isTombstoned) return { is: "deleted" };
  const current = state.ids.length - 1;
  if (typeof expected !== "number") return decideAny(state, expected, ids);
  if (expected === -1 && state.isSoftDeleted) return { is: "written" };
  if (ids.length === 0 || expected >= current) {
    return expected === current ? { is: "written" } : { is: "wrong_version", current };
  }
  const fits = ids.every((id, at) => state.ids[expected + 1 + at] === id);
  return fits ? repeatedAt(state, expected + ids.length) : { is: "wrong_version", current };
}

function decideAny(
  state: StreamState,
  expected: "any" | "stream_exists",
  ids: readonly string[],
): AppendDecision {
  const current = state.ids.length - 1;
  const isThere = current >= 0 && !state.isSoftDeleted;
  if (expected === "stream_exists" && !isThere) return { is: "wrong_version", current };
  const known = ids.map((id) => state.cache.get(id));
  if (known[0] === undefined) return { is: "written" };
  const last = known.at(-1);
  if (last === undefined || known.includes(undefined)) return { is: "wrong_version", current };
  return repeatedAt(state, last);
}

const repeatedAt = (state: StreamState, last: number): AppendDecision =>
  last > state.replicated ? { is: "not_ready" } : { is: "repeated", last };
