import type { components } from "@counterfoil/client";
import { countOf, durationText } from "./text.ts";

export type Status = components["schemas"]["Status"];
type Projection = Status["projections"][number];

/** The read models, by their names. */
export const MODELS = ["balances", "withdrawals", "deposits", "trades"] as const;

/**
 * What an answer of the service is read from: a read model; the event stream itself; `status`, what
 * changes without an event, such as the progress of a rebuild.
 */
export type Source = (typeof MODELS)[number] | "stream" | "status";

/** In a busy ledger every model is a moment behind all the time, because events come in groups. */
const KEEPING_UP_S = 2;

/** Whether a model shows the present, give or take a moment. */
const isCurrent = ({ state, lag_seconds }: Projection): boolean =>
  state === "live" || (state === "catching_up" && lag_seconds <= KEEPING_UP_S);

/** Those of these models that do not show the present. */
export const behindIn = (
  status: Pick<Status, "projections"> | null,
  sources: readonly Source[],
): readonly Projection[] =>
  (status?.projections ?? []).filter(
    (one) => sources.includes(one.name as Source) && !isCurrent(one),
  );

/** Which models are not current, and why; without figures, so that it changes only with the state. */
export const statesText = (behind: readonly Projection[]): string =>
  behind.map(({ name, state }) => `${name} is ${state.replaceAll("_", " ")}`).join(", ");

/** How far each of them has read the stream, after their names. */
export const figuresText = (behind: readonly Projection[]): string =>
  behind
    .map((one) => `${behind.length === 1 ? "It is" : `${one.name} is`} ${figuresOf(one)}`)
    .join("; ");

/** Both in one. */
export const lagText = (behind: readonly Projection[]): string =>
  behind.map((one) => `${statesText([one])} ${figuresOf(one)}`).join("; ");

const figuresOf = ({ lag, lag_seconds, position }: Projection): string =>
  lag === 0
    ? `at position ${position}`
    : `at position ${position}, ${countOf(lag, "event")} and ${durationText(lag_seconds)} behind`;

/**
 * A text that changes whenever an answer that is read from these may have changed: what was asked for
 * before is asked for again then.
 *
 * @param askedAt when the status was requested
 */
export function versionOf(
  status: Status | null,
  askedAt: string | null,
  sources: readonly Source[],
): string {
  if (status === null) return "";
  const { head, scope, projections } = status;
  // A platform sees those events of the stream that models have found to be its own.
  const isByModels = scope === "platform" && sources.includes("stream");
  const models = projections
    .filter(({ name }) => isByModels || sources.includes(name as Source))
    .map(({ name, generation, position }) => {
      const stuck = status.stuck.filter(({ model }) => model === name);
      return [name, generation, position, stuck];
    });
  return JSON.stringify([
    models,
    sources.includes("stream") && head,
    sources.includes("status") && askedAt,
  ]);
}
