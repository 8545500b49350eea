import { describe, expect, test } from "@jest/globals";
import { createHardTransfers, HARD_TRANSFER_KINDS, type HardTransfers } from "./hard-transfers.ts";

const SEEDS = Array.from({ length: 60 }, (_, at) => at + 1);

const bodiesOf = ({ plan }: HardTransfers) =>
  plan.map(({ arrivesAtNs, body }) => [arrivesAtNs, body]);

describe("hard transfers", () => {
  test.each(HARD_TRANSFER_KINDS)("%s: equal seeds give equal ones, sorted by arrival", (kind) => {
    for (const seed of SEEDS) {
      const transfers = createHardTransfers(seed, kind);
      expect(bodiesOf(createHardTransfers(seed, kind))).toEqual(bodiesOf(transfers));
      const times = transfers.plan.map(({ arrivesAtNs }) => arrivesAtNs);
      expect(times).toEqual(times.toSorted((a, b) => Number(a - b)));
    }
  });

  test("bank payments end as their last word says, and some are retried more than once", () => {
    const words = {
      settled: "settled",
      returned: "returned",
      failed: "failed",
      rejected: "cancelled",
    };
    let retried = 0;
    for (const seed of SEEDS) {
      const { truth, plan } = createHardTransfers(seed, "bank payments");
      const bodies = plan.map(({ body }) => JSON.parse(body));
      bodies.sort((a, b) => a.timestamp - b.timestamp);
      const byPayment = Map.groupBy(bodies, ({ transaction_id }) => transaction_id);
      const ends = [...byPayment.values()].map((list) => list.at(-1).payment_status);
      expect(ends.sort()).toEqual(truth.map(({ outcome }) => words[outcome]).sort());
      for (const list of byPayment.values()) {
        if (list.filter(({ payment_status }) => payment_status === "retried").length > 1)
          retried += 1;
      }
    }
    expect(retried).toBeGreaterThan(5);
  });

  test("every outcome happens, and transfers of several addresses", () => {
    for (const kind of HARD_TRANSFER_KINDS) {
      const all = SEEDS.map((seed) => createHardTransfers(seed, kind));
      const outcomes = new Set(all.flatMap(({ truth }) => truth.map(({ outcome }) => outcome)));
      expect(outcomes.size).toBeGreaterThan(1);
      if (kind === "bank payments") continue;
      const ids = all.flatMap(({ plan }) => plan.map(({ body }) => JSON.parse(body).data.id));
      const addresses = Map.groupBy(new Set(ids), (id: string) => id.slice(0, 32));
      expect([...addresses.values()].some((legs) => legs.length > 2)).toBe(true);
    }
  });
});
