import { describe, expect, test } from "@jest/globals";
import { generateHistory } from "../history/generate-history.ts";
import { planDeliveries } from "./delivery-plan.ts";
import { type FeedDelivery, isWebhook, type PlannedDelivery } from "./planned-delivery.ts";
import {
  scatterWebhooks,
  shuffleBetweenOpenings,
  shuffleDeliveries,
} from "./shuffle-deliveries.ts";

const PLAN = planDeliveries(generateHistory({ seed: 3 }), { feeds: 2, reconnectRate: 0.05 });
const LAST_NS = PLAN.at(-1)?.arrivesAtNs ?? 0n;

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

describe("shuffling between openings", () => {
  test("moves webhooks alone, and none over an opening", () => {
    const mixed = shuffleBetweenOpenings(PLAN, 1);
    expect(mixed).not.toEqual(PLAN);
    expect(mixed.filter((each) => !isWebhook(each))).toEqual(
      PLAN.filter((each) => !isWebhook(each)),
    );
    const openingsBefore = (plan: readonly PlannedDelivery[]) => {
      let openings = 0;
      const places = plan.map((delivery): [PlannedDelivery, number] => {
        if (delivery.kind === "feed-opened") openings += 1;
        return [delivery, openings];
      });
      return new Map(places);
    };
    expect(new Map([...openingsBefore(mixed)])).toEqual(openingsBefore(PLAN));
  });
});

describe("scattering the arrivals", () => {
  const scattered = scatterWebhooks(PLAN, { seed: 1, untilNs: LAST_NS });

  test("moves webhooks, never before they were sent, and leaves the feeds alone", () => {
    for (const feed of ["feed-1", "feed-2"]) {
      expect(feedOf(scattered, feed)).toEqual(feedOf(PLAN, feed));
    }
    const webhooks = scattered.filter(isWebhook);
    expect(webhooks.every(({ sentAtNs, arrivesAtNs }) => arrivesAtNs >= sentAtNs)).toBe(true);
    const latest = webhooks.filter(
      ({ arrivesAtNs, sentAtNs }) => arrivesAtNs - sentAtNs > 10n ** 9n,
    );
    expect(latest.length).toBeGreaterThan(webhooks.length / 4);
  });

  test("is sorted by arrival and keeps the texts", () => {
    const times = scattered.map(({ arrivesAtNs }) => arrivesAtNs);
    expect(times).toEqual(times.toSorted((a, b) => Number(a - b)));
    const bodies = (plan: readonly PlannedDelivery[]) =>
      plan
        .filter(isWebhook)
        .map(({ body }) => body)
        .toSorted();
    expect(bodies(scattered)).toEqual(bodies(PLAN));
  });
});
