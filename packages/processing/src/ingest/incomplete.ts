import type { DataOf } from "@counterfoil/contracts/fact";
import { readData } from "@counterfoil/core/stream/read-event";
import { isEngineError } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { Delivery, Ingest } from "../ports/ingest.ts";
import { readAll } from "../queries/read-all.ts";
import { storedDelivery } from "./delivery.ts";

export type LeftDelivery = Readonly<{
  deliveryId: string;
  /** `gone`: the body was erased, so its missing facts cannot be had; `failed`: see the error. */
  outcome: "completed" | "gone" | "failed";
  error: unknown;
}>;

export type LeftDeliveriesOptions = Readonly<{
  stream: EventStream;
  ingest: Pick<Ingest, "submit">;
  signal?: AbortSignal;
}>;

/**
 * Completes divided deliveries whose ingestor died between two parts, each from its stored bytes and
 * over the same path as a repeat of it, which reads it as it was begun. One that another ingestor
 * is at just now is completed by both, into one copy of each fact.
 *
 * @throws StreamUnavailable and the like; what was completed stays so
 */
export async function* completeLeftDeliveries({
  stream,
  ingest,
  signal,
}: LeftDeliveriesOptions): AsyncGenerator<LeftDelivery> {
  for (const deliveryId of await leftDeliveries(stream)) {
    if (signal?.aborted) return;
    const received = (await stream.findByIds([deliveryId])).known.get(deliveryId)?.event;
    const delivery = received && (await storedDelivery(stream, received));
    if (!delivery) yield { deliveryId, outcome: "gone", error: null };
    else yield await complete(deliveryId, delivery, ingest);
  }
}

/** Few events tell it, and only what is open is kept of them. */
async function leftDeliveries(stream: EventStream): Promise<Iterable<string>> {
  const left = new Set<string>();
  for await (const event of readAll(stream, ["DeliveryDivided", "DeliveryCompleted"])) {
    const { delivery_id } = readData(event) as DataOf<"DeliveryDivided">;
    if (event.type === "DeliveryDivided") left.add(delivery_id);
    else left.delete(delivery_id);
  }
  return left;
}

async function complete(
  deliveryId: string,
  delivery: Delivery,
  ingest: Pick<Ingest, "submit">,
): Promise<LeftDelivery> {
  try {
    await ingest.submit(delivery);
    return { deliveryId, outcome: "completed", error: null };
  } catch (error) {
    if (isEngineError(error)) throw error;
    return { deliveryId, outcome: "failed", error };
  }
}
