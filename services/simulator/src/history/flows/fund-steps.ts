import { type Amount, multiplyAmounts } from "../../decimal.ts";
import type { Pocket } from "../accounts.ts";
import { USD } from "../assets.ts";
import { fundMessage } from "../messages/deposit-message.ts";
import { isCovered, moveEntries, type Settlement, settlementEntries } from "../settlement.ts";
import { pocketOf } from "../wallets.ts";
import { type Flow, runStep, type World } from "../world.ts";

type FundedDeposit = Readonly<{
  pocket: Pocket;
  amount: Amount;
  fundId: string;
  reference: string;
  receivedAddress: string;
}>;

/** The crypto is sold for dollars, and these go to the platform; or neither, and the fund message reports it. */
export function* fundSteps(world: World, funded: FundedDeposit, startNs: bigint): Flow {
  const { random } = world;
  const { pocket, amount, fundId, reference, receivedAddress } = funded;
  const settlement = saleOf(world, pocket, amount);
  const { notional } = settlement;
  const isConverted = notional > 0n && isCovered(settlement, random);
  let nowNs = startNs;
  if (isConverted) {
    const sale = settlementEntries(settlement, "final_settlement", random);
    nowNs = yield runStep(
      world,
      { runType: "settlement", atNs: nowNs, entries: sale },
      { thenMs: 0.5 },
    );
    // Others may have spent the dollars in between; then they stay with the customer.
    if (pocketOf(pocket.wallet, USD, random).available.balance >= notional) {
      const entries = proceedsEntries(world, pocket, notional);
      nowNs = yield runStep(world, { runType: "transfer", atNs: nowNs, entries }, { thenMs: 400 });
    }
  }
  const facts = { fundId, pocket, quantity: amount, transactionHash: reference };
  const outcome = { notional: isConverted ? notional : null, depositAddress: receivedAddress };
  yield { messages: [fundMessage({ ...facts, ...outcome }, nowNs)], thenMs: 0 };
}

function saleOf({ random, wallets }: World, pocket: Pocket, quantity: Amount): Settlement {
  return {
    tradeId: random.uuid(),
    platformCode: wallets.platform.participantCode,
    buyer: wallets.liquidity,
    seller: pocket.wallet,
    base: pocket.asset,
    quantity,
    notional: multiplyAmounts(quantity, pocket.asset.price, USD.decimals),
  };
}

function proceedsEntries({ random, wallets }: World, { wallet }: Pocket, amount: Amount) {
  const from = pocketOf(wallet, USD, random);
  const to = pocketOf(wallets.platform, USD, random);
  const transferRequestId = String(random.between(300_000, 999_999));
  return moveEntries(
    { from, to, amount },
    {
      movementId: random.uuid(),
      movementType: "transfer",
      references: { transferRequestId, transferType: "fund" },
    },
  );
}
