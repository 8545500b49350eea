import { type Amount, formatAmount, unitOf } from "../../decimal.ts";
import { NS_PER_MS } from "../../time.ts";
import type { HistoryMessage, WithdrawalTruth } from "../history.ts";
import { paymentMessage } from "../messages/lifecycle-messages.ts";
import { moveEntries, withdrawalReferences } from "../runs.ts";
import { collateralOf, type Pocket, USD } from "../wallets.ts";
import {
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

const SHARE_WITH_REQUEST_ID = 0.7;
/** Of those with a request id. */
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

/** Two runs: the amount goes on hold, and later leaves the ledger; or goes back, or stays on hold. */
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

/** Available and collateral side have one movement id. */
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

/** The final debit has an id of its own, in the run and the message of the release. */
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

/** What came before the request: sent together with it, with earlier times. */
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
