import { type Amount, formatAmount, unitOf } from "../../decimal.ts";
import { USD } from "../assets.ts";
import type { Entry, Pocket } from "../books.ts";
import type { WithdrawalTruth } from "../history.ts";
import { collateralOf } from "../wallets.ts";
import {
  type Beat,
  drawSpend,
  type Flow,
  hasFunds,
  holderOf,
  pickPocket,
  runBeat,
  stagePauseMs,
  type World,
} from "../world.ts";
import { firstPaymentMessages, paymentBeat } from "./payment-beats.ts";

const SHARE_WITH_REQUEST_ID = 0.7;
/** Of those with a request id. */
const SHARE_WITH_PAYMENT = 0.3;
const SHARE_RETURNED = 0.08;
const SHARE_LEFT_PENDING = 0.06;

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

/** Two runs: the amount is held, and later leaves the ledger; or is given back, or stays held. */
export function* withdrawalFlow(world: World, startNs: bigint): Flow {
  const withdrawal = drawWithdrawal(world);
  if (withdrawal === null) return;
  const { pocket, amount, outcome, paymentId } = withdrawal;
  pocket.openAmounts.add(amount);
  let nowNs = yield pendingBeat(world, withdrawal, startNs);
  if (paymentId !== null) {
    nowNs = yield paymentBeat(withdrawal, {
      status: "pending",
      nowNs,
      thenMs: stagePauseMs(world),
    });
    nowNs = yield paymentBeat(withdrawal, { status: "posted", nowNs, thenMs: stagePauseMs(world) });
  }
  if (outcome !== "pending") {
    nowNs = yield confirmBeat(world, withdrawal, nowNs);
    pocket.openAmounts.delete(amount);
    if (paymentId !== null) {
      const status = outcome === "settled" ? "settled" : "failed";
      yield paymentBeat(withdrawal, { status, nowNs, thenMs: 0 });
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

/** One unit less for each open withdrawal of the same amount; null if nothing is left. */
function distinctAmount({ asset, openAmounts }: Pocket, drawn: Amount): Amount | null {
  let amount = drawn;
  while (openAmounts.has(amount)) amount -= unitOf(asset.decimals);
  return amount > 0n ? amount : null;
}

function drawOutcome({ random }: World): WithdrawalTruth["outcome"] {
  if (random.chance(SHARE_LEFT_PENDING)) return "pending";
  return random.chance(SHARE_RETURNED) ? "returned" : "settled";
}

/** Available and collateral side have one movement id. */
function pendingBeat(world: World, withdrawal: Withdrawal, atNs: bigint): Beat {
  const { pocket, amount, paymentId } = withdrawal;
  const movement = {
    movementId: withdrawal.pendingMovementId,
    movementType: "withdrawal_pending",
    references: referencesOf(withdrawal),
  };
  const entries: Entry[] = [
    { ...movement, book: pocket.available, change: -amount },
    { ...movement, book: collateralOf(pocket, world.random), change: amount },
  ];
  const before = paymentId === null ? [] : firstPaymentMessages(withdrawal, atNs);
  const thenMs = stagePauseMs(world);
  return runBeat(world, { runType: "withdrawal", atNs, entries }, { thenMs, before });
}

/** The final debit has an id of its own, in the run and the message of the release. */
function confirmBeat(world: World, withdrawal: Withdrawal, atNs: bigint): Beat {
  const { pocket, amount, outcome } = withdrawal;
  const references = referencesOf(withdrawal);
  const release = {
    movementId: withdrawal.confirmMovementId,
    movementType: "withdrawal_confirmed",
    references,
  };
  const entries: Entry[] = [
    { ...release, book: collateralOf(pocket, world.random), change: -amount },
    { ...release, book: pocket.available, change: amount },
  ];
  if (outcome === "settled") {
    entries.push({
      book: pocket.available,
      movementId: withdrawal.debitMovementId,
      movementType: "withdrawal",
      change: -amount,
      references,
      afterMs: 4.5,
    });
  }
  return runBeat(world, { runType: "withdrawal", atNs, entries }, { thenMs: 300 });
}

function referencesOf({ requestId }: Withdrawal) {
  return requestId === null ? {} : { withdrawalRequestId: requestId };
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
