import type { DataOf } from "@counterfoil/contracts/fact";
import type { ErasureRecord } from "@counterfoil/contracts/provenance";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { bodyErasedId } from "@counterfoil/core/erasure";
import { formatTime } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { readData } from "@counterfoil/core/stream/read-event";
import type { EventStream } from "../ports/event-stream.ts";

/** By digest, those of some bodies that were erased. */
export async function findErasures(
  stream: Pick<EventStream, "findByIds">,
  digests: readonly string[],
  hashing: Hashing,
): Promise<ReadonlyMap<string, ErasureRecord>> {
  const ids = new Map(digests.map((sha256) => [bodyErasedId(sha256, hashing), sha256]));
  if (ids.size === 0) return new Map();
  const { known } = await stream.findByIds([...ids.keys()]);
  return new Map(
    [...known.values()].map(({ event }) => [ids.get(event.id) ?? "", erasureRecord(event)]),
  );
}

function erasureRecord(event: RecordedEvent): ErasureRecord {
  const { actor, note } = readData(event) as DataOf<"BodyErased">;
  const { id: event_id, position, recorded_at } = event;
  return {
    event_id,
    position: String(position),
    erased_at: formatTime(recorded_at),
    actor,
    note,
  };
}
