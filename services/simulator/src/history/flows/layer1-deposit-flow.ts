import type { Layer1Book } from "../layer1-books.ts";
import { atLeastOneUnit, type Flow, stagePauseMs, type World } from "../world.ts";
import { fundsBeat, openLayer1Transfer, recordLayer1, statusBeat } from "./layer1-transfer.ts";

const SHARE_FAILED = 0.04;
const SHARE_HELD = 0.06;

const ON_CHAIN = { hasHash: true, inBlock: true };

/** In the order of the provider's page, where the balance is available before SUCCESS is told. */
export function* layer1DepositFlow(world: World, startNs: bigint): Flow {
  const { random } = world;
  const book = random.pick(world.layer1Books);
  const transfer = openLayer1Transfer(world, drawDeposit(world, book), startNs);
  const { amount } = transfer.facts;
  const isFailed = random.chance(SHARE_FAILED);
  let nowNs = startNs;
  const tell = (status: string, thenMs: number) =>
    statusBeat(transfer, { status, atNs: nowNs, ...ON_CHAIN }, thenMs);
  const detected = { status: "DETECTED", atNs: nowNs, hasHash: true, inBlock: false };
  nowNs = yield statusBeat(transfer, detected, stagePauseMs(world));
  if (isFailed) {
    yield tell("FAILED", 0);
    return recordLayer1(world, transfer);
  }
  nowNs = yield tell("UNCONFIRMED", stagePauseMs(world));
  nowNs = yield tell("CONFIRMED", 48);
  const arrival = { available: 0n, reserved: amount };
  nowNs = yield fundsBeat(transfer, arrival, { nowNs, thenMs: 170 });
  nowNs = yield tell("SCREENING_REQUESTED", stagePauseMs(world));
  if (random.chance(SHARE_HELD)) nowNs = yield tell("HELD", stagePauseMs(world));
  const release = { available: amount, reserved: -amount };
  nowNs = yield fundsBeat(transfer, release, { nowNs, thenMs: 25 });
  yield tell("SUCCESS", 0);
  recordLayer1(world, transfer);
}

function drawDeposit({ random }: World, book: Layer1Book) {
  const { typical, decimals, feeMax } = book.asset;
  return {
    kind: "deposit" as const,
    book,
    amount: atLeastOneUnit(random.bigintBelow(typical), decimals),
    fee: feeMax === null ? null : atLeastOneUnit(random.bigintBelow(feeMax), decimals),
  };
}
