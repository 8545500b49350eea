import { type Amount, formatAmount, multiplyAmounts } from "../../decimal.ts";
import { depositStatusMessage, fundMessage } from "../messages/lifecycle-messages.ts";
import { isCovered, moveEntries, type Settlement, settlementEntries } from "../runs.ts";
import { type Pocket, pocketOf, USD } from "../wallets.ts";
import {
  atLeastOneUnit,
  type Flow,
  type FlowStep,
  holderOf,
  pickPocket,
  runStep,
  stagePauseMs,
  type World,
} from "../world.ts";

const SHARE_WITH_STATUS = 0.6;
const SHARE_QUARANTINED = 0.03;
const SHARE_REVIEWED = 0.15;
const SHARE_WITH_APPROVAL = 0.05;
const SHARE_FUNDED = 0.2;
const SHARE_SHARED_HASH = 0.04;

type Deposit = Readonly<{
  pocket: Pocket;
  amount: Amount;
  /** A transaction's hash; of a transfer in dollars, a UUID. */
  reference: string;
  /** null where the flow sends no `deposit.status_changed`. */
  depositId: string | null;
  sourceAddress: string;
  receivedAddress: string;
}>;

/** Seen on chain, reviewed, credited; sometimes converted to dollars for the platform. */
export function* depositFlow(world: World, startNs: bigint): Flow {
  const deposit = drawDeposit(world);
  if (deposit === null) return;
  const states: string[] = [];
  let nowNs = startNs;
  const step = (state: string, thenMs: number): FlowStep => {
    states.push(state);
    return { messages: [statusMessage(world, deposit, { state, nowNs })], thenMs };
  };
  if (deposit.depositId !== null) {
    for (const state of statesBeforeCredit(world)) nowNs = yield step(state, stagePauseMs(world));
    if (states.at(-1) === "quarantined") {
      return recordDeposit(world, deposit, { states, movementId: null, fundId: null });
    }
  }
  const movementId = world.random.uuid();
  nowNs = yield creditStep(world, deposit, { movementId, nowNs });
  if (deposit.depositId !== null) nowNs = yield step("completed", world.random.between(2, 900));
  const isFunded = deposit.pocket.asset !== USD && world.random.chance(SHARE_FUNDED);
  const fundId = isFunded ? world.random.uuid() : null;
  if (fundId !== null) yield* fundSteps(world, { ...deposit, fundId }, nowNs);
  recordDeposit(world, deposit, { states, movementId, fundId });
}

function drawDeposit(world: World): Deposit | null {
  const { random } = world;
  const pocket = pickPocket(world, () => true);
  if (pocket === null) return null;
  const isCrypto = pocket.asset !== USD;
  const amount = random.bigintBelow(pocket.asset.typical);
  return {
    pocket,
    amount: atLeastOneUnit(amount, random.chance(0.2) ? 2 : pocket.asset.decimals),
    reference: isCrypto ? drawHash(world) : random.uuid(),
    depositId: isCrypto && random.chance(SHARE_WITH_STATUS) ? random.uuid() : null,
    sourceAddress: `0x${random.hex(40)}`,
    receivedAddress: `0x${random.hex(40)}`,
  };
}

function drawHash(world: World): string {
  const { random, lastDepositHash } = world;
  const isShared = lastDepositHash !== "" && random.chance(SHARE_SHARED_HASH);
  world.lastDepositHash = isShared ? lastDepositHash : random.hex(64);
  return world.lastDepositHash;
}

function statesBeforeCredit({ random }: World): readonly string[] {
  const seen = ["initial", "confirmed"];
  if (random.chance(SHARE_QUARANTINED)) {
    return [...seen, "pending_compliance_review", "quarantined"];
  }
  const review = random.chance(SHARE_REVIEWED) ? ["pending_compliance_review"] : [];
  const approval = random.chance(SHARE_WITH_APPROVAL) ? ["pending_approval"] : [];
  return [...seen, ...review, ...approval, "pending_settlement"];
}

type Now = Readonly<{ state: string; nowNs: bigint }>;

function statusMessage({ random }: World, deposit: Deposit, { state, nowNs }: Now) {
  const { reference } = deposit;
  const transactionHash = random.pick([reference, `0x${reference}`, reference.toUpperCase()]);
  const depositId = deposit.depositId ?? "";
  return depositStatusMessage({ ...deposit, depositId, transactionHash }, state, nowNs);
}

function creditStep(
  world: World,
  { pocket, amount, reference }: Deposit,
  { movementId, nowNs }: Readonly<{ movementId: string; nowNs: bigint }>,
): FlowStep {
  const entry = {
    account: pocket.available,
    movementId,
    movementType: "deposit",
    change: amount,
    references: { depositReferenceId: reference },
  };
  const thenMs = world.random.between(2, 900);
  return runStep(world, { runType: "deposit", atNs: nowNs, entries: [entry] }, { thenMs });
}

function recordDeposit(
  world: World,
  deposit: Deposit,
  end: Readonly<{ states: readonly string[]; movementId: string | null; fundId: string | null }>,
): void {
  world.recorder.deposit({
    ...holderOf(deposit.pocket),
    amount: formatAmount(deposit.amount),
    depositId: deposit.depositId,
    reference: deposit.reference,
    ...end,
    outcome: end.movementId === null ? "quarantined" : "credited",
  });
}

type FundedDeposit = Deposit & Readonly<{ fundId: string }>;

/** The crypto is sold for dollars, and these go to the platform; or neither. A message says which. */
function* fundSteps(world: World, funded: FundedDeposit, startNs: bigint): Flow {
  const { random } = world;
  const { pocket, amount, fundId, reference, receivedAddress } = funded;
  const settlement = saleOf(world, pocket, amount);
  const { notional } = settlement;
  const isConverted = notional > 0n && isCovered(settlement, random);
  let nowNs = startNs;
  if (isConverted) {
    const sale = settlementEntries(settlement, "final_settlement", random);
    const run = { runType: "settlement", atNs: nowNs, entries: sale };
    nowNs = yield runStep(world, run, { thenMs: 0.5 });
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
  const from = pocketOf(wallet, USD, random).available;
  const to = pocketOf(wallets.platform, USD, random).available;
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
