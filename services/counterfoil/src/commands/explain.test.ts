import type { Explanation } from "@counterfoil/contracts/audit";
import { expect, test } from "@jest/globals";
import { renderExplanation } from "./explain.ts";

const delivery = {
  ...{ id: "d79d1121-1ed8-500e-b3dc-6b76e535cb3d", position: "5", channel: "feed" },
  ...{ payload_type: "balance-updated", notification_id: null, connection: "c1", frame: 6 },
  ...{ signature: "none", scheme: null, key_id: null, received_at: "2026-09-21T14:13:26Z" },
  ...{ body_sha256: "7".repeat(64), body: "kept", erased: null },
} as const;

const fact = (number: number) => ({
  event_id: `18c34836-34fc-5ded-a0d4-00000000000${number}`,
  position: String(number),
  type: "BalanceReported",
  role: "decides" as const,
  sentence: `run ${number} states a balance of 0.35; ${"it connects with what was there; ".repeat(4)}`,
  delivery_ids: [delivery.id],
});

const explanation = {
  ...{ kind: "balance", id: "zerohash:DEF456:ABC123:general:available:BTC", position: "9" },
  ...{ shown: { balance: "0.35" }, facts: [fact(7), fact(6)], deliveries: [delivery] },
  arithmetic: [],
  next_cursor: null,
} as unknown as Explanation;

test("an explanation fits a screen of a hundred columns, and tells of each delivery once", () => {
  const text = renderExplanation(explanation);
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  expect(text.match(/over the feed/g)).toHaveLength(1);
  expect(text.match(/, as above/g)).toHaveLength(1);
  expect(text).toContain("├─ decides: run 7 states a balance of 0.35;");
  expect(text).toContain("└─ decides: run 6 states a balance of 0.35;");
});
