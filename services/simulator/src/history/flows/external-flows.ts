import { type Amount, formatAmount, multiplyAmounts, NS_PER_MS, unitOf } from "../../exact.ts";
import type { HistoryMessage, WithdrawalTruth } from "../history.ts";
import {
  atLeastOneUnit,
  drawSpend,
  type Flow,
  type FlowStep,
  hasFunds,
  holderOf,
  pickPocket,
  runStep,
  stagePauseMs,
  type World,
} from "../world.ts";
import {
  collateralOf,
  isCovered,
  moveEntries,
  type Pocket,
  pocketOf,
  type Settlement,
  settlementEntries,
  USD,
  withdrawalReferences,
} from "../zero-hash-ledger.ts";
import { depositStatusMessage, fundMessage, paymentMessage } from "../zero-hash-messages.ts";

const SHARE_WITH_STATUS = 0.6;
const SHARE_QUARANTINED = 0.03;
const SHARE_REVIEWED = 0.15;
const SHARE_WITH_APPROVAL = 0.05;
const SHARE_FUNDED = 0.2;
const SHARE_SHARED_HASH = 0.04;

type Deposit = Readonly<{
  pocket: Pocket;
  amount: Amount;
  /** A transaction's hash; a UUID for a transfer in dollars. */
  reference: string;
  /** null if the flow sends no `deposit.status_changed`. */
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

/** The crypto is sold for dollars, which go to the platform, or nothing is sold. A message reports the outcome. */
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
    // Other flows may have spent the dollars in between; then nothing goes to the platform.
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

const SHARE_WITH_REQUEST_ID = 0.7;
/** The share of withdrawals with a request id. */
const SHARE_WITH_PAYMENT = 0.3;
const SHARE_RETURNED = 0.08;
const SHARE_STAYS_PENDING = 0.06;

type Withdrawal = Readonly<{
  pocket: Pocket;
  amount: Amount;
  requestId: string | null;
  paymentId: string | null;
  pendingMovementId: string;
  confirmMovementId: string;
  debitMovementId: string;
  outcome: WithdrawalTruth["outcome"];
  hash: string;
  destinationAddress: string;
}>;

/** Two runs: the amount is put on hold, and later leaves the ledger, is returned, or stays on hold. */
export function* withdrawalFlow(world: World, startNs: bigint): Flow {
  const withdrawal = drawWithdrawal(world);
  if (withdrawal === null) return;
  const { pocket, amount, outcome, paymentId } = withdrawal;
  pocket.openAmounts.add(amount);
  let nowNs = yield pendingStep(world, withdrawal, startNs);
  if (paymentId !== null) {
    for (const status of ["pending", "posted"]) {
      nowNs = yield paymentStep(withdrawal, { status, nowNs, thenMs: stagePauseMs(world) });
    }
  }
  if (outcome !== "pending") {
    nowNs = yield confirmStep(world, withdrawal, nowNs);
    pocket.openAmounts.delete(amount);
    if (paymentId !== null) {
      const status = outcome === "settled" ? "settled" : "failed";
      yield paymentStep(withdrawal, { status, nowNs, thenMs: 0 });
    }
  }
  recordWithdrawal(world, withdrawal);
}

function drawWithdrawal(world: World): Withdrawal | null {
  const { random } = world;
  const pocket = pickPocket(world, hasFunds);
  if (pocket === null) return null;
  const requestId = random.chance(SHARE_WITH_REQUEST_ID) ? random.uuid() : null;
  const amount = distinctAmount(pocket, drawSpend(pocket, random));
  if (amount === null) return null;
  const hasPayment =
    requestId !== null && pocket.asset !== USD && random.chance(SHARE_WITH_PAYMENT);
  const paymentId = hasPayment ? random.uuid() : null;
  return {
    pocket,
    amount,
    requestId,
    paymentId,
    pendingMovementId: random.uuid(),
    confirmMovementId: random.uuid(),
    debitMovementId: random.uuid(),
    outcome: drawOutcome(world),
    hash: `0x${random.hex(64)}`,
    destinationAddress: `0x${random.hex(40)}`,
  };
}

/** One unit less for each open withdrawal of the same amount; null if nothing remains. */
function distinctAmount({ asset, openAmounts }: Pocket, drawn: Amount): Amount | null {
  let amount = drawn;
  while (openAmounts.has(amount)) amount -= unitOf(asset.decimals);
  return amount > 0n ? amount : null;
}

function drawOutcome({ random }: World): WithdrawalTruth["outcome"] {
  if (random.chance(SHARE_STAYS_PENDING)) return "pending";
  return random.chance(SHARE_RETURNED) ? "returned" : "settled";
}

/** The available and the collateral side share one movement id. */
function pendingStep(world: World, withdrawal: Withdrawal, atNs: bigint): FlowStep {
  const { pocket, amount, paymentId } = withdrawal;
  const movement = {
    movementId: withdrawal.pendingMovementId,
    movementType: "withdrawal_pending",
    references: withdrawalReferences(withdrawal.requestId),
  };
  const collateral = collateralOf(pocket, world.random);
  const entries = moveEntries({ from: pocket.available, to: collateral, amount }, movement);
  const before = paymentId === null ? [] : firstPaymentMessages(withdrawal, atNs);
  const thenMs = stagePauseMs(world);
  return runStep(world, { runType: "withdrawal", atNs, entries }, { thenMs, before });
}

/** The final debit has a separate movement id, in the run and the message of the release. */
function confirmStep(world: World, withdrawal: Withdrawal, atNs: bigint): FlowStep {
  const { pocket, amount, outcome } = withdrawal;
  const references = withdrawalReferences(withdrawal.requestId);
  const release = {
    movementId: withdrawal.confirmMovementId,
    movementType: "withdrawal_confirmed",
    references,
  };
  const collateral = collateralOf(pocket, world.random);
  const entries = moveEntries({ from: collateral, to: pocket.available, amount }, release);
  if (outcome === "settled") {
    entries.push({
      account: pocket.available,
      movementId: withdrawal.debitMovementId,
      movementType: "withdrawal",
      change: -amount,
      references,
      afterMs: 4.5,
    });
  }
  return runStep(world, { runType: "withdrawal", atNs, entries }, { thenMs: 300 });
}

function recordWithdrawal(world: World, withdrawal: Withdrawal): void {
  const { pocket, amount, outcome } = withdrawal;
  world.recorder.withdrawal({
    ...holderOf(pocket),
    amount: formatAmount(amount),
    requestId: withdrawal.requestId,
    paymentId: withdrawal.paymentId,
    pendingMovementId: withdrawal.pendingMovementId,
    confirmMovementId: outcome === "pending" ? null : withdrawal.confirmMovementId,
    debitMovementId: outcome === "settled" ? withdrawal.debitMovementId : null,
    outcome,
  });
}

type PaymentStage = Readonly<{ status: string; nowNs: bigint; thenMs: number }>;

function paymentStep(withdrawal: Withdrawal, { status, nowNs, thenMs }: PaymentStage): FlowStep {
  return { messages: [paymentMessageOf(withdrawal, status, nowNs)], thenMs };
}

/** Statuses from before the request: sent together with it, with earlier times. */
function firstPaymentMessages(withdrawal: Withdrawal, atNs: bigint): HistoryMessage[] {
  return [
    paymentMessageOf(withdrawal, "initialized", atNs - 900n * NS_PER_MS),
    paymentMessageOf(withdrawal, "submitted", atNs - 250n * NS_PER_MS),
  ];
}

function paymentMessageOf(withdrawal: Withdrawal, status: string, atNs: bigint): HistoryMessage {
  const { pocket, amount, destinationAddress, paymentId, requestId, hash } = withdrawal;
  const isRequested = status !== "initialized" && status !== "submitted";
  return paymentMessage(
    { paymentId: paymentId ?? "", pocket, quantity: amount, destinationAddress },
    {
      status,
      withdrawalRequestId: isRequested ? (requestId ?? "") : "",
      transactionHash: status === "settled" ? hash : "",
    },
    atNs,
  );
}
