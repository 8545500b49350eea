import type { Amount } from "../../decimal.ts";
import type { Layer1Book } from "../layer1-books.ts";
import { atLeastOneUnit, type Beat, type Flow, stagePauseMs, type World } from "../world.ts";
import {
  fundsBeat,
  type Layer1Transfer,
  openLayer1Transfer,
  recordLayer1,
  statusBeat,
} from "./layer1-transfer.ts";

const SHARE_HELD = 0.06;
const SHARE_REJECTED = 0.05;
const SHARE_FAILED = 0.05;
const SHARE_LEFT_OPEN = 0.05;

const PICK_ATTEMPTS = 20;

const FAILURE = { reason: "TRANSACTION_FAILED", message: "the transaction was not mined" };

type End = "success" | "rejected" | "failed" | "open";

/** Amount and greatest fee are held; what the fee did not need goes back at the end. */
export function* layer1WithdrawalFlow(world: World, startNs: bigint): Flow {
  const book = pickFundedBook(world);
  if (book === null) return;
  const draw = drawWithdrawal(world, book);
  const transfer = openLayer1Transfer(world, draw, startNs);
  const held = draw.amount + (book.asset.feeMax ?? 0n);
  const end = drawEnd(world);
  let nowNs = startNs;
  nowNs = yield createdBeat(transfer, held, nowNs);
  for (const status of statusesUntil(world, end)) {
    nowNs = yield tell(transfer, status, { nowNs, thenMs: stagePauseMs(world) });
  }
  if (end !== "open") {
    const spent = end === "success" ? draw.amount + (draw.fee ?? 0n) : 0n;
    const release = { available: held - spent, reserved: -held };
    nowNs = yield fundsBeat(transfer, release, { nowNs, thenMs: 25 });
    yield tell(transfer, LAST_STATUS[end], { nowNs, thenMs: 0 });
  }
  recordLayer1(world, transfer);
}

const LAST_STATUS = { success: "SUCCESS", rejected: "REJECTED", failed: "FAILED" };

function pickFundedBook({ layer1Books, random }: World): Layer1Book | null {
  for (let attempt = 0; attempt < PICK_ATTEMPTS; attempt += 1) {
    const book = random.pick(layer1Books);
    if (book.available > minimumOf(book)) return book;
  }
  return layer1Books.find((book) => book.available > minimumOf(book)) ?? null;
}

/** Enough for some amount beside the fee. */
function minimumOf({ asset }: Layer1Book): Amount {
  return (asset.feeMax ?? 0n) * 2n;
}

function drawWithdrawal({ random }: World, book: Layer1Book) {
  const { decimals, feeMax } = book.asset;
  const spendable = book.available - (feeMax ?? 0n);
  return {
    kind: "withdrawal" as const,
    book,
    amount: atLeastOneUnit(random.bigintBelow(spendable / 3n), decimals),
    fee: feeMax === null ? null : atLeastOneUnit(random.bigintBelow(feeMax), decimals),
  };
}

function drawEnd({ random }: World): End {
  if (random.chance(SHARE_LEFT_OPEN)) return "open";
  if (random.chance(SHARE_REJECTED)) return "rejected";
  return random.chance(SHARE_FAILED) ? "failed" : "success";
}

function statusesUntil({ random }: World, end: End): readonly string[] {
  const held = random.chance(SHARE_HELD) ? ["HELD"] : [];
  const screening = ["FUNDS_RESERVED", "SCREENING_REQUESTED", ...held];
  if (end === "rejected") return screening;
  const signed = [...screening, "SCREENING_PASSED", "SIGNED"];
  if (end === "failed") return signed;
  const broadcast = [...signed, "DETECTED"];
  return end === "open" ? broadcast : [...broadcast, "UNCONFIRMED", "CONFIRMED"];
}

/** Request and hold in one step, so that no other flow can spend the same funds in between. */
function createdBeat(transfer: Layer1Transfer, held: Amount, nowNs: bigint): Beat {
  const created = statusBeat(transfer, progressOf("CREATED", nowNs), 0);
  const hold = { available: -held, reserved: held };
  const funds = fundsBeat(transfer, hold, { nowNs, thenMs: 40 });
  return { ...funds, messages: [...created.messages, ...funds.messages] };
}

const WITH_HASH = new Set(["DETECTED", "UNCONFIRMED", "CONFIRMED", "SUCCESS"]);

function progressOf(status: string, atNs: bigint) {
  const hasHash = WITH_HASH.has(status);
  const progress = { status, atNs, hasHash, inBlock: hasHash && status !== "DETECTED" };
  return status === "FAILED" ? { ...progress, failure: FAILURE } : progress;
}

function tell(
  transfer: Layer1Transfer,
  status: string,
  { nowNs, thenMs }: Readonly<{ nowNs: bigint; thenMs: number }>,
): Beat {
  return statusBeat(transfer, progressOf(status, nowNs), thenMs);
}
