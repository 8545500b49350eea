import { type PlannedWebhook, plannedWebhook } from "../delivery/planned-delivery.ts";
import { type Amount, epochMs, formatAmount, nsOfMs, parseAmount } from "../exact.ts";
import {
  type Layer1Progress,
  type Layer1TransferFacts,
  type Leg,
  layer1StatusMessage,
} from "../history/flows/layer1-flows.ts";
import type { HistoryMessage } from "../history/history.ts";
import type { Layer1Address } from "../history/world.ts";
import { webhookMessage } from "../history/zero-hash-messages.ts";
import { createRandom, type Random } from "../random.ts";

/** Bank payments that are returned and retried; Layer1 transfers over several addresses. */
export const HARD_TRANSFER_KINDS = [
  "bank payments",
  "withdrawals of parts",
  "deposits of parts",
] as const;
type HardTransferKind = (typeof HARD_TRANSFER_KINDS)[number];

type HardOutcome = "settled" | "returned" | "failed" | "rejected";

/** The true course of a transfer. */
export type HardTransfer = Readonly<{
  direction: "in" | "out";
  asset: string;
  amount: Amount;
  outcome: HardOutcome;
}>;

/** Transfers without movements on accounts, and their webhooks, sorted by arrival. */
export type HardTransfers = Readonly<{
  truth: readonly HardTransfer[];
  plan: readonly PlannedWebhook[];
}>;

type Sent = Readonly<{ atNs: bigint; message: HistoryMessage }>;
type Drawn = Readonly<{ truth: readonly HardTransfer[]; sent: readonly Sent[] }>;

const START_NS = 1_746_112_000_000_000_000n;
/** Some amounts are equal, as in a payroll. */
const AMOUNTS = ["100", "100", "250.5"].map(parseAmount);

export function createHardTransfers(seed: number | string, kind: HardTransferKind): HardTransfers {
  const random = createRandom(seed, kind);
  const drawn = Array.from({ length: random.between(1, 6) }, () => drawTransfer(kind, random));
  const plan = drawn.flatMap(({ sent }) => sent.map((each) => arrivalOf(each, random)));
  return {
    truth: drawn.flatMap(({ truth }) => truth),
    plan: plan.sort((a, b) => Number(a.arrivesAtNs - b.arrivesAtNs)),
  };
}

function drawTransfer(kind: HardTransferKind, random: Random): Drawn {
  if (kind === "bank payments") return drawBankPayment(random);
  return kind === "withdrawals of parts" ? drawWithdrawal(random) : drawDeposit(random);
}

function arrivalOf({ atNs, message }: Sent, random: Random): PlannedWebhook {
  const arrivesAtNs = atNs + nsOfMs(random.between(5, 400));
  const notificationId = message.provider === "zerohash" ? random.uuid() : null;
  return plannedWebhook({ arrivesAtNs, sentAtNs: atNs, notificationId, message });
}

/** Rising times, milliseconds to days apart. */
function createClock(random: Random): () => bigint {
  let nowNs = START_NS + nsOfMs(random.between(0, 60_000));
  return () => {
    nowNs += nsOfMs(random.between(1, random.pick([20, 5_000, 86_400_000])));
    return nowNs;
  };
}

type Attempt = Readonly<{ statuses: readonly string[]; outcome: HardOutcome }>;

/** After a failure, a return or a cancellation a payment may be retried. */
function drawBankPayment(random: Random): Drawn {
  const type = random.pick(["credit", "debit"] as const);
  const amount = random.pick(AMOUNTS);
  const payment = { transactionId: random.uuid(), type, amount: formatAmount(amount, 2) };
  const statuses = ["submitted", "pending"];
  let attempt = drawAttempt(random);
  statuses.push(...attempt.statuses);
  while (attempt.outcome !== "settled" && random.chance(0.6)) {
    attempt = drawAttempt(random);
    statuses.push("retried", ...attempt.statuses);
  }
  const next = createClock(random);
  const sent = statuses.map((status): Sent => {
    const atNs = next();
    return { atNs, message: bankMessage(payment, status, atNs) };
  });
  const direction = type === "debit" ? "in" : "out";
  return { sent, truth: [{ direction, asset: "USD", amount, outcome: attempt.outcome }] };
}

function drawAttempt(random: Random): Attempt {
  return random.pick<Attempt>([
    { statuses: ["posted", "settled"], outcome: "settled" },
    { statuses: ["settled"], outcome: "settled" },
    { statuses: ["posted", "settled", "returned"], outcome: "returned" },
    { statuses: ["posted", "failed"], outcome: "failed" },
    { statuses: ["cancelled"], outcome: "rejected" },
  ]);
}

function bankMessage(
  payment: Readonly<{ transactionId: string; type: string; amount: string }>,
  status: string,
  atNs: bigint,
): HistoryMessage {
  return webhookMessage("payment_status_changed", () => ({
    transaction_id: payment.transactionId,
    participant_code: "CUST01",
    external_account_id: "f3c1c6f2-9d5c-4d64-9b6d-6a7c6fb5f2ea",
    type: payment.type,
    payment_status: status,
    asset: "USD",
    amount: payment.amount,
    timestamp: epochMs(atNs),
  }));
}

const WITHDRAWAL_STATUSES = ["CREATED", "FUNDS_RESERVED", "SIGNED", "DETECTED", "CONFIRMED"];
const DEPOSIT_STATUSES = ["DETECTED", "UNCONFIRMED", "CONFIRMED"];
const LAST_STATUSES = { settled: "SUCCESS", failed: "FAILED", rejected: "REJECTED" } as const;

/** One withdrawal out of several addresses; its fee may fail without it. */
function drawWithdrawal(random: Random): Drawn {
  const outcome = random.pick(["settled", "settled", "failed", "rejected"] as const);
  const parts = drawParts(random, "withdrawal");
  const feeOutcome = outcome === "settled" && random.chance(0.3) ? "failed" : outcome;
  const next = createClock(random);
  const sent: Sent[] = [];
  for (const status of [...WITHDRAWAL_STATUSES, null]) {
    const addLeg = (part: Layer1TransferFacts, leg: Leg, end: keyof typeof LAST_STATUSES) => {
      const atNs = next();
      const progress = progressOf(status ?? LAST_STATUSES[end], atNs);
      sent.push({ atNs, message: layer1StatusMessage(part, leg, progress) });
    };
    const [first] = parts;
    if (first !== undefined) addLeg(first, "66", feeOutcome);
    for (const part of parts) addLeg(part, "69", outcome);
  }
  const amount = parts.reduce((sum, part) => sum + part.amount, 0n);
  return { sent, truth: [{ direction: "out", asset: "ETH", amount, outcome }] };
}

/** One transaction that pays several addresses: each is a deposit with its own outcome. */
function drawDeposit(random: Random): Drawn {
  const next = createClock(random);
  const drawn = drawParts(random, "deposit").map((part): Drawn => {
    const outcome = random.pick(["settled", "settled", "rejected"] as const);
    const sent = [...DEPOSIT_STATUSES, LAST_STATUSES[outcome]].map((status): Sent => {
      const atNs = next();
      return { atNs, message: layer1StatusMessage(part, "6f", progressOf(status, atNs)) };
    });
    return { sent, truth: [{ direction: "in", asset: "ETH", amount: part.amount, outcome }] };
  });
  return {
    sent: drawn.flatMap(({ sent }) => sent),
    truth: drawn.flatMap(({ truth }) => truth),
  };
}

function drawParts(random: Random, kind: "deposit" | "withdrawal"): readonly Layer1TransferFacts[] {
  const shared = {
    kind,
    event: `layer1:crypto:${kind}:status-change`,
    transferId: random.hex(32),
    asset: "ETH",
    fee: kind === "withdrawal" ? parseAmount("0.0021") : null,
    hash: `0x${random.hex(64)}`,
    otherAddress: `0x${random.hex(40)}`,
    reference: null,
    createdAtNs: START_NS,
  };
  return Array.from({ length: random.between(1, 3) }, () => ({
    ...shared,
    address: drawAddress(random),
    amount: random.pick(AMOUNTS),
  }));
}

function drawAddress(random: Random): Layer1Address {
  return {
    id: random.uuid(),
    address: `0x${random.hex(40)}`,
    network: "ETHEREUM",
    keyPairId: random.uuid(),
    assetPoolId: random.uuid(),
    reference: "Address",
    customerId: null,
  };
}

const WITHOUT_HASH = new Set(["CREATED", "FUNDS_RESERVED", "SIGNED"]);

function progressOf(status: string, atNs: bigint): Layer1Progress {
  const hasHash = !WITHOUT_HASH.has(status);
  return { status, atNs, hasHash, inBlock: hasHash && status !== "DETECTED" };
}
