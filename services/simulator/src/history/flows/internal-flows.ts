import { type Amount, multiplyAmounts, unitOf } from "../../exact.ts";
import {
  atLeastOneUnit,
  drawSpend,
  type Flow,
  type FlowStep,
  hasFunds,
  pickPocket,
  runStep,
  stagePauseMs,
  type World,
} from "../world.ts";
import {
  type Entry,
  isCovered,
  moveEntries,
  type Pocket,
  type Settlement,
  settlementEntries,
  USD,
} from "../zero-hash-ledger.ts";
import { type TradeFacts, tradeMessage } from "../zero-hash-messages.ts";

const SHARE_ACTIVE = 0.4;
const SHARE_STAYS_OPEN = 0.04;
const SHARE_UNDERSCORE = 0.2;

/** Trades of one net settlement run; each has four movements. */
const NETTED_TRADES = { min: 12, max: 40 };

/** Accepted, perhaps active for a while, settled on the ledger, terminated. */
export function* tradeFlow(world: World, startNs: bigint): Flow {
  const { random, recorder } = world;
  const settlement = drawSettlement(world);
  if (settlement === null) return;
  const trade = { ...settlement, clientTradeId: random.uuid(), tradedAtNs: startNs };
  const states: string[] = [];
  let nowNs = startNs;
  const step = (state: string, thenMs: number): FlowStep => {
    states.push(state);
    return stateStep(world, trade, { state, nowNs, thenMs });
  };
  const isOutstanding = random.chance(SHARE_ACTIVE);
  nowNs = yield step("accepted", stagePauseMs(world));
  if (isOutstanding) nowNs = yield step("active", stagePauseMs(world));
  const staysOpen = random.chance(SHARE_STAYS_OPEN);
  // A party that cannot deliver by now defaults: the trade ends without a run.
  const isSettled = !staysOpen && isCovered(settlement, random);
  if (isSettled) {
    const movementType = isOutstanding ? "final_settlement_outstanding" : "final_settlement";
    const entries = settlementEntries(settlement, movementType, random);
    nowNs = yield runStep(world, { runType: "settlement", atNs: nowNs, entries }, { thenMs: 150 });
  }
  if (!staysOpen) yield step("terminated", 0);
  recorder.trade({ tradeId: trade.tradeId, states, isSettled });
}

/** One run for many trades; no trade webhook is sent for these. */
export function* netSettlementFlow(world: World, startNs: bigint): Flow {
  const { random } = world;
  const entries: Entry[] = [];
  // What the trades so far take from each account; the balances do not include it yet.
  const changes = new Map<Entry["account"], Amount>();
  const count = random.between(NETTED_TRADES.min, NETTED_TRADES.max);
  for (let trade = 0; trade < count; trade += 1) {
    world.focus = null;
    const settlement = drawSettlement(world);
    if (settlement === null) continue;
    const drawn = settlementEntries(settlement, "final_settlement", random);
    const after = ({ account, change }: Entry) => (changes.get(account) ?? 0n) + change;
    if (drawn.some((entry) => entry.account.balance + after(entry) < 0n)) continue;
    for (const entry of drawn) changes.set(entry.account, after(entry));
    entries.push(...drawn);
  }
  if (entries.length > 0) yield runStep(world, { runType: "settlement", atNs: startNs, entries });
}

/** A customer buys from the liquidity account, or sells to it. */
function drawSettlement(world: World): Settlement | null {
  const { random, wallets } = world;
  const pocket = pickPocket(world, ({ asset }) => asset !== USD);
  if (pocket === null) return null;
  const isBuying = random.chance(0.5);
  const quantity = drawQuantity(world, pocket, isBuying);
  const notional = multiplyAmounts(quantity, pocket.asset.price, USD.decimals);
  return {
    tradeId: random.uuid(),
    platformCode: wallets.platform.participantCode,
    buyer: isBuying ? pocket.wallet : wallets.liquidity,
    seller: isBuying ? wallets.liquidity : pocket.wallet,
    base: pocket.asset,
    quantity,
    notional: notional > 0n ? notional : unitOf(USD.decimals),
  };
}

/** Small compared with customers' balances, so that most trades are covered. */
function drawQuantity({ random }: World, pocket: Pocket, isBuying: boolean): Amount {
  const amount = isBuying ? pocket.asset.typical : pocket.available.balance;
  return atLeastOneUnit(random.bigintBelow(amount / 20n), pocket.asset.decimals);
}

type Stage = Readonly<{ state: string; nowNs: bigint; thenMs: number }>;

function stateStep(
  { random }: World,
  trade: TradeFacts,
  { state, nowNs, thenMs }: Stage,
): FlowStep {
  const payloadType = random.chance(SHARE_UNDERSCORE)
    ? "trade_status_changed"
    : "trade.status_changed";
  return { messages: [tradeMessage(trade, payloadType, { state, atNs: nowNs })], thenMs };
}

const TRANSFER_TYPES = ["trade_allocation", "revenue_capture", "prefunded", "pay"];

/** One run: the same movement on two accounts of one asset. */
export function* transferFlow(world: World, startNs: bigint): Flow {
  const { random } = world;
  const from = pickPocket(world, hasFunds);
  if (from === null) return;
  const to = counterpartOf(world, from);
  const entries = moveEntries(
    { from: from.available, to: to.available, amount: drawSpend(from, random) },
    {
      movementId: random.uuid(),
      movementType: "transfer",
      references: {
        transferRequestId: String(random.between(300_000, 9_999_999)),
        transferType: random.pick(TRANSFER_TYPES),
      },
    },
  );
  yield runStep(world, { runType: "transfer", atNs: startNs, entries });
}

/** Another customer who has the asset, else the platform. */
function counterpartOf({ random, wallets }: World, from: Pocket): Pocket {
  const others = wallets.pocketsByAsset.get(from.asset.code) ?? [];
  const drawn = random.pick(others);
  if (drawn !== from) return drawn;
  const platform = wallets.platform.pockets.find((pocket) => pocket.asset === from.asset);
  if (platform === undefined) throw new Error(`the platform has no ${from.asset.code}`);
  return platform;
}
