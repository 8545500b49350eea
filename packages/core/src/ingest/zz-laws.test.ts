import { PROVIDER_FACTS } from "@counterfoil/contracts/fact";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatTime, MILLISECOND, SECOND } from "../exact/time.ts";
import type { Delivered } from "../translate/testing/reading.ts";
import { accountIdsOf, type FactState, inForce, placesOf } from "./fact-state.ts";
import { createLedger, deliveryOf, type Ledger } from "./testing/ledger.ts";

/*
 * What the provider knows: a few runs over two accounts. Every copy of a run says part of it, over
 * one of the channels, with times cut as that channel cuts them; no copy says anything else.
 */
type Copy = Readonly<{
  account: number;
  run: number;
  isFeed: boolean;
  frame: number;
  movements: readonly number[];
  unit: bigint;
  says: Readonly<Record<"runType" | "runTime" | "accountId" | "reference" | "balance", boolean>>;
}>;

const ACCOUNT_TYPES = ["available", "collateral"];
const START = 1_638_189_426_534_066_177n;

const timeOf = (account: number, run: number, movement: number): bigint =>
  START + BigInt(account * 111 + run * 7_654_321 + movement * 1_357);

function deliveredOf(copy: Copy): Delivered {
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
const copies = fc
  .array(copy, { minLength: 1, maxLength: 10 })
  .map((all) =>
    all.filter(
      ({ isFeed, frame }, at) =>
        !isFeed || all.findIndex((other) => other.isFeed && other.frame === frame) === at,
    ),
  );

const inAnyOrder = copies.chain((sent) =>
  fc.tuple(
    fc.constant(sent),
    fc.shuffledSubarray(sent, { minLength: sent.length }),
    fc.array(fc.constantFrom(...sent), { maxLength: 4 }),
  ),
);

function deliverAll(sent: readonly Copy[]): Ledger {
  const ledger = createLedger();
  for (const one of sent) ledger.deliver(deliveredOf(one));
  return ledger;
}

/** The content in force of every fact; which of several account ids or places came first aside. */
function contentOf(ledger: Ledger): Map<string, unknown> {
  const { states } = ledger.known();
  const content = new Map<string, unknown>();
  for (const { id, type } of ledger.events) {
    const state = states.get(id);
    if (state === undefined || !PROVIDER_FACTS.some((known) => known === type)) continue;
    content.set(id, { type, ...contentOfFact(state) });
  }
  return content;
}

function contentOfFact(state: FactState) {
  const { received_at: _r, account_id: _a, place: _p, ...stated } = inForce(state);
  const places = placesOf(state).map(({ connection, frame }) => `${connection}/${frame}`);
  return {
    stated,
    accountIds: accountIdsOf(state).toSorted(),
    places: places.toSorted(),
    contradicted: state.contradicted.length,
  };
}

describe("laws of ingest", () => {
  test("decide, record, decide again: nothing, for every delivery at every point", () => {
    fc.assert(
      fc.property(copies, (sent) => {
        const ledger = createLedger();
        for (const one of sent) {
          const delivery = deliveryOf(deliveredOf(one));
          for (const append of ledger.decide(delivery).appends) ledger.record(append);
          expect(ledger.decide(delivery)).toEqual({ outcome: "repeated", appends: [] });
        }
        const before = ledger.events.length;
        for (const one of sent) ledger.deliver(deliveredOf(one));
        expect(ledger.events.length).toBe(before);
      }),
    );
  });

  test("copies over several channels, in any order and repeated, come to the same content", () => {
    fc.assert(
      fc.property(inAnyOrder, ([sent, shuffled, repeated]) => {
        const content = contentOf(deliverAll(sent));
        expect(contentOf(deliverAll([...shuffled, ...repeated]))).toEqual(content);
        expect(contentOf(deliverAll([...repeated, ...sent]))).toEqual(content);
        for (const fact of content.values()) expect(fact).toMatchObject({ contradicted: 0 });
      }),
      { numRuns: 1500 },
    );
  });

  test("each fact is recorded once, and everything that any copy said is in force", () => {
    fc.assert(
      fc.property(copies, (sent) => {
        const ledger = deliverAll(sent);
        const ids = ledger.events.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        const runs = new Set(sent.map(({ run }) => run));
        const recorded = ledger.events.filter(({ type }) => type === "RunRecorded");
        expect(recorded).toHaveLength(runs.size);
        const content = contentOf(ledger);
        for (const { id, subject } of ledger.events.filter(isReport)) {
          const said = sent.some(
            (one) => one.says.balance && subjectOf(one) === `${subject} ${runOf(ledger, id)}`,
          );
          const fact = content.get(id) as { stated: { balance?: string } };
          expect(fact.stated.balance !== undefined).toBe(said);
        }
      }),
    );
  });
});

const isReport = ({ type }: Readonly<{ type: string }>) => type === "BalanceReported";
const subjectOf = ({ account, run }: Copy) =>
  `zerohash:DEF456:ABC123:general:${ACCOUNT_TYPES[account]}:BTC ${run}`;
const runOf = (ledger: Ledger, id: string) => ledger.known().states.get(id)?.data.run_id;
