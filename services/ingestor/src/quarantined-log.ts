import type { originOf } from "@counterfoil/http/requests";
import type { SampledLog } from "@counterfoil/http/sampled-log";
import type { Delivery, Receipt } from "@counterfoil/processing/ports/ingest";

type Delivered = Pick<Delivery, "provider" | "channel" | "payloadType"> &
  Readonly<{
    receipt: Receipt;
    /** Of the request that brought it. */
    origin?: ReturnType<typeof originOf>;
  }>;

const PAYLOAD_TYPE_SHOWN = 200;

/** One line for each delivery that nobody could read: by its id a person finds the bytes. */
export function logQuarantined(log: SampledLog, delivered: Delivered): void {
  const { provider, channel, payloadType, receipt, origin = {} } = delivered;
  if (receipt.outcome !== "quarantined") return;
  const fields = {
    ...origin,
    delivery_id: receipt.deliveryId,
    ...{ provider, channel, reason: receipt.reason },
    payload_type: payloadType.slice(0, PAYLOAD_TYPE_SHOWN),
  };
  log(`${provider} quarantined`, "warn", fields, "delivery quarantined: nobody can read it");
}
