import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import type { PlannedDelivery } from "@counterfoil/simulator/delivery/planned-delivery";
import { shuffleBetweenOpenings } from "@counterfoil/simulator/testing/deliveries";
import { expect } from "@jest/globals";
import { ORDINARY, planOf, type Scenario } from "../system/arbitraries.ts";
import { balanceBody, playScenario, take } from "../system/messages.ts";
import { hashing, type LedgerOptions, openTestLedger, type TestLedger } from "../system/support.ts";
import { faulty, mended, secondsAsMilliseconds } from "../system/translation-bugs.ts";

const HISTORY: Scenario = {
  ...ORDINARY,
  seed: 2025,
  participants: 3,
  flows: 4,
  webhookRepeatRate: 0.3,
};

/** After everything that the history and the documented pages tell. */
const TODAY = 1_790_000_000_000_000_000n;
const AT_MS = Number(TODAY / 1_000_000n) - 3_600_000;

/** What must stand on the stream afterwards, or the flow has not tested what it is for. */
export const AMENDMENTS = [
  "FactSeen",
  "FactContradicted",
  "FactCorrected",
  "FactWithdrawn",
  "DeliveryQuarantined",
];

/** How times are misread, until it is noticed: facts are corrected, and Layer1's withdrawn. */
const spoil = secondsAsMilliseconds;

/** The account that has lost a delivery. */
export const GAP_ACCOUNT_ID = "zerohash:GAP001:ABC123:general:available:BTC";

export type FlowOptions = Pick<LedgerOptions, "engine" | "ingests" | "together"> &
  Readonly<{ order: number }>;

/**
 * A seeded history on both channels with repeats and losses, in one of its possible orders, read
 * with a fault up to its middle and corrected there; then a gap, a contradiction, what nobody can
 * read, and the documented flows.
 */
export async function playFlow({ order, ...options }: FlowOptions): Promise<TestLedger> {
  // In every order the same deliveries are misread: what they said bounds later times of their socket.
  const { plan } = planOf(HISTORY);
  const half = Math.floor(plan.length / 2);
  const misread = shuffleBetweenOpenings(plan.slice(0, half), order);
  const rest = shuffleBetweenOpenings(plan.slice(half), order);
  const translations = faulty(spoil);
  const ledger = await openTestLedger({ seed: order, translations, ...options });
  await ledger.play(misread);
  await ledger.translateWith(mended(spoil));
  await retranslate({ ...ledger, translations: mended(spoil), hashing });
  await ledger.play([...rest, ...repeats([...misread, ...rest])]);
  ledger.clock.set(TODAY);
  await playOddities(ledger);
  await playScenario(ledger, "balances-feed-use-cases");
  await playScenario(ledger, "layer1-deposit");
  await ledger.catchUp();
  return ledger;
}

/** Some webhooks come again much later: none of them changes anything. */
const repeats = (plan: readonly PlannedDelivery[]) =>
  plan.filter(({ kind }) => kind === "webhook").slice(0, REPEATS);
const REPEATS = 20;

async function playOddities(ledger: TestLedger): Promise<void> {
  const account = { participant_code: "GAP001", account_id: "gap" };
  const run = (number: number, balance: string) =>
    take(ledger, {
      body: balanceBody({
        run: 1000 + number,
        change: "1",
        balance,
        at: AT_MS + number * 10_000,
        account,
      }),
    });
  await run(1, "1");
  // The second is lost.
  await run(3, "3");
  const contradicting = await run(3, "4");
  expect(contradicting.outcome).toBe("recorded");
  const unreadable = await take(ledger, { body: "{}", payloadType: "payment_status_changed" });
  expect(unreadable.outcome).toBe("quarantined");
}
