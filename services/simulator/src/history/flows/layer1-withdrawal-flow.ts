import type { Amount } from "../../decimal.ts";
import type { Layer1Account } from "../layer1-accounts.ts";
import { atLeastOneUnit, type Flow, type FlowStep, stagePauseMs, type World } from "../world.ts";
import {
  fundsStep,
  type Layer1Transfer,
  openLayer1Transfer,
  recordLayer1,
  statusStep,
} from "./layer1-transfer.ts";

const SHARE_HELD = 0.06;
const SHARE_REJECTED = 0.05;
const SHARE_FAILED = 0.05;
const SHARE_STAYS_OPEN = 0.05;

const PICK_ATTEMPTS = 20;

const FAILURE = { reason: "TRANSACTION_FAILED", message: "the transaction was not mined" };

type End = "success" | "rejected" | "failed" | "open";

/** Amount and greatest fee are reserved; what the fee did not need goes back at the end. */
export function* layer1WithdrawalFlow(world: World, startNs: bigint): Flow {
  const account = pickFundedAccount(world);
  if (account === null) return;
  const draw = drawWithdrawal(world, account);
  const transfer = openLayer1Transfer(world, draw, startNs);
  const reserved = draw.amount + (account.asset.feeMax ?? 0n);
  const end = drawEnd(world);
  let nowNs = startNs;
  nowNs = yield createdStep(transfer, reserved, nowNs);
  for (const status of statusesUntil(world, end)) {
    nowNs = yield step(transfer, status, { nowNs, thenMs: stagePauseMs(world) });
  }
  if (end !== "open") {
    const spent = end === "success" ? draw.amount + (draw.fee ?? 0n) : 0n;
    const release = { available: reserved - spent, reserved: -reserved };
    nowNs = yield fundsStep(transfer, release, { nowNs, thenMs: 25 });
    yield step(transfer, LAST_STATUS[end], { nowNs, thenMs: 0 });
  }
  recordLayer1(world, transfer);
}

const LAST_STATUS = { success: "SUCCESS", rejected: "REJECTED", failed: "FAILED" };

function pickFundedAccount({ layer1Accounts, random }: World): Layer1Account | null {
  for (let attempt = 0; attempt < PICK_ATTEMPTS; attempt += 1) {
    const account = random.pick(layer1Accounts);
    if (account.available > minimumOf(account)) return account;
  }
  return layer1Accounts.find((account) => account.available > minimumOf(account)) ?? null;
}

/** Enough for some amount beside the fee. */
function minimumOf({ asset }: Layer1Account): Amount {
  return (asset.feeMax ?? 0n) * 2n;
}

function drawWithdrawal({ random }: World, account: Layer1Account) {
  const { decimals, feeMax } = account.asset;
  const spendable = account.available - (feeMax ?? 0n);
  return {
    kind: "withdrawal" as const,
    account,
    amount: atLeastOneUnit(random.bigintBelow(spendable / 3n), decimals),
    fee: feeMax === null ? null : atLeastOneUnit(random.bigintBelow(feeMax), decimals),
  };
}

function drawEnd({ random }: World): End {
  if (random.chance(SHARE_STAYS_OPEN)) return "open";
  if (random.chance(SHARE_REJECTED)) return "rejected";
  return random.chance(SHARE_FAILED) ? "failed" : "success";
}

function statusesUntil({ random }: World, end: End): readonly string[] {
  const review = random.chance(SHARE_HELD) ? ["HELD"] : [];
  const screening = ["FUNDS_RESERVED", "SCREENING_REQUESTED", ...review];
  if (end === "rejected") return screening;
  const signed = [...screening, "SCREENING_PASSED", "SIGNED"];
  if (end === "failed") return signed;
  const broadcast = [...signed, "DETECTED"];
  return end === "open" ? broadcast : [...broadcast, "UNCONFIRMED", "CONFIRMED"];
}

/** Request and reservation in one step, so that no other flow can spend the same funds in between. */
function createdStep(transfer: Layer1Transfer, reserved: Amount, nowNs: bigint): FlowStep {
  const created = statusStep(transfer, progressOf("CREATED", nowNs), 0);
  const change = { available: -reserved, reserved };
  const funds = fundsStep(transfer, change, { nowNs, thenMs: 40 });
  return { ...funds, messages: [...created.messages, ...funds.messages] };
}

const WITH_HASH = new Set(["DETECTED", "UNCONFIRMED", "CONFIRMED", "SUCCESS"]);

function progressOf(status: string, atNs: bigint) {
  const hasHash = WITH_HASH.has(status);
  const progress = { status, atNs, hasHash, inBlock: hasHash && status !== "DETECTED" };
  return status === "FAILED" ? { ...progress, failure: FAILURE } : progress;
}

function step(
  transfer: Layer1Transfer,
  status: string,
  { nowNs, thenMs }: Readonly<{ nowNs: bigint; thenMs: number }>,
): FlowStep {
  return statusStep(transfer, progressOf(status, nowNs), thenMs);
}
