import { nsOfMs } from "@counterfoil/simulator/exact";
import { createRandom } from "@counterfoil/simulator/random";
import { isWebhook } from "@counterfoil/simulator/testing/deliveries";
import { createHardWorld, type HardDelivery } from "@counterfoil/simulator/testing/hard-world";
import { test } from "@jest/globals";
import { expectRebuilt, openTestLedger, patience, runs } from "./support.ts";

/** How far the clock of the feed's host is from that of the hosts that take webhooks. */
const MINUTES = [-600, -5, -2, 2, 61];
const MINUTE_MS = 60_000;

/** Of the feed, with more reports between two of its connections than are loaded at once. */
const BUSY = { feeds: 1, feedsFromStart: false, runs: 60, pockets: 1 } as const;

const WORLDS = runs(60);

/** What arrives in the same order, with the feed's times by another clock. */
function withFeedClock(plan: readonly HardDelivery[], minutes: number): readonly HardDelivery[] {
  const byNs = nsOfMs(minutes * MINUTE_MS);
  return plan.map((delivery) => {
    if (isWebhook(delivery)) return delivery;
    const arrived = { ...delivery, arrivesAtNs: delivery.arrivesAtNs + byNs };
    return "atNs" in arrived ? { ...arrived, atNs: arrived.atNs + byNs } : arrived;
  });
}

test(
  "whatever the clock of the feed's host says, a model that is folded live is what a rebuild makes",
  async () => {
    for (let seed = 1; seed <= WORLDS; seed += 1) {
      const { plan } = createHardWorld(`clock ${seed}`, seed % 2 === 0 ? BUSY : { feeds: 1 });
      const ledger = await openTestLedger({ seed });
      await ledger.play(withFeedClock(plan, createRandom(seed, "minutes").pick(MINUTES)));
      await ledger.catchUp();
      await expectRebuilt(ledger);
      await ledger.close();
    }
  },
  patience(120),
);
