import { z } from "zod";
import { key, text } from "./field.ts";

/**
 * What Layer1 puts on the wire. `null` and a missing key mean the same on its pages.
 * The treasury's body is flat: `eventType` and no `data`.
 */
export const layer1Envelope = z.looseObject({
  event: text,
  eventType: text,
  timestamp: text,
  data: z.unknown().optional(),
});

const side = z.looseObject({ amount: text, address: text, asset: text });

const networkDetail = z
  .looseObject({
    fee: z.looseObject({ asset: text, amount: text }).nullish(),
    block: z.looseObject({ number: text, timestamp: text }).nullish(),
  })
  .nullish();

const address = z
  .looseObject({ address: text, network: text, reference: text, customerId: text })
  .nullish();

const metadata = z
  .looseObject({ failure: z.looseObject({ reason: text, message: text }).nullish() })
  .nullish();

/** One leg of a transfer: the amount, or the fee. */
export const layer1Transfer = z.looseObject({
  id: key,
  status: key,
  type: text,
  asset: text,
  amount: text,
  hash: text,
  reference: text,
  address,
  sources: z.array(side).nullish(),
  destinations: z.array(side).nullish(),
  networkDetail,
  metadata,
  createdAt: text,
  updatedAt: text,
});

/** Three funds of one asset at one address. */
export const layer1Balance = z.looseObject({
  reference: text,
  address: key,
  asset: key,
  funds: z.array(z.looseObject({ type: key, balance: key, delta: text })).min(1),
});

export const layer1Notification = z.looseObject({
  id: text,
  status: text,
  state: text,
  eventType: text,
});
