import { type Amount, epochMs, formatAmount, isoTime } from "../../exact.ts";
import type { HistoryMessage, Layer1Funds, Layer1Report } from "../history.ts";
import {
  atLeastOneUnit,
  changeLayer1Account,
  type Flow,
  type FlowStep,
  type Layer1Account,
  type Layer1Address,
  type Layer1Change,
  stagePauseMs,
  type World,
} from "../world.ts";

const SHARE_HELD = 0.06;
const SHARE_FAILED_DEPOSITS = 0.04;

/** In the order of the provider's page, where the balance is available before SUCCESS is sent. */
export function* layer1DepositFlow(world: World, startNs: bigint): Flow {
  const { random } = world;
  const account = random.pick(world.layer1Accounts);
  const drawn = { kind: "deposit", account, below: account.asset.typical } as const;
  const transfer = openTransfer(world, drawn, startNs);
  const { amount } = transfer.facts;
  const isFailed = random.chance(SHARE_FAILED_DEPOSITS);
  let nowNs = startNs;
  const step = (status: string, thenMs: number) => statusStep(transfer, status, { nowNs, thenMs });
  nowNs = yield step("DETECTED", stagePauseMs(world));
  if (isFailed) {
    yield step("FAILED", 0);
    return recordTransfer(world, transfer);
  }
  nowNs = yield step("UNCONFIRMED", stagePauseMs(world));
  nowNs = yield step("CONFIRMED", 48);
  const arrival = { available: 0n, reserved: amount };
  nowNs = yield fundsStep(transfer, arrival, { nowNs, thenMs: 170 });
  nowNs = yield step("SCREENING_REQUESTED", stagePauseMs(world));
  if (random.chance(SHARE_HELD)) nowNs = yield step("HELD", stagePauseMs(world));
  const release = { available: amount, reserved: -amount };
  nowNs = yield fundsStep(transfer, release, { nowNs, thenMs: 25 });
  yield step("SUCCESS", 0);
  recordTransfer(world, transfer);
}

/** Amount and maximum fee are reserved; the unused part of the fee is released at the end. */
export function* layer1WithdrawalFlow(world: World, startNs: bigint): Flow {
  const account = pickFundedAccount(world);
  if (account === null) return;
  const feeMax = account.asset.feeMax ?? 0n;
  const below = (account.available - feeMax) / 3n;
  const transfer = openTransfer(world, { kind: "withdrawal", account, below }, startNs);
  const { amount, fee } = transfer.facts;
  const reserved = amount + feeMax;
  const end = drawEnd(world);
  let nowNs = startNs;
  nowNs = yield createdStep(transfer, reserved, nowNs);
  for (const status of statusesUntil(world, end)) {
    nowNs = yield statusStep(transfer, status, { nowNs, thenMs: stagePauseMs(world) });
  }
  if (end !== "open") {
    const spent = end === "success" ? amount + (fee ?? 0n) : 0n;
    const release = { available: reserved - spent, reserved: -reserved };
    nowNs = yield fundsStep(transfer, release, { nowNs, thenMs: 25 });
    yield statusStep(transfer, LAST_STATUS[end], { nowNs, thenMs: 0 });
  }
  recordTransfer(world, transfer);
}

const PICK_ATTEMPTS = 20;

function pickFundedAccount({ layer1Accounts, random }: World): Layer1Account | null {
  for (let attempt = 0; attempt < PICK_ATTEMPTS; attempt += 1) {
    const account = random.pick(layer1Accounts);
    if (account.available > minimumOf(account)) return account;
  }
  return layer1Accounts.find((account) => account.available > minimumOf(account)) ?? null;
}

/** Enough for an amount and the fee. */
function minimumOf({ asset }: Layer1Account): Amount {
  return (asset.feeMax ?? 0n) * 2n;
}

type End = "success" | "rejected" | "failed" | "open";

const LAST_STATUS = { success: "SUCCESS", rejected: "REJECTED", failed: "FAILED" };

const SHARE_STAYS_OPEN = 0.05;
const SHARE_REJECTED = 0.05;
const SHARE_FAILED_WITHDRAWALS = 0.05;

function drawEnd({ random }: World): End {
  if (random.chance(SHARE_STAYS_OPEN)) return "open";
  if (random.chance(SHARE_REJECTED)) return "rejected";
  return random.chance(SHARE_FAILED_WITHDRAWALS) ? "failed" : "success";
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
function createdStep(transfer: Transfer, reserved: Amount, nowNs: bigint): FlowStep {
  const created = statusStep(transfer, "CREATED", { nowNs, thenMs: 0 });
  const change = { available: -reserved, reserved };
  const funds = fundsStep(transfer, change, { nowNs, thenMs: 40 });
  return { ...funds, messages: [...created.messages, ...funds.messages] };
}

/** Facts of one transfer, and the statuses sent so far. */
type Transfer = Readonly<{
  facts: Layer1TransferFacts;
  account: Layer1Account;
  legs: readonly Leg[];
  statuses: string[];
}>;

type Drawn = Readonly<{
  kind: "deposit" | "withdrawal";
  account: Layer1Account;
  /** The amount is less than this. */
  below: Amount;
}>;

const NAMESPACES = ["digital", "crypto"];
const CHANGE_WORDS = ["status-change", "statusChange"];

function openTransfer(
  { random }: World,
  { kind, account, below }: Drawn,
  startNs: bigint,
): Transfer {
  const { code, decimals, feeMax } = account.asset;
  const amount = atLeastOneUnit(random.bigintBelow(below), decimals);
  const fee = feeMax === null ? null : atLeastOneUnit(random.bigintBelow(feeMax), decimals);
  const namespace = random.pick(NAMESPACES);
  const facts: Layer1TransferFacts = {
    kind,
    event: `layer1:${namespace}:${kind}:${random.pick(CHANGE_WORDS)}`,
    transferId: uuid7Hex(startNs, random.hex(19)),
    address: account.address,
    asset: code,
    amount,
    fee,
    hash: `0x${random.hex(64)}`,
    otherAddress: `0x${random.hex(40)}`,
    reference: kind === "withdrawal" && random.chance(0.7) ? random.uuid() : null,
    createdAtNs: startNs,
  };
  const withdrawalLegs: readonly Leg[] = fee === null ? ["69"] : ["69", "66"];
  return { facts, account, legs: kind === "deposit" ? ["6f"] : withdrawalLegs, statuses: [] };
}

/** A UUID of version 7 without its dashes: the time of the transfer, then random digits. */
function uuid7Hex(atNs: bigint, digits: string): string {
  const timeHex = epochMs(atNs).toString(16).padStart(12, "0");
  return `${timeHex}7${digits.slice(0, 3)}8${digits.slice(3, 18)}`;
}

type Timing = Readonly<{ nowNs: bigint; thenMs: number }>;

/** One status, sent once for each leg. */
function statusStep(
  { facts, legs, statuses }: Transfer,
  status: string,
  { nowNs, thenMs }: Timing,
): FlowStep {
  statuses.push(status);
  const progress = progressOf(facts, status, nowNs);
  return { messages: legs.map((leg) => layer1StatusMessage(facts, leg, progress)), thenMs };
}

const WITH_HASH = new Set(["DETECTED", "UNCONFIRMED", "CONFIRMED", "SUCCESS"]);

const FAILURE = { reason: "TRANSACTION_FAILED", message: "the transaction was not mined" };

/** A deposit is on chain before the provider knows of it. */
function progressOf({ kind }: Layer1TransferFacts, status: string, atNs: bigint): Layer1Progress {
  const isDeposit = kind === "deposit";
  const hasHash = isDeposit || WITH_HASH.has(status);
  const progress = { status, atNs, hasHash, inBlock: hasHash && status !== "DETECTED" };
  return status === "FAILED" && !isDeposit ? { ...progress, failure: FAILURE } : progress;
}

function fundsStep(
  { account }: Transfer,
  change: Layer1Change,
  { nowNs, thenMs }: Timing,
): FlowStep {
  const report = changeLayer1Account(account, change, nowNs);
  return { messages: [layer1BalanceMessage(report, account.address.reference)], thenMs };
}

function recordTransfer({ recorder }: World, { facts, statuses }: Transfer): void {
  recorder.layer1Transfer({
    transferId: facts.transferId,
    kind: facts.kind,
    address: facts.address.address,
    asset: facts.asset,
    amount: formatAmount(facts.amount),
    fee: facts.fee === null ? null : formatAmount(facts.fee),
    statuses,
  });
}

/** Layer1 prints at least two decimals. */
const DECIMALS_MIN = 2;

function layer1BalanceMessage(report: Layer1Report, reference: string): HistoryMessage {
  const fund = (type: string, key: keyof Layer1Funds) => ({
    type,
    balance: formatAmount(report.funds[key], DECIMALS_MIN),
    delta: formatAmount(report.deltas[key], DECIMALS_MIN),
  });
  return {
    provider: "layer1",
    layer1Report: report,
    get webhook() {
      return layer1Webhook("layer1:digital:balance:updated", report.atNs, {
        reference,
        address: report.address,
        asset: report.asset,
        funds: [
          fund("AVAILABLE", "available"),
          fund("BLOCKCHAIN", "blockchain"),
          fund("RESERVED", "reserved"),
        ],
      });
    },
  };
}

export type Layer1TransferFacts = Readonly<{
  kind: "deposit" | "withdrawal";
  /** The event name of this transfer, in one of the provider's spellings. */
  event: string;
  transferId: string;
  address: Layer1Address;
  asset: string;
  amount: Amount;
  fee: Amount | null;
  hash: string;
  otherAddress: string;
  reference: string | null;
  createdAtNs: bigint;
}>;

export type Layer1Progress = Readonly<{
  status: string;
  atNs: bigint;
  /** From the broadcast on. */
  hasHash: boolean;
  /** From the first block on. */
  inBlock: boolean;
  failure?: Readonly<{ reason: string; message: string }>;
}>;

/** One leg of a transfer: `o`utput for deposits, `i`nput and `f`ee for withdrawals, as hex ASCII. */
export type Leg = "6f" | "69" | "66";

export function layer1StatusMessage(
  transfer: Layer1TransferFacts,
  leg: Leg,
  progress: Layer1Progress,
): HistoryMessage {
  return {
    provider: "layer1",
    get webhook() {
      return layer1Webhook(transfer.event, progress.atNs, dataOf(transfer, leg, progress));
    },
  };
}

function dataOf(transfer: Layer1TransferFacts, leg: Leg, progress: Layer1Progress) {
  const { address, asset, amount, fee } = transfer;
  const { customerId, ...addressFields } = address;
  const isDeposit = transfer.kind === "deposit";
  return {
    id: `${transfer.transferId}${address.id.replaceAll("-", "")}${leg}`,
    hash: progress.hasHash ? transfer.hash : null,
    type: isDeposit ? "DEPOSIT" : "WITHDRAWAL",
    asset,
    amount: formatAmount(leg === "66" ? (fee ?? 0n) : amount, DECIMALS_MIN),
    status: progress.status,
    address: customerId === null ? addressFields : { ...addressFields, customerId },
    // A deposit without a reference lacks the key, as on one page; a withdrawal prints it.
    ...(isDeposit ? {} : { reference: transfer.reference }),
    sources: sourcesOf(transfer, progress),
    destinations: isDeposit
      ? [{ amount: formatAmount(amount, DECIMALS_MIN), address: address.address }]
      : null,
    ...networkDetailOf(transfer, progress),
    metadata: progress.failure === undefined ? null : { failure: progress.failure },
    createdAt: isoTime(transfer.createdAtNs, 3),
    updatedAt: isoTime(progress.atNs, 6),
  };
}

/** When the transaction is in a block, a deposit's source shows the sum of amount and fee. */
function sourcesOf(transfer: Layer1TransferFacts, { inBlock }: Layer1Progress) {
  const { amount, fee, otherAddress, address } = transfer;
  const print = (value: Amount) => formatAmount(value, DECIMALS_MIN);
  if (transfer.kind === "deposit") {
    return [{ amount: print(inBlock ? amount + (fee ?? 0n) : amount), address: otherAddress }];
  }
  const amountSource = { address: address.address, amount: print(amount) };
  return fee === null
    ? [amountSource]
    : [{ address: address.address, amount: print(fee) }, amountSource];
}

function networkDetailOf({ fee, asset }: Layer1TransferFacts, progress: Layer1Progress) {
  if (!progress.inBlock || fee === null) return {};
  const block = {
    number: 6_046_664 + Number((progress.atNs / 12_000_000_000n) % 1_000_000n),
    timestamp: `${isoTime(progress.atNs, 3).slice(0, 19)}Z`,
  };
  return { networkDetail: { fee: { asset, amount: formatAmount(fee, DECIMALS_MIN) }, block } };
}

function layer1Webhook(event: string, atNs: bigint, data: object) {
  return {
    payloadType: event,
    body: JSON.stringify({ event, timestamp: isoTime(atNs, 9), data }),
  };
}
