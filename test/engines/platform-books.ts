import {
  feedSnapshot,
  layer1Webhook,
  type ScenarioStep,
  zeroHashWebhook,
} from "@counterfoil/simulator/scenarios/scenario";

/**
 * A world of three platforms, and its books: who may see what, told by how it was made and by
 * nothing of the product. Whatever belongs to somebody bears a mark, such as `m0042x`, that is in no
 * other place; an answer shows it or does not.
 */
export type Books = Readonly<{
  steps: readonly BookedDelivery[];
  accounts: readonly BookedAccount[];
  runs: readonly Owned[];
  withdrawals: readonly BookedRecord[];
  deposits: readonly BookedRecord[];
  trades: readonly Owned[];
  /** Whose each mark is. */
  marks: ReadonlyMap<string, Owners>;
}>;

/** Codes of platforms that see it; whoever has no platform sees everything. */
type Owners = ReadonlySet<string>;
export type Owned = Readonly<{ id: string; owners: Owners }>;
type BookedAccount = Owned &
  Readonly<{
    participant: string;
    group: string;
    asset: string;
    accountId: string;
    hasGap: boolean;
  }>;
type BookedRecord = Owned &
  Readonly<{ participant: string; group: string | null; beneficiary: string | null }>;
/** A delivery, with the owners of each fact in it; none where nobody may see it. */
type BookedDelivery = Readonly<{
  step: ScenarioStep;
  facts: readonly Owners[];
  /** Who may see the bytes, where that is not who owns every fact: they name others. */
  bytes: Owners | null;
}>;

export const PLATFORMS = ["alder", "birch", "cedar"] as const;
const NOBODY: Owners = new Set();

/** 2025-12-31: before the clock of the tests. */
const DAY_MS = Date.UTC(2025, 11, 31);

type Account = Readonly<Record<string, string>>;

const creditedBalance = ({ balance }: Account): string => String(Number(balance) + 7);

export function keepBooks(customers: number): Books {
  const steps: BookedDelivery[] = [];
  const accounts: BookedAccount[] = [];
  const runs = new Map<string, Set<string>>();
  const withdrawals: BookedRecord[] = [];
  const deposits: BookedRecord[] = [];
  const trades: Owned[] = [];
  const marks = new Map<string, Owners>();
  let minute = 0;

  function mark(owners: Owners): string {
    const text = `m${String(marks.size).padStart(4, "0")}x`;
    marks.set(text, owners);
    return text;
  }

  const send = (step: ScenarioStep, ...facts: readonly Owners[]) =>
    steps.push({ step, facts, bytes: null });
  const timestamp = () => {
    minute += 1;
    return DAY_MS + minute * 1_000;
  };

  function report(
    account: Account,
    owners: Owners,
    given: Readonly<{ run: string; balance: string; change: string; also?: object }>,
  ): void {
    const { run, balance, change, also = {} } = given;
    const on = runs.get(run) ?? new Set<string>();
    for (const owner of owners) on.add(owner);
    runs.set(run, on);
    const at = timestamp();
    const { account_id = "", balance: _before, ...five } = account;
    const movement_id = mark(owners);
    const moved = { account_id, change, movement_id, movement_timestamp: at, ...also };
    const body = {
      ...five,
      balance,
      movements: [{ movement_type: "transfer", ...moved }],
      run_id: run,
      run_type: "transfer",
      timestamp: at,
    };
    send(zeroHashWebhook("account_balance.changed", body), owners, owners);
  }

  function open(participant: string, group: string, asset: string, shared?: string): Account {
    const owners = new Set([participant, group]);
    const account_id = shared ?? mark(owners);
    const label = mark(owners);
    const five = {
      ...{ participant_code: participant, account_group: group, account_label: label },
      ...{ account_type: "available", asset },
    };
    const hasGap = accounts.length % 3 === 0;
    const id = `zerohash:${participant}:${group}:${label}:available:${asset}`;
    accounts.push({ id, owners, participant, group, asset, accountId: account_id, hasGap });
    const account = { ...five, account_id };
    // One run is everybody's, the other its own; behind a gap 5 are missing.
    const first = `shared-${accounts.length % 4}`;
    report(account, owners, { run: first, balance: "10", change: "10" });
    const balance = hasGap ? "16" : "11";
    report(account, owners, { run: mark(owners), balance, change: "1" });
    return { ...account, balance };
  }

  function payment(owner: Readonly<{ participant: string; group?: string; pays?: string }>): void {
    const { participant, group, pays } = owner;
    const owners = new Set([participant, ...(group === undefined ? [] : [group])]);
    const id = mark(owners);
    const of = { participant_code: participant, ...(group && { account_group: group }) };
    const who = pays === undefined ? of : { participant_code: pays, obo_participant: of };
    const body = {
      ...who,
      payment_id: id,
      payment_status: "pending",
      ...{ asset: "USD", amount: "3", timestamp: timestamp() },
    };
    const step = zeroHashWebhook("payment_status_changed", body);
    steps.push({ step, facts: [owners], bytes: pays === undefined ? null : NOBODY });
    const beneficiary = pays ?? null;
    withdrawals.push({ id, owners, participant, group: group ?? null, beneficiary });
  }

  function deposit(account: Account, owners: Owners, isCredited: boolean): void {
    const { participant_code = "", account_label = "", asset = "" } = account;
    const group = isCredited ? (account.account_group ?? null) : null;
    const known = isCredited ? owners : new Set([participant_code]);
    const [id, hash] = [mark(known), mark(known)];
    const body = {
      ...{ deposit_id: id, state: "confirmed", participant_code, asset, amount: "7" },
      ...{ account_id: `${participant_code}.${account_label}`, transaction_hash: hash },
      timestamp: timestamp(),
    };
    // Its label is the account's mark: here it says no more than whose deposit it is.
    send(zeroHashWebhook("deposit.status_changed", body), known);
    deposits.push({ id, owners: known, participant: participant_code, group, beneficiary: null });
    if (!isCredited) return;
    const also = { movement_type: "deposit", deposit_reference_id: hash };
    const balance = creditedBalance(account);
    report(account, owners, { run: mark(owners), balance, change: "7", also });
  }

  function trade(platform: string, parties: readonly string[]): void {
    const owners = new Set([platform, ...parties]);
    const id = mark(owners);
    const sides = parties.map((participant_code) => {
      const account_label = mark(new Set([platform, participant_code]));
      return { participant_code, account_label, side: "buy", asset: "BTC", amount: "1" };
    });
    const body = { trade_id: id, trade_state: "accepted", platform_code: platform, parties: sides };
    const step = zeroHashWebhook("trade.status_changed", { ...body, timestamp: timestamp() });
    steps.push({ step, facts: [owners], bytes: new Set([platform]) });
    trades.push({ id, owners });
  }

  const listed: Account[] = [];
  for (const platform of PLATFORMS) {
    for (let at = 0; at <= customers; at += 1) {
      const participant = at === 0 ? platform : `${platform}-c${at}`;
      const owners = new Set([participant, platform]);
      for (const asset of ["BTC", "USD"]) {
        const isShared = at === 1 || (at === 2 && platform === "alder");
        const account = open(
          participant,
          platform,
          asset,
          isShared ? `shared-${asset}` : undefined,
        );
        const isCredited = asset === "BTC";
        deposit(account, owners, isCredited);
        listed.push(isCredited ? { ...account, balance: creditedBalance(account) } : account);
      }
      payment({ participant, group: platform });
      payment({ participant, group: platform, pays: mark(NOBODY) });
      payment({ participant });
      trade(platform, [participant, `${PLATFORMS[at % 3]}-c1`]);
    }
  }
  // One who is with two platforms, and a platform that is a customer of another.
  for (const [participant, group] of [
    ["dual", "alder"],
    ["dual", "birch"],
    ["birch", "alder"],
  ] as const) {
    open(participant, group, "BTC");
    payment({ participant, group });
  }
  send(
    feedSnapshot(listed),
    ...accounts.filter(({ participant }) => participant !== "dual").map(({ owners }) => owners),
  );
  send(
    layer1Webhook({
      event: "layer1:digital:balance:updated",
      timestamp: "2025-12-31T12:00:00.000000001Z",
      data: {
        ...{ reference: mark(NOBODY), address: `0x${mark(NOBODY)}`, asset: "ETH" },
        funds: ["AVAILABLE", "BLOCKCHAIN", "RESERVED"].map((type) => ({
          ...{ type, balance: type === "RESERVED" ? "0.0" : "1.0", delta: "0.0" },
        })),
      },
    }),
  );
  send(zeroHashWebhook("payment_status_changed", { nothing: mark(NOBODY) }));
  return {
    ...{ steps, accounts, withdrawals, deposits, trades, marks },
    runs: [...runs].map(([id, owners]) => ({ id, owners })),
  };
}
