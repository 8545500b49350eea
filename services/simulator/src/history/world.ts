import { type Amount, truncateAmount, unitOf } from "../exact.ts";
import { createRandom, type Random } from "../random.ts";
import type {
  DepositTruth,
  HistoryMessage,
  HistoryOptions,
  Layer1TransferTruth,
  Run,
  TradeTruth,
  WithdrawalTruth,
} from "./history.ts";
import { createLayer1Accounts, type Layer1Account } from "./layer1-accounts.ts";
import {
  applyRun,
  createWallets,
  type Entry,
  type Pocket,
  type Wallets,
} from "./zero-hash-ledger.ts";
import { balanceMessage } from "./zero-hash-messages.ts";

/** Is called with how each flow ended. */
export type Recorder = Readonly<{
  withdrawal: (truth: WithdrawalTruth) => void;
  deposit: (truth: DepositTruth) => void;
  trade: (truth: TradeTruth) => void;
  layer1Transfer: (truth: Layer1TransferTruth) => void;
}>;

/** Everything that the provider knows, shared by all flows under way. */
export type World = {
  readonly options: HistoryOptions;
  readonly random: Random;
  readonly wallets: Wallets;
  readonly layer1Accounts: readonly Layer1Account[];
  readonly recorder: Recorder;
  /** Global and rising, as the provider's seem to be. */
  lastRunId: number;
  /** The account that a burst stays on. */
  focus: Pocket | null;
  /** Of the latest deposit on chain: one transaction may pay several accounts. */
  lastDepositHash: string;
};

/** What happens at one instant of a flow, and how long the flow rests afterwards. */
export type FlowStep = Readonly<{ run?: Run; messages: readonly HistoryMessage[]; thenMs: number }>;

/** A flow is resumed with the time at which it goes on. */
export type Flow = Generator<FlowStep, void, bigint>;

const FIRST_RUN_ID = 4_149_614;
const PICK_ATTEMPTS = 20;

export function createWorld(options: HistoryOptions, recorder: Recorder): World {
  const accounts = createRandom(options.seed, "accounts");
  return {
    options,
    random: createRandom(options.seed, "flows"),
    wallets: createWallets(options.participants, accounts),
    layer1Accounts: createLayer1Accounts(options.layer1Addresses, accounts),
    recorder,
    lastRunId: FIRST_RUN_ID,
    focus: null,
    lastDepositHash: "",
  };
}

/** Applies a run, with one message for each account; the messages `before` come first. */
export function runStep(
  world: World,
  request: Readonly<{ runType: string; atNs: bigint; entries: readonly Entry[] }>,
  { thenMs = 0, before = [] }: Readonly<{ thenMs?: number; before?: HistoryMessage[] }> = {},
): FlowStep {
  world.lastRunId += world.random.between(1, 3);
  const applied = applyRun(
    { ...request, runId: world.lastRunId },
    { random: world.random, clockErrorMs: world.options.clockErrorMs },
  );
  return {
    run: applied.run,
    messages: [...before, ...applied.reports.map(balanceMessage)],
    thenMs,
  };
}

/** The time between two stages: never very short, sometimes long. */
export function stagePauseMs({ options, random }: World): number {
  return options.stagePauseMs * 0.3 + random.exponential(options.stagePauseMs * 0.7);
}

/** The account of the burst if there is one, else any that fits; null where none does. */
export function pickPocket(world: World, fits: (pocket: Pocket) => boolean): Pocket | null {
  const { focus, random, wallets } = world;
  if (focus !== null && fits(focus)) return focus;
  for (let attempt = 0; attempt < PICK_ATTEMPTS; attempt += 1) {
    const pocket = random.pick(wallets.pockets);
    if (fits(pocket)) return focusOn(world, pocket);
  }
  const found = wallets.pockets.find(fits);
  return found === undefined ? null : focusOn(world, found);
}

export function hasFunds(pocket: Pocket): boolean {
  return pocket.available.balance > 0n;
}

/** Some of what the pocket holds: often a part, now and then all of it. */
export function drawSpend({ available, asset }: Pocket, random: Random): Amount {
  if (random.chance(0.08)) return available.balance;
  const part = random.bigintBelow(available.balance / 5n);
  return atLeastOneUnit(part, asset.decimals);
}

export function atLeastOneUnit(amount: Amount, decimals: number): Amount {
  const truncated = truncateAmount(amount, decimals);
  return truncated > 0n ? truncated : unitOf(decimals);
}

/** The identifying fields of a truth record. */
export function holderOf({ wallet, asset }: Pocket) {
  const { participantCode, accountGroup, accountLabel } = wallet;
  return { participantCode, accountGroup, accountLabel, asset: asset.code };
}

function focusOn(world: World, pocket: Pocket): Pocket {
  world.focus = pocket;
  return pocket;
}
