import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ACCOUNT_TYPES, type Copy, contentOf, copies, deliveredOf } from "./testing/copies.ts";
import { createLedger, deliveryOf, type Ledger } from "./testing/ledger.ts";

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
      { numRuns: 150 },
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
