import { describe, expect, test } from "@jest/globals";
import { generateHistory } from "../history/generate-history.ts";
import { planDeliveries } from "./delivery-plan.ts";
import { type FeedDelivery, isWebhook, type PlannedDelivery } from "./planned-delivery.ts";
import { shuffleBetweenOpenings, shuffleDeliveries } from "./shuffle-deliveries.ts";

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
