import type { DataOf, ProviderFact, ProviderFactType } from "@counterfoil/contracts/fact";
import { statedTime } from "../balances/effective-time.ts";
import type { Nanos } from "../exact/time.ts";
import { type FactData, type FactState, firstArrivalOf, inForce } from "../ingest/fact-state.ts";
import { factKey } from "../translate/fact-identity.ts";

/**
 * One provider fact, with everything later said of it, that a lifecycle may need. Records are a
 * function of the set of these; the order in which they arrived decides nothing.
 */
export type LifecycleFact = Readonly<{
  /** Unique: type and natural key. */
  id: string;
  type: ProviderFactType;
  state: FactState;
}>;

/** A fact with its content in force, its time, and a short text that tells it from all others. */
export type Known<Type extends ProviderFactType> = Readonly<{
  type: Type;
  data: DataOf<Type>;
  state: FactState;
  /** What it is ordered by. */
  at: Nanos;
  /** Orders facts of one time, on every engine alike. */
  tie: string;
}>;

export type AnyKnown = { [Type in ProviderFactType]: Known<Type> }[ProviderFactType];

/** The content in force of one fact; `at` where its run dates it, else its own time. */
export function known({ type, state }: LifecycleFact, tie: string, at?: Nanos): AnyKnown {
  const content = { type, state, data: inForce(state), at: at ?? ownTime(state), tie };
  return content as unknown as AnyKnown;
}

/** What the fact itself is dated, else its arrival: so it can be stuck, whatever it says. */
export function ownTime(state: FactState): Nanos {
  return statedTime(state).at ?? firstArrivalOf(state);
}

/** A fact is named by its type and natural key, as an event about it has them. */
export function factIdOf(type: ProviderFactType, data: FactData): string {
  return factIdOfKey(type, factKey({ type, data } as unknown as ProviderFact));
}

/** From the key that an amendment carries; a movement's run is a hint there, not part of it. */
export function factIdOfKey(type: ProviderFactType, key: Readonly<Record<string, string>>): string {
  const parts = type === "MovementRecorded" ? [key.account, key.movement_id] : Object.values(key);
  return JSON.stringify([type, ...parts]);
}
