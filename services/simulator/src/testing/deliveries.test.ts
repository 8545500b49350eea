import { describe, expect, test } from "@jest/globals";
import { planDeliveries } from "../delivery/delivery-plan.ts";
import type { PlannedDelivery } from "../delivery/planned-delivery.ts";
import { generateHistory } from "../history/generate-history.ts";
import { isWebhook, lostMessages, shuffleBetweenOpenings } from "./deliveries.ts";

const HISTORY = generateHistory({ seed: 3 });
const PLAN = planDeliveries(HISTORY, { feeds: 2, reconnectRate: 0.05 });

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

describe("lost messages", () => {
  test("are those lost on every channel", () => {
    const messages = HISTORY.steps.flatMap((step) => step.messages);
    const nothing = { feeds: 0, webhookLossRate: 1 };
    expect(lostMessages(HISTORY, planDeliveries(HISTORY, nothing))).toHaveLength(messages.length);
    const feedOnly = { feeds: 1, reconnectRate: 0, webhookLossRate: 1 };
    const lost = lostMessages(HISTORY, planDeliveries(HISTORY, feedOnly));
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.every(({ message }) => message.report === undefined)).toBe(true);
    expect(lostMessages(HISTORY, planDeliveries(HISTORY, {}))).toEqual([]);
  });
});
