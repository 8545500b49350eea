import { changedAnomaly } from "../models/anomaly-rows.ts";
import { ANOMALY_CHANGES, STOPPED, STOPPED_KIND } from "../models/columns.ts";
import type { Checkpoint, Rows } from "../ports/model-store.ts";
import { everyRow } from "../projection/selection.ts";
import { is } from "./change-rows.ts";

/** What was seen of a model's stopped subjects, however many there are. */
export type SeenStops = Readonly<{
  generation: number;
  checkpoint: Checkpoint;
  hasStopped: boolean;
  /** The anomalies `stopped` that are closed at the checkpoint's position. */
  closed: number;
}>;

export type ObservedStops = Readonly<{
  stops: SeenStops;
  /** Whether a subject resumed since the last observation that had stopped at a published position. */
  hasResumed: boolean;
}>;

/**
 * Reads whether a subject resumed since the last observation. When it does, its anomaly is closed at
 * the position at which the model was opened then, which is not before the one observed last. Closed
 * ones of that very position are counted, as there may have been some already.
 */
export async function observeStops(
  rows: Rows,
  now: Pick<SeenStops, "generation" | "checkpoint">,
  before: SeenStops | null,
  publishedTo: number,
): Promise<ObservedStops> {
  const { position, digest } = now.checkpoint;
  const last = before?.checkpoint ?? now.checkpoint;
  const isSame = before?.generation === now.generation && last.position <= position;
  if (before !== null && isSame && last.position === position && last.digest === digest) {
    return { stops: before, hasResumed: false };
  }
  const hasStopped = (await rows.count(STOPPED, [], 1)) > 0;
  // Built again, so it may have projected what had stopped.
  let hasResumed = before !== null && !isSame && before.hasStopped;
  const after = isSame ? last.position : position;
  let [closedBefore, closed] = [0, 0];
  for await (const stop of closedStops(rows, after, position)) {
    if (stop.position === after) closedBefore += 1;
    else hasResumed ||= stop.openedAt <= publishedTo;
    if (stop.position === position) closed += 1;
  }
  hasResumed ||= before !== null && isSame && closedBefore > before.closed;
  return { stops: { ...now, hasStopped, closed }, hasResumed };
}

const PAGE = { limit: 500, bytesMax: 1024 * 1024 };

/** The anomalies `stopped` that were closed in a range of positions, both ends included. */
async function* closedStops(
  rows: Rows,
  from: number,
  upTo: number,
): AsyncGenerator<Readonly<{ position: number; openedAt: number }>> {
  const where = [
    ...[is("position", ">=", from), is("position", "<=", upTo)],
    // The ids begin with the kind.
    ...[is("id", ">=", `${STOPPED_KIND}:`), is("id", "<", `${STOPPED_KIND};`)],
  ];
  for await (const { position, row } of everyRow(rows, ANOMALY_CHANGES, {
    ...{ where, orderBy: ["position", "id"], ...PAGE },
  })) {
    const anomaly = typeof row === "string" ? changedAnomaly(row) : null;
    if (anomaly === null || anomaly.closed_position === null) continue;
    yield { position: Number(position), openedAt: Number(anomaly.opened_position) };
  }
}
