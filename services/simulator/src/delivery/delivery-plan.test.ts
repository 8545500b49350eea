import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { generateHistory } from "../history/generate-history.ts";
import type { History } from "../history/history.ts";
import { isWebhook } from "../testing/deliveries.ts";
import { type DeliveryOptions, planDeliveries, shuffleDeliveries } from "./delivery-plan.ts";
import type { FeedDelivery, FeedFrame, PlannedDelivery } from "./planned-delivery.ts";

const HISTORY = generateHistory({
  seed: 11,
  participants: 4,
  deposits: 40,
  withdrawals: 40,
  transfers: 30,
  layer1Deposits: 6,
  layer1Withdrawals: 6,
  meanGapMs: 60,
  burstRate: 0.4,
});

const options = fc.record({
  seed: fc.integer(),
  webhookRepeatRate: fc.constantFrom(0, 0.3),
  webhookLossRate: fc.constantFrom(0, 0.2, 1),
  receiverSkewMs: fc.integer({ min: -5_000, max: 5_000 }),
  feeds: fc.integer({ min: 0, max: 3 }),
  reconnectRate: fc.constantFrom(0, 0.02, 0.3),
  offlineMs: fc.constant({ min: 0, max: 4_000 }),
  snapshotRaceMs: fc.constantFrom(0, 400, 2_000),
});

type Law = (plan: readonly PlannedDelivery[], given: Partial<DeliveryOptions>) => void;

function holdsForAll(law: Law): void {
  fc.assert(
    fc.property(options, (given) => law(planDeliveries(HISTORY, given), given)),
    { numRuns: 30 },
  );
}

function framesByConnection(plan: readonly PlannedDelivery[]): Map<string, FeedFrame[]> {
  return Map.groupBy(
    plan.filter((delivery) => delivery.kind === "feed-frame"),
    ({ connection }) => connection,
  );
}

function feedMessagesAfter(history: History, step: number) {
  return history.steps
    .slice(step + 1)
    .flatMap(({ messages }) => messages.filter((message) => "feed" in message));
}

describe("every plan", () => {
  test("is sorted by arrival, and its seed reproduces it", () => {
    holdsForAll((plan, given) => {
      const times = plan.map(({ arrivesAtNs }) => arrivesAtNs);
      expect(times.every((time, index) => index === 0 || time >= (times[index - 1] ?? 0n))).toBe(
        true,
      );
      const again = planDeliveries(HISTORY, given);
      expect(again.map(outlineOf)).toEqual(plan.map(outlineOf));
    });
  });

  test("counts the frames of a connection between its opening and its end", () => {
    holdsForAll((plan) => {
      const open = new Map<string, number>();
      const lastOf = new Map<string, string>();
      for (const delivery of plan) {
        if (isWebhook(delivery)) continue;
        const { connection, feed } = delivery;
        if (delivery.kind === "feed-opened") {
          expect(delivery.continues).toBe(lastOf.get(feed) ?? null);
          lastOf.set(feed, connection);
          open.set(connection, 0);
          continue;
        }
        const frames = open.get(connection);
        expect(frames).toBeDefined();
        if (delivery.kind === "feed-closed") open.delete(connection);
        if (delivery.kind === "feed-frame") expect(delivery.frame).toBe((frames ?? 0) + 1);
        if (delivery.kind === "feed-frame") open.set(connection, delivery.frame);
      }
    });
  });

  test("after its one snapshot, a connection gets every later run, once and in order", () => {
    holdsForAll((plan) => {
      for (const frames of framesByConnection(plan).values()) {
        const snapshots = frames.filter(({ message }) => message === null);
        expect(snapshots.length).toBeLessThanOrEqual(1);
        const afterStep = snapshots[0]?.snapshotAfterStep;
        if (afterStep === null || afterStep === undefined) continue;
        const expected = new Set(feedMessagesAfter(HISTORY, afterStep));
        const later = frames.filter(({ message }) => message !== null && expected.has(message));
        expect(later.map(({ message }) => message)).toEqual([...expected].slice(0, later.length));
      }
    });
  });

  test("runs in a snapshot that come on the same connection are its first ones", () => {
    holdsForAll((plan) => {
      for (const frames of framesByConnection(plan).values()) {
        const afterStep = frames.find(({ message }) => message === null)?.snapshotAfterStep ?? -1;
        const known = new Set(
          HISTORY.steps.slice(0, afterStep + 1).flatMap(({ messages }) => messages),
        );
        const updates = frames.flatMap(({ message }) => message ?? []);
        const isKnown = updates.map((message) => known.has(message));
        expect(isKnown).toEqual(isKnown.toSorted((a, b) => Number(b) - Number(a)));
      }
    });
  });

  test("webhooks arrive after they were sent, with a notification id for Zero Hash alone", () => {
    holdsForAll((plan) => {
      for (const webhook of plan.filter(isWebhook)) {
        expect(webhook.arrivesAtNs > webhook.sentAtNs).toBe(true);
        expect(webhook.notificationId === null).toBe(webhook.provider === "layer1");
      }
    });
  });
});

describe("plan", () => {
  const webhooksOf = (given: Partial<DeliveryOptions>) =>
    planDeliveries(HISTORY, { feeds: 0, ...given }).filter(isWebhook);

  test("without feeds, losses and repeats, every webhook arrives once, out of order", () => {
    const webhooks = webhooksOf({ webhookRepeatRate: 0 });
    const messages = HISTORY.steps.flatMap((step) => step.messages);
    expect(new Set(webhooks.map(({ message }) => message))).toEqual(new Set(messages));
    expect(webhooks).toHaveLength(messages.length);
    expect(webhooks.map(({ message }) => message)).not.toEqual(messages);
  });

  test("repeats are further copies, some with a new notification id", () => {
    const copies = Map.groupBy(webhooksOf({ webhookRepeatRate: 0.5 }), ({ message }) => message);
    const ids = [...copies.values()].map(
      (list) => new Set(list.map(({ notificationId }) => notificationId)).size,
    );
    expect([...copies.values()].some((list) => list.length > 2)).toBe(true);
    expect(Math.max(...ids)).toBeGreaterThan(1);
  });

  test("the receiver's clock moves every arrival by its skew", () => {
    const [plain, skewed] = [0, -1_234].map((receiverSkewMs) =>
      planDeliveries(HISTORY, { receiverSkewMs, reconnectRate: 0.05 }),
    );
    expect(skewed?.map(({ arrivesAtNs }) => arrivesAtNs + 1_234_000_000n)).toEqual(
      plain?.map(({ arrivesAtNs }) => arrivesAtNs),
    );
    expect(() => planDeliveries(HISTORY, { receiverSkewMs: 5_001 })).toThrow(RangeError);
  });

  test("connections drop and come back, and snapshots race with runs", () => {
    const plan = planDeliveries(HISTORY, { reconnectRate: 0.1, snapshotRaceMs: 2_000, seed: 4 });
    const frames = [...framesByConnection(plan).values()];
    expect(frames.length).toBeGreaterThan(3);
    expect(frames.some((list) => list[0]?.message === null)).toBe(true);
    expect(frames.some((list) => list.findIndex(({ message }) => message === null) > 0)).toBe(true);
  });
});

const PLAN = planDeliveries(generateHistory({ seed: 3 }), { feeds: 2, reconnectRate: 0.05 });

function feedOf(plan: readonly PlannedDelivery[], feed: string): FeedDelivery[] {
  return plan.flatMap((delivery) =>
    isWebhook(delivery) || delivery.feed !== feed ? [] : [delivery],
  );
}

describe("shuffling the recording", () => {
  test("keeps every delivery as it is, and each feed in its order", () => {
    const mixed = shuffleDeliveries(PLAN, 1);
    expect(mixed).not.toEqual(PLAN);
    expect(mixed).toHaveLength(PLAN.length);
    expect(new Set(mixed)).toEqual(new Set(PLAN));
    for (const feed of ["feed-1", "feed-2"])
      expect(feedOf(mixed, feed)).toEqual(feedOf(PLAN, feed));
  });

  test("a seed reproduces", () => {
    expect(shuffleDeliveries(PLAN, 5)).toEqual(shuffleDeliveries(PLAN, 5));
    expect(shuffleDeliveries(PLAN, 5)).not.toEqual(shuffleDeliveries(PLAN, 6));
  });
});

/** All of a delivery but its text. */
function outlineOf(delivery: PlannedDelivery): unknown {
  if (isWebhook(delivery)) return [delivery.arrivesAtNs, delivery.notificationId];
  const { kind, connection, arrivesAtNs } = delivery;
  return [kind, connection, arrivesAtNs];
}
