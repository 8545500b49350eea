import type { ExplainedDelivery } from "@counterfoil/contracts/audit";
import type { DataOf } from "@counterfoil/contracts/fact";
import { readData } from "@counterfoil/core/stream/read-event";
import type { EventStream } from "../../ports/event-stream.ts";
import { type FindOptions, findDelivery, findErasures } from "../deliveries.ts";
import type { Standings } from "../event-standing.ts";

type Received = DataOf<"DeliveryReceived">;

/** Bytes of bodies that one answer looks for: whether one is gone, only reading it tells. */
const LOOKED_AT_MAX = 4 * 1024 * 1024;

/**
 * Deliveries by their ids, in the order of the stream, each with what vouches for it: the channel,
 * the verdict on its signature, and the digest of the signed bytes.
 */
export async function explainedDeliveries(
  stream: EventStream,
  ids: Iterable<string>,
  { standings, ...options }: FindOptions & Readonly<{ standings: Standings | null }>,
): Promise<ExplainedDelivery[]> {
  const { known } = await stream.findByIds([...new Set(ids)]);
  const told: ExplainedDelivery[] = [];
  let left = LOOKED_AT_MAX;
  const received = [...known.values()].map(({ event }) => event);
  const deliveries = received.filter(({ type }) => type === "DeliveryReceived");
  const digests = deliveries.map((event) => (readData(event) as Received).sha256);
  const erasures =
    standings === null ? await findErasures(stream, digests, options.hashing) : new Map();
  for (const event of deliveries.sort((a, b) => a.position - b.position)) {
    const data = readData(event) as Received;
    const erased = erasures.get(data.sha256) ?? null;
    if (erased !== null) {
      told.push({ ...deliveryRecord(event.id, event.position, data), body: "gone", erased });
      continue;
    }
    if (standings === null) {
      const isLooked = data.length <= left;
      if (isLooked) left -= data.length;
      const body = isLooked ? ((await stream.body(data.sha256)) === null ? "gone" : "kept") : null;
      told.push({ ...deliveryRecord(event.id, event.position, data), body, erased });
      continue;
    }
    const found = await findDelivery(stream, event.id, { ...options, standings });
    if (found === null) continue;
    // Where others' facts are in the bytes, even their digest would tell of these.
    const { sha256 = null } = found.received.data as Partial<Received>;
    told.push({
      ...deliveryRecord(event.id, event.position, data),
      body_sha256: sha256,
      body: null,
      erased: null,
    });
  }
  return told;
}

function deliveryRecord(
  id: string,
  position: number,
  { verdict, ...data }: Received,
): Omit<ExplainedDelivery, "body" | "erased"> {
  const checked = verdict.evidence?.find(({ key_id }) => key_id !== undefined);
  return {
    id,
    position: String(position),
    channel: data.channel,
    payload_type: data.payload_type,
    notification_id: data.notification_id ?? null,
    connection: data.connection ?? null,
    frame: data.frame ?? null,
    signature: verdict.signature,
    scheme: verdict.scheme ?? checked?.scheme ?? null,
    key_id: checked?.key_id ?? null,
    received_at: data.received_at,
    body_sha256: data.sha256,
  };
}
