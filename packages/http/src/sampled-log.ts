import type { Clock } from "@counterfoil/processing/ports/clock";
import type { Logger } from "pino";

const NANOS_PER_SECOND = 1_000_000_000n;

/** Lines of one kind that are logged within a second. */
const LINES_PER_SECOND = 10;

/** Logs a line, unless its kind has had its lines of this second. There must be few kinds. */
export type SampledLog = (
  kind: string,
  level: "debug" | "info" | "warn" | "error",
  fields: Readonly<Record<string, unknown>>,
  message: string,
) => void;

/**
 * For what a stranger can bring about as often as he likes. The first line of a kind that follows
 * says in `left_out` how many were not logged; metrics count them all.
 */
export function sampleLog({
  logger,
  clock,
}: Readonly<{ logger: Logger; clock: Pick<Clock, "now"> }>): SampledLog {
  const kinds = new Map<string, { second: bigint; logged: number; leftOut: number }>();
  return (kind, level, fields, message) => {
    const second = clock.now() / NANOS_PER_SECOND;
    const sample = kinds.get(kind) ?? { second, logged: 0, leftOut: 0 };
    kinds.set(kind, sample);
    if (sample.second !== second) Object.assign(sample, { second, logged: 0 });
    if (sample.logged >= LINES_PER_SECOND) {
      sample.leftOut += 1;
      return;
    }
    const { leftOut } = sample;
    Object.assign(sample, { logged: sample.logged + 1, leftOut: 0 });
    logger[level]({ ...fields, ...(leftOut > 0 && { left_out: leftOut }) }, message);
  };
}
