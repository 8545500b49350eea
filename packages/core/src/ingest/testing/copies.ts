import { PROVIDER_FACTS } from "@counterfoil/contracts/fact";
import fc from "fast-check";
import { formatTime, MILLISECOND, SECOND } from "../../exact/time.ts";
import type { Delivered } from "../../translate/testing/reading.ts";
import { accountIdsOf, type FactState, inForce } from "../fact-state.ts";
import type { Ledger } from "./ledger.ts";

/*
 * The provider has a few runs over two accounts. Each copy of a run states part of it over one of the
 * channels, with times truncated as that channel does; no copy states anything else.
 */
export type Copy = Readonly<{
  account: number;
  run: number;
  isFeed: boolean;
  frame: number;
  movements: readonly number[];
  unit: bigint;
  says: Readonly<Record<"runType" | "runTime" | "accountId" | "reference" | "balance", boolean>>;
}>;

export const ACCOUNT_TYPES = ["available", "collateral"];
const START = 1_638_189_426_534_066_177n;

const timeOf = (account: number, run: number, movement: number): bigint =>
  START + BigInt(account * 111 + run * 7_654_321 + movement * 1_357);

export function deliveredOf(copy: Copy): Delivered {
  const { account, run, isFeed, says } = copy;
  const cut = (time: bigint) => formatTime(time - (time % copy.unit));
  const accountId = says.accountId ? { account_id: `a${account}` } : {};
  const body = {
    participant_code: "DEF456",
    account_group: "ABC123",
    account_label: "general",
    account_type: ACCOUNT_TYPES[account],
    asset: "BTC",
    run_id: isFeed ? run : String(run),
    ...accountId,
    ...(says.runType ? { run_type: "withdrawal" } : {}),
    ...(says.runTime ? { timestamp: cut(timeOf(9, run, 0)) } : {}),
    ...(says.balance ? { balance: `${10 * account + run}.50` } : {}),
    movements: copy.movements.map((movement) => ({
      movement_id: `m${run}-${movement}`,
      change: account === 0 ? "-1" : "1",
      movement_timestamp: cut(timeOf(account, run, movement)),
      ...(says.reference ? { withdrawal_request_id: `w${run}` } : {}),
      ...(says.runType ? { movement_type: "withdrawal_pending" } : {}),
      ...accountId,
    })),
  };
  return isFeed
    ? { payloadType: "feed", frame: copy.frame, body: { messageType: "balance-updated", body } }
    : { payloadType: "account_balance.changed", body };
}

const copy: fc.Arbitrary<Copy> = fc.record({
  account: fc.nat(1),
  run: fc.nat(2),
  isFeed: fc.boolean(),
  frame: fc.integer({ min: 1, max: 9 }),
  movements: fc.subarray([0, 1]),
  unit: fc.constantFrom(1n, 1000n, MILLISECOND, SECOND),
  says: fc.record({
    runType: fc.boolean(),
    runTime: fc.boolean(),
    accountId: fc.boolean(),
    reference: fc.boolean(),
    balance: fc.boolean(),
  }),
});

/** A frame has one number: two copies at one place are one delivery, so only the first is sent. */
export const copies = fc
  .array(copy, { minLength: 1, maxLength: 10 })
  .map((all) =>
    all.filter(
      ({ isFeed, frame }, at) =>
        !isFeed || all.findIndex((other) => other.isFeed && other.frame === frame) === at,
    ),
  );

/**
 * The content in force of every fact, apart from the order of its account ids, its place on a feed,
 * its translation and its delivery.
 */
export function contentOf(ledger: Ledger): Map<string, unknown> {
  const { states } = ledger.known();
  const content = new Map<string, unknown>();
  for (const { id, type } of ledger.events) {
    const state = states.get(id);
    if (state === undefined || state.withdrawn || !PROVIDER_FACTS.some((known) => known === type))
      continue;
    content.set(id, { type, ...contentOfFact(state) });
  }
  return content;
}

function contentOfFact(state: FactState) {
  const force = inForce(state);
  const { received_at: _r, translation: _t, account_id: _a, place: _p, ...stated } = force;
  return {
    stated,
    accountIds: accountIdsOf(state).toSorted(),
    contradicted: state.contradicted.length,
  };
}
