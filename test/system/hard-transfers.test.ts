import { shuffleDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import { formatAmount } from "@counterfoil/simulator/exact";
import {
  createHardTransfers,
  HARD_TRANSFER_KINDS,
  type HardTransfer,
} from "@counterfoil/simulator/testing/hard-transfers";
import { describe, expect, test } from "@jest/globals";
import { shownRecords } from "./shown.ts";
import { openTestLedger, patience, runs, stateDifferences, type TestLedger } from "./support.ts";

const WORLDS = runs(60);

function stageOf({ direction, outcome }: HardTransfer): string {
  return direction === "in" && outcome === "settled" ? "credited" : outcome;
}

const booksOf = (truth: readonly HardTransfer[], direction: "in" | "out") =>
  truth
    .filter((transfer) => transfer.direction === direction)
    .map((each) => `${each.asset} ${formatAmount(each.amount)} ${stageOf(each)}`)
    .sort();

async function shownOf(ledger: TestLedger, model: "withdrawals" | "deposits") {
  const records = await shownRecords(ledger, model);
  return records.map(({ asset, amount, stage }) => `${asset} ${amount} ${stage}`).sort();
}

describe("where every webhook comes, in any order and twice", () => {
  for (const kind of HARD_TRANSFER_KINDS) {
    test(
      `${kind} end as the books say`,
      async () => {
        for (let seed = 1; seed <= WORLDS; seed += 1) {
          const { truth, plan } = createHardTransfers(seed, kind);
          const inOrder = await openTestLedger({ seed });
          await inOrder.play(plan);
          await inOrder.catchUp();
          expect([seed, await shownOf(inOrder, "withdrawals")]).toEqual([
            seed,
            booksOf(truth, "out"),
          ]);
          expect([seed, await shownOf(inOrder, "deposits")]).toEqual([seed, booksOf(truth, "in")]);
          const shuffled = await openTestLedger({ seed: `${seed} again`, ingests: 2 });
          await shuffled.play(shuffleDeliveries([...plan, ...plan], seed));
          await shuffled.catchUp();
          expect([seed, ...(await stateDifferences(inOrder, shuffled))]).toEqual([seed]);
          await shuffled.close();
          await inOrder.close();
        }
      },
      patience(180),
    );
  }
});
