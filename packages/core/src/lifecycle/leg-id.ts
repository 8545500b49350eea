import type { ProviderFact, ProviderFactType } from "@counterfoil/contracts/fact";
import type { FactData } from "../ingest/fact-state.ts";
import { factKey } from "../translate/fact-identity.ts";

/** A leg is named by its fact's type and natural key, as an event about it has them. */
export function legIdOf(type: ProviderFactType, data: FactData): string {
  return legIdOfKey(type, factKey({ type, data } as unknown as ProviderFact));
}

/** From the key that an amendment carries; a movement's run is a hint there, not part of it. */
export function legIdOfKey(type: ProviderFactType, key: Readonly<Record<string, string>>): string {
  const parts = type === "MovementRecorded" ? [key.account, key.movement_id] : Object.values(key);
  return JSON.stringify([type, ...parts]);
}
