import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import { type Nanos, timeOf } from "../exact/time.ts";
import { type FactState, inForce } from "../ingest/fact-state.ts";

/**
 * One provider fact, with everything later said of it, that a lifecycle may need. A lifecycle's
 * records are a function of the set of its legs; the order in which they arrived decides nothing.
 */
export type Leg = Readonly<{
  /** Unique: type and natural key. */
  id: string;
  type: ProviderFactType;
  state: FactState;
}>;

/** A leg with its content in force: what the folds look at. */
export type Known<Type extends ProviderFactType> = Readonly<{
  id: string;
  type: Type;
  data: DataOf<Type>;
  state: FactState;
}>;

export type AnyKnown = { [Type in ProviderFactType]: Known<Type> }[ProviderFactType];

/** The content in force of one leg. */
export function known({ id, type, state }: Leg): AnyKnown {
  return { id, type, state, data: inForce(state) } as unknown as AnyKnown;
}

/** The legs that count, in an order that arrival has no part in; withdrawn facts end here. */
export function knownLegs(legs: readonly Leg[]): AnyKnown[] {
  const counting = legs.filter(({ state }) => !state.withdrawn).map(known);
  return counting.sort((a, b) => compareText(a.id, b.id));
}

/** By code unit: the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Known times before unknown ones. */
export function compareTimes(a: Nanos | null, b: Nanos | null): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? 1 : -1;
  return a < b ? -1 : 1;
}

/** By time, then id. */
export function compareFacts(a: AnyKnown, b: AnyKnown): number {
  const [left, right] = [nanosOf(timeIn(a)), nanosOf(timeIn(b))];
  return compareTimes(left, right) || compareText(a.id, b.id);
}

const timeIn = ({ data }: AnyKnown): string | undefined => data.occurred_at;

/** null where a fact gives no time. */
export function nanosOf(time: string | null | undefined): Nanos | null {
  return time === null || time === undefined ? null : timeOf(time);
}
