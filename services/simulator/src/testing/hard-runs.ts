import { type Amount, nsOfMs, parseAmount } from "../exact.ts";
import type { MovementReferences, ZeroHashAccount } from "../history/history.ts";
import {
  type Entry,
  moveEntries,
  openAccount,
  type ProviderAccount,
  withdrawalReferences,
} from "../history/zero-hash-ledger.ts";
import type { Random } from "../random.ts";
import type { HardKnobs } from "./hard-knobs.ts";

/** A true run, before clocks and counters are printed. */
export type HardRun = Readonly<{
  runType: string;
  atNs: bigint;
  entries: readonly Entry[];
  /** Accounts that are reported without a movement. */
  unmoved: readonly ProviderAccount[];
}>;

/** The true course of a withdrawal. */
export type HardWithdrawal = {
  readonly account: ZeroHashAccount;
  readonly requestId: string | null;
  readonly amount: Amount;
  /** The amount that left the ledger, without fees; null if nothing did. */
  settledAmount: Amount | null;
  outcome: "pending" | "settled" | "returned";
  /** The steps of the runs that put the amount on hold, and that ended the hold. */
  readonly heldAt: number;
  endedAt: number | null;
};

type HardRuns = Readonly<{
  accounts: readonly ProviderAccount[];
  runs: readonly HardRun[];
  withdrawals: readonly HardWithdrawal[];
}>;

type Pocket = Readonly<{ available: ProviderAccount; collateral: ProviderAccount }>;
type Hold = Readonly<{ pocket: Pocket; atNs: bigint; withdrawal: HardWithdrawal }>;

/** The step and time of a run. */
type Moment = Readonly<{ step: number; atNs: bigint }>;

type Writer = Readonly<{
  knobs: HardKnobs;
  random: Random;
  pockets: readonly Pocket[];
  holds: Hold[];
  withdrawals: HardWithdrawal[];
}>;

const START_NS = 1_746_112_000_000_000_000n;
const UNIT = parseAmount("100");
const AMOUNTS = ["100", "50", "25.5", "150", "0.00000001"].map(parseAmount);
const FEE = parseAmount("0.5");
/** The shortest hold: two clocks that are wrong by at most 20 ms cannot swap a hold and its end. */
const HOLD_NS_MIN = nsOfMs(60);
const SHARE_WITH_REQUEST_ID = 0.5;

/** Creates runs in their true order, and applies them to the accounts. */
export function writeRuns(knobs: HardKnobs, random: Random): HardRuns {
  const pockets = Array.from({ length: knobs.pockets }, (_, at) =>
    openPocket(at + 1, knobs, random),
  );
  const writer: Writer = { knobs, random, pockets, holds: [], withdrawals: [] };
  const runs: HardRun[] = [];
  let atNs = START_NS;
  while (runs.length < knobs.runs) {
    atNs += drawGapNs(knobs, random);
    const run = drawRun(writer, { step: runs.length, atNs });
    for (const { account, change } of run.entries) account.balance += change;
    runs.push(run);
  }
  const accounts = pockets.flatMap(({ available, collateral }) => [available, collateral]);
  return { accounts, runs, withdrawals: writer.withdrawals };
}

function openPocket(number: number, { equalAmounts }: HardKnobs, random: Random): Pocket {
  const holder = {
    participantCode: `CUST0${number}`,
    accountGroup: "PLAT01",
    accountLabel: "general",
    asset: "BTC",
  };
  const opening = random.chance(0.5) ? 0n : UNIT * BigInt(random.between(1, equalAmounts ? 2 : 5));
  const open = (accountType: "available" | "collateral", balance: Amount) =>
    openAccount({ ...holder, accountType, accountId: random.uuid() }, balance);
  return { available: open("available", opening), collateral: open("collateral", 0n) };
}

function drawGapNs({ instantRate, burstRate, meanGapMs }: HardKnobs, random: Random): bigint {
  if (random.chance(instantRate)) return 0n;
  if (random.chance(burstRate)) return nsOfMs(random.between(100, 5_000) / 1_000);
  return nsOfMs(random.exponential(meanGapMs));
}

function drawRun(writer: Writer, moment: Moment): HardRun {
  const { knobs, random, pockets } = writer;
  const pocket = random.pick(pockets);
  const run = (
    runType: string,
    entries: readonly Entry[],
    unmoved: readonly ProviderAccount[] = [],
  ) => ({
    runType,
    atNs: moment.atNs,
    entries,
    unmoved,
  });
  if (random.chance(knobs.emptyRate)) return run("adjustment", [], [pocket.available]);
  if (random.chance(knobs.netZeroRate)) return run("transfer", netZero(writer, pocket));
  if (random.chance(knobs.withdrawalRate)) {
    const entries = drawWithdrawalStep(writer, pocket, moment);
    if (entries !== null) return run("withdrawal", entries);
  }
  const { available } = pocket;
  const amount = drawAmount(writer);
  const receiver = pockets.find((other) => other !== pocket)?.available;
  const canSpend = available.balance >= amount;
  if (receiver !== undefined && canSpend && random.chance(knobs.transferRate)) {
    const movement = { movementId: random.uuid(), movementType: "transfer" };
    return run("transfer", moveEntries({ from: available, to: receiver, amount }, movement));
  }
  if (available.balance > 0n && random.chance(knobs.drainRate)) {
    return run("transfer", [entry(random, available, "transfer", -available.balance)]);
  }
  if (canSpend && random.chance(0.5)) {
    return run("transfer", [entry(random, available, "transfer", -amount)]);
  }
  return run("deposit", [entry(random, available, "deposit", amount)]);
}

function drawAmount({ knobs, random }: Writer): Amount {
  return knobs.equalAmounts ? UNIT : random.pick(AMOUNTS);
}

function entry(
  random: Random,
  account: ProviderAccount,
  movementType: string,
  change: Amount,
  references: MovementReferences = {},
): Entry {
  return { account, movementId: random.uuid(), movementType, change, references };
}

function netZero(writer: Writer, { available }: Pocket): readonly Entry[] {
  const amount = drawAmount(writer);
  return [
    entry(writer.random, available, "transfer", amount),
    entry(writer.random, available, "transfer", -amount),
  ];
}

/** Puts an amount on hold, or ends a hold that is old enough; null if neither is possible. */
function drawWithdrawalStep(writer: Writer, pocket: Pocket, moment: Moment) {
  const { random, holds } = writer;
  const ripe = holds.filter((hold) => moment.atNs - hold.atNs >= HOLD_NS_MIN);
  if (ripe.length > 0 && random.chance(0.55)) {
    const hold = random.pick(ripe);
    const other = ripe.find((each) => each !== hold && each.pocket === hold.pocket);
    if (random.chance(0.3)) return release(writer, hold, moment.step);
    // Sometimes one run settles two.
    const settled = other !== undefined && random.chance(0.2) ? [hold, other] : [hold];
    return settled.flatMap((each) => settle(writer, each, moment.step));
  }
  const amount = drawAmount(writer);
  return pocket.available.balance < amount
    ? null
    : holdAmount(writer, pocket, { ...moment, amount });
}

function holdAmount(
  { random, holds, withdrawals }: Writer,
  pocket: Pocket,
  { step, atNs, amount }: Moment & Readonly<{ amount: Amount }>,
): readonly Entry[] {
  const requestId = random.chance(SHARE_WITH_REQUEST_ID) ? random.uuid() : null;
  const withdrawal: HardWithdrawal = {
    account: pocket.available.fields,
    requestId,
    amount,
    settledAmount: null,
    outcome: "pending",
    heldAt: step,
    endedAt: null,
  };
  withdrawals.push(withdrawal);
  holds.push({ pocket, atNs, withdrawal });
  return move(random, pocket, { type: "withdrawal_pending", toCollateral: amount, requestId });
}

/** Releases a hold, by a reversed hold or by a confirmation without a debit. */
function release(writer: Writer, hold: Hold, step: number): readonly Entry[] {
  const type = writer.random.chance(0.5) ? "withdrawal_pending" : "withdrawal_confirmed";
  return endHold(writer, hold, { step, type, outcome: "returned" });
}

/** Settles a hold, in full or minus a fee. */
function settle(writer: Writer, hold: Hold, step: number): readonly Entry[] {
  const { random } = writer;
  const { pocket, withdrawal } = hold;
  const type = "withdrawal_confirmed";
  const confirmed = endHold(writer, hold, { step, type, outcome: "settled" });
  const references = withdrawalReferences(withdrawal.requestId);
  const fee = withdrawal.amount > FEE && random.chance(0.3) ? FEE : 0n;
  withdrawal.settledAmount = withdrawal.amount - fee;
  const debit = -withdrawal.settledAmount;
  const debits = [entry(random, pocket.available, "withdrawal", debit, references)];
  if (fee > 0n) debits.push(entry(random, pocket.available, "network_fee", -fee, references));
  return [...confirmed, ...debits];
}

function endHold(
  { random, holds }: Writer,
  hold: Hold,
  end: Readonly<{ step: number; type: string; outcome: "settled" | "returned" }>,
): readonly Entry[] {
  const { pocket, withdrawal } = hold;
  holds.splice(holds.indexOf(hold), 1);
  withdrawal.endedAt = end.step;
  withdrawal.outcome = end.outcome;
  const { amount, requestId } = withdrawal;
  return move(random, pocket, { type: end.type, toCollateral: -amount, requestId });
}

/** A movement between the two accounts of a pocket, with one id on both. */
function move(
  random: Random,
  { available, collateral }: Pocket,
  what: Readonly<{ type: string; toCollateral: Amount; requestId: string | null }>,
): readonly Entry[] {
  const { type, toCollateral, requestId } = what;
  return moveEntries(
    { from: available, to: collateral, amount: toCollateral },
    {
      movementId: random.uuid(),
      movementType: type,
      references: withdrawalReferences(requestId),
    },
  );
}
