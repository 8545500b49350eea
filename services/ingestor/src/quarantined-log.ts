import type { SampledLog } from "@counterfoil/http/sampled-log";
import type { Delivery, Receipt } from "@counterfoil/processing/ports/ingest";

type Delivered = Pick<Delivery, "provider" | "channel" | "payloadType"> &
  Readonly<{ receipt: Receipt }>;

const PAYLOAD_TYPE_SHOWN = 200;

/** One line for each delivery that nobody could read: by its id a person finds the bytes. */
export function logQuarantined(log: SampledLog, delivered: Delivered): void {
  const { provider, channel, payloadType, receipt } = delivered;
  if (receipt.outcome !== "quarantined") return;
  const fields = {
    delivery_id: receipt.deliveryId,
    ...{ provider, channel, reason: receipt.reason },
    payload_type: payloadType.slice(0, PAYLOAD_TYPE_SHOWN),
  };
  log(`${provider} quarantined`, "warn", fields, "delivery quarantined: nobody can read it");
}
