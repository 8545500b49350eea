export type Range = Readonly<{ min: number; max: number }>;

/** How the network between provider and receiver behaves. */
export type DeliveryOptions = Readonly<{
  seed: number | string;
  /** Chance of a further copy of a webhook, after each copy. */
  webhookRepeatRate: number;
  /** Most webhooks take little more than the least; those of the long tail are overtaken. */
  webhookDelayMs: Range;
  /** Share of messages none of whose webhooks arrive. */
  webhookLossRate: number;
  /** How far the receiver's clock is ahead (or behind), -5000 to 5000. */
  receiverSkewMs: number;
  /** Independent clients of the Balances Feed. */
  feeds: number;
  /** Chance, at each feed message of the history, that a feed's connection drops. */
  reconnectRate: number;
  /** How long a feed is away after its connection dropped. */
  offlineMs: Range;
  /** The most that may lie between subscription and snapshot, and between snapshot and sending it. */
  snapshotRaceMs: number;
}>;

const DEFAULTS: DeliveryOptions = {
  seed: 1,
  webhookRepeatRate: 0.05,
  webhookDelayMs: { min: 5, max: 30_000 },
  webhookLossRate: 0,
  receiverSkewMs: 0,
  feeds: 1,
  reconnectRate: 0.01,
  offlineMs: { min: 100, max: 5_000 },
  snapshotRaceMs: 400,
};

export function deliveryOptions(given: Partial<DeliveryOptions>): DeliveryOptions {
  const options = { ...DEFAULTS, ...given };
  if (Math.abs(options.receiverSkewMs) > 5_000) {
    throw new RangeError("receiverSkewMs is beyond 5 s, where nothing is promised any more");
  }
  return options;
}
