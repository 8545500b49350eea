import { type Amount, formatAmount } from "../../decimal.ts";
import { epochMs } from "../../time.ts";
import type { HistoryMessage } from "../history.ts";
import { changeLayer1Account, type Layer1Account, type Layer1Change } from "../layer1-accounts.ts";
import {
  type Layer1Progress,
  type Layer1TransferFacts,
  type Leg,
  layer1BalanceMessage,
  layer1StatusMessage,
} from "../messages/layer1-message.ts";
import type { FlowStep, World } from "../world.ts";

const NAMESPACES = ["digital", "crypto"];
const CHANGE_WORDS = ["status-change", "statusChange"];

/** Facts of one transfer, and the statuses sent so far. */
export type Layer1Transfer = Readonly<{
  facts: Layer1TransferFacts;
  account: Layer1Account;
  legs: readonly Leg[];
  statuses: string[];
}>;

type Draw = Readonly<{
  kind: "deposit" | "withdrawal";
  account: Layer1Account;
  amount: Amount;
  fee: Amount | null;
}>;

export function openLayer1Transfer(world: World, draw: Draw, startNs: bigint): Layer1Transfer {
  const { random } = world;
  const { kind, account, amount, fee } = draw;
  const namespace = random.pick(NAMESPACES);
  const facts: Layer1TransferFacts = {
    kind,
    event: `layer1:${namespace}:${kind}:${random.pick(CHANGE_WORDS)}`,
    transferId: uuid7Hex(startNs, random.hex(19)),
    address: account.address,
    asset: account.asset.code,
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

/** One status, sent once for each leg. */
export function statusStep(
  transfer: Layer1Transfer,
  progress: Layer1Progress,
  thenMs: number,
): FlowStep {
  transfer.statuses.push(progress.status);
  const messages: HistoryMessage[] = transfer.legs.map((leg) =>
    layer1StatusMessage(transfer.facts, leg, progress),
  );
  return { messages, thenMs };
}

export function fundsStep(
  { account }: Layer1Transfer,
  change: Layer1Change,
  { nowNs, thenMs }: Readonly<{ nowNs: bigint; thenMs: number }>,
): FlowStep {
  const report = changeLayer1Account(account, change, nowNs);
  return { messages: [layer1BalanceMessage(report, account.address.reference)], thenMs };
}

export function recordLayer1(world: World, { facts, statuses }: Layer1Transfer): void {
  world.recorder.layer1Transfer({
    transferId: facts.transferId,
    kind: facts.kind,
    address: facts.address.address,
    asset: facts.asset,
    amount: formatAmount(facts.amount),
    fee: facts.fee === null ? null : formatAmount(facts.fee),
    statuses,
  });
}

/** A UUID of version 7 without its dashes: the time of the transfer, then chance. */
function uuid7Hex(atNs: bigint, chance: string): string {
  const timeHex = epochMs(atNs).toString(16).padStart(12, "0");
  return `${timeHex}7${chance.slice(0, 3)}8${chance.slice(3, 18)}`;
}
