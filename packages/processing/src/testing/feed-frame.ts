import type { Nanos } from "@counterfoil/core/exact/time";
import type { Delivery } from "../ports/ingest.ts";

type Frame = Readonly<{ number: number; receivedAt: Nanos }>;

/** A frame of connection `c1`, as the feed client delivers it. */
export const feedFrame = (text: string, { number, receivedAt }: Frame): Delivery => ({
  provider: "zerohash",
  channel: "feed",
  payloadType: "feed",
  notificationId: null,
  place: { connection: "c1", frame: number },
  verdict: { signature: "none" },
  bytes: new TextEncoder().encode(text),
  receivedAt,
  correlationId: "c1",
});

/** The text of a snapshot that lists 1 of each of so many assets. */
export function snapshotText(accounts: number): string {
  const body = Array.from({ length: accounts }, (_, at) => ({
    participant_code: "DEF456",
    account_group: "ABC123",
    account_label: "general",
    account_type: "available",
    asset: `A${at}`,
    balance: "1",
  }));
  return JSON.stringify({ messageType: "initial-balance", body });
}
