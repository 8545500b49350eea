import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { putHex } from "../exact/text.ts";
import type { Nanos } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";

/**
 * The hash chain, format 1: frozen. In bytes:
 *
 *     hash = SHA-256( previous hash, 32 bytes
 *                  ‖ UTF-8 of the RFC 8785 array [position, id, type, schema_version, subject,
 *                    occurred_at, recorded_at, causation_id, correlation_id]
 *                  ‖ 0x0A
 *                  ‖ UTF-8 of data, as stored )
 *
 * Numbers and times (nanoseconds since 1970) are strings in the array, absent values are null. The
 * previous hash of position 1 is the SHA-256 of the ledger's name in UTF-8. `chain.test.ts` has a
 * vector, so that a dump can be verified in another language.
 */
export type Head = Readonly<{ position: number; hash: string; recordedAt: Nanos }>;

/** The head before the first event. */
export function emptyHead(ledger: string, hashing: Hashing): Head {
  return { position: 0, hash: hashing.sha256(ledger), recordedAt: 0n };
}

/**
 * Seals an event: adds its position, its recording time (never before that of the previous event,
 * even if the clock was set back), and its hash. An imported event keeps its own recording time.
 */
export function sealEvent(
  head: Head,
  event: NewEvent,
  now: Nanos,
  hashing: Hashing,
): RecordedEvent {
  const at: Nanos = event.recorded_at ?? now;
  const unhashed = {
    position: head.position + 1,
    id: event.id,
    type: event.type,
    schema_version: event.schema_version,
    subject: event.subject,
    occurred_at: event.occurred_at,
    recorded_at: at > head.recordedAt ? at : head.recordedAt,
    causation_id: event.causation_id,
    correlation_id: event.correlation_id,
    data: event.data,
  };
  return { ...unhashed, hash: chainHash(head.hash, unhashed, hashing) };
}

/** The head of a stream that ends with this event. */
export function headOf(event: RecordedEvent): Head {
  return { position: event.position, hash: event.hash, recordedAt: event.recorded_at };
}

/** The hash of an event that follows the previous hash. */
export function chainHash(
  previousHash: string,
  event: Omit<RecordedEvent, "hash">,
  hashing: Hashing,
): string {
  const text = `${headerOf(event)}\n${event.data}`;
  if (scratch.length < 32 + text.length * 3) scratch = new Uint8Array(32 + text.length * 4);
  putHex(scratch, 0, previousHash);
  const { written } = encoder.encodeInto(text, scratch.subarray(32));
  return hashing.sha256(scratch.subarray(0, 32 + written));
}

function headerOf(event: Omit<RecordedEvent, "hash">): string {
  const quote = JSON.stringify;
  const time = (nanos: Nanos | null) => (nanos === null ? "null" : `"${nanos}"`);
  const what = `"${event.position}",${quote(event.id)},${quote(event.type)}`;
  const about = `"${event.schema_version}",${quote(event.subject)}`;
  const when = `${time(event.occurred_at)},${time(event.recorded_at)}`;
  return `[${what},${about},${when},${quote(event.causation_id)},${quote(event.correlation_id)}]`;
}

const encoder = new TextEncoder();
let scratch = new Uint8Array(4096);
