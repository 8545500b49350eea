import type { Layer1Account } from "../layer1-accounts.ts";
import { atLeastOneUnit, type Flow, stagePauseMs, type World } from "../world.ts";
import { fundsStep, openLayer1Transfer, recordLayer1, statusStep } from "./layer1-transfer.ts";

const SHARE_FAILED = 0.04;
const SHARE_HELD = 0.06;

const ON_CHAIN = { hasHash: true, inBlock: true };

/** In the order of the provider's page, where the balance is available before SUCCESS is sent. */
export function* layer1DepositFlow(world: World, startNs: bigint): Flow {
  const { random } = world;
  const account = random.pick(world.layer1Accounts);
  const transfer = openLayer1Transfer(world, drawDeposit(world, account), startNs);
  const { amount } = transfer.facts;
  const isFailed = random.chance(SHARE_FAILED);
  let nowNs = startNs;
  const step = (status: string, thenMs: number) =>
    statusStep(transfer, { status, atNs: nowNs, ...ON_CHAIN }, thenMs);
  const detected = { status: "DETECTED", atNs: nowNs, hasHash: true, inBlock: false };
  nowNs = yield statusStep(transfer, detected, stagePauseMs(world));
  if (isFailed) {
    yield step("FAILED", 0);
    return recordLayer1(world, transfer);
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
  recordLayer1(world, transfer);
}

function drawDeposit({ random }: World, account: Layer1Account) {
  const { typical, decimals, feeMax } = account.asset;
  return {
    kind: "deposit" as const,
    account,
    amount: atLeastOneUnit(random.bigintBelow(typical), decimals),
    fee: feeMax === null ? null : atLeastOneUnit(random.bigintBelow(feeMax), decimals),
  };
}
