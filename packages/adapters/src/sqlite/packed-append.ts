import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import type { Body } from "@counterfoil/processing/ports/event-stream";
import type { Append } from "./stream-append.ts";

type Unpacked = Omit<Append, "hashing">;

/**
 * An append on its way to another thread. Objects would take the names of their members along, each
 * time, and bodies a copy of the network chunk that they are part of; so the events' members stand
 * in one row, and the bodies in one buffer, which moves instead of being copied.
 */
export type PackedAppend = Omit<Unpacked, "events" | "bodies"> &
  Readonly<{
    cells: readonly unknown[];
    digests: readonly string[];
    lengths: readonly number[];
    bytes: Uint8Array<ArrayBuffer>;
  }>;

const MEMBERS = [
  "id",
  "type",
  "schema_version",
  "subject",
  "occurred_at",
  "causation_id",
  "correlation_id",
  "data",
  "about",
] as const satisfies readonly (keyof NewEvent)[];

export function packAppend({ events, bodies, ...rest }: Unpacked): PackedAppend {
  const cells: unknown[] = [];
  for (const event of events) for (const member of MEMBERS) cells.push(event[member]);
  const lengths = bodies.map(({ bytes }) => bytes.length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const body of bodies) {
    bytes.set(body.bytes, at);
    at += body.bytes.length;
  }
  return { ...rest, cells, digests: bodies.map(({ sha256 }) => sha256), lengths, bytes };
}

export function unpackAppend({ cells, digests, lengths, bytes, ...rest }: PackedAppend): Unpacked {
  const events: NewEvent[] = [];
  for (let row = 0; row < cells.length; row += MEMBERS.length) {
    const event: Partial<Record<keyof NewEvent, unknown>> = {};
    MEMBERS.forEach((member, at) => {
      event[member] = cells[row + at];
    });
    events.push(event as NewEvent);
  }
  let at = 0;
  const bodies = digests.map((sha256, number): Body => {
    const length = lengths[number] ?? 0;
    at += length;
    return { sha256, bytes: bytes.subarray(at - length, at) };
  });
  return { ...rest, events, bodies };
}
