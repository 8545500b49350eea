import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Nanos } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";
import { eventId } from "../identity.ts";
import { chainHash, type Head } from "./chain.ts";

/** What stands before an event; a foreign one has its times. */
export type Before = Head & Readonly<{ occurredAt: Nanos | null }>;

export type ForeignContent = DataOf<"ForeignEvent"> & Readonly<{ ledger: string }>;

/**
 * What another client wrote into the ledger's stream, as every reader alike seals it into the chain:
 * nobody can take it out again. Each field follows from what the server holds. `foreign-event.test.ts`
 * has a vector.
 */
export function foreignEvent(
  before: Before,
  { ledger, event_id, event_type, sha256 }: ForeignContent,
  hashing: Hashing,
): RecordedEvent {
  const position = before.position + 1;
  const unhashed = {
    position,
    id: eventId(["ForeignEvent", ledger, String(position), sha256], hashing),
    type: "ForeignEvent",
    schema_version: 1,
    subject: "ledger",
    occurred_at: before.occurredAt,
    recorded_at: before.recordedAt,
    causation_id: null,
    correlation_id: null,
    data: JSON.stringify({ event_id, event_type, sha256 }),
  };
  return { ...unhashed, hash: chainHash(before.hash, unhashed, hashing) };
}
