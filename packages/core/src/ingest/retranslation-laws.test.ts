import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { testHashing as hashing } from "../translate/testing/hashing.ts";
import { RETRANSLATION_STEPS } from "./retranslate.ts";
import { type Copy, contentOf, copies, deliveredOf } from "./testing/copies.ts";
import { createLedger, deliveryOf, type Ledger } from "./testing/ledger.ts";

type Fault = (data: Record<string, unknown>) => object;

const FAULTS: Readonly<Record<string, Fault>> = {
  "runs that fall together": (data) => ("run_id" in data ? { run_id: first(data.run_id) } : {}),
  "movements that fall together": (data) =>
    "movement_id" in data ? { movement_id: `m${first(data.run_id)}-0` } : {},
  "accounts that fall together": (data) =>
    "account" in data ? { account: String(data.account).replace("collateral", "available") } : {},
  "wrong balances": (data) => ("balance" in data ? { balance: `-${data.balance}` } : {}),
  "references dropped": () => ({ withdrawal_request_id: undefined, run_type: undefined }),
  "wrong times": (data) =>
    "occurred_at" in data ? { occurred_at: "1970-01-19T23:03:09.426Z" } : {},
};

/**
 * A faulty translation reads run 2 as run 1, about which another delivery makes a true statement.
 */
const first = (run: unknown): string => (String(run) === "2" ? "1" : String(run));

function readBy(translation: number, fault: Fault, copy: Copy) {
  const delivery = deliveryOf(deliveredOf(copy));
  const { received, reading } = delivery;
  if (!reading.ok) throw new Error(reading.detail);
  const facts = reading.facts.map((fact) => {
    const data = { ...fact.data, ...fault(fact.data), translation };
    return { ...fact, data: JSON.parse(JSON.stringify(data)) } as ProviderFact;
  });
  return { ...delivery, received: { ...received, translation }, reading: { ...reading, facts } };
}

type Reading = (copy: Copy) => ReturnType<typeof readBy>;

/** Every delivery of the ledger, read again, step by step. @returns what was appended */
function retranslate(
  ledger: Ledger,
  sent: readonly Copy[],
  read: Reading,
): readonly RecordedEvent[] {
  const before = ledger.events.length;
  const deliveries = new Map(sent.map((copy) => [read(copy).id, read(copy)]));
  for (const { decide } of RETRANSLATION_STEPS) {
    for (const [id, { reading, received }] of deliveries) {
      const caused = ledger.events.filter(
        ({ causation_id, position, type }) =>
          causation_id === id && position <= before && !type.startsWith("Delivery"),
      );
      const { translation, received_at: receivedAt } = received;
      const cause = { deliveryId: id, correlationId: null, receivedAt };
      const retranslation = { facts: reading.facts, caused, translation, cause };
      ledger.record(decide(retranslation, ledger.known(), hashing));
    }
  }
  return ledger.events.slice(before);
}

const nothing: Fault = () => ({});

function deliverAll(sent: readonly Copy[]): Ledger {
  const ledger = createLedger();
  for (const copy of sent) ledger.deliver(deliveredOf(copy));
  return ledger;
}

const faults = fc.constantFrom(...Object.values(FAULTS));
const RUNS = 40;

describe.each(Object.entries(FAULTS))("a ledger that was read with %s", (_, fault) => {
  const faulty: Reading = (copy) => readBy(1, fault, copy);
  const mended: Reading = (copy) => readBy(2, nothing, copy);

  test("says, once retranslated, what one says that never was", () => {
    fc.assert(
      fc.property(copies, fc.nat(10), fc.nat(10), (sent, until, between) => {
        const ledger = createLedger();
        for (const [at, copy] of sent.entries()) {
          if (at === between) retranslate(ledger, sent.slice(0, at), mended);
          ledger.deliver(at < Math.min(until, between) ? faulty(copy) : mended(copy));
        }
        retranslate(ledger, sent, mended);
        expect(contentOf(ledger)).toEqual(contentOf(deliverAll(sent)));
        expect(retranslate(ledger, sent, mended)).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  test("also where it was first retranslated into another fault; and then nothing is left", () => {
    fc.assert(
      fc.property(copies, fc.nat(10), faults, (sent, until, otherFault) => {
        const ledger = createLedger();
        const worse: Reading = (copy) => readBy(2, otherFault, copy);
        for (const [at, copy] of sent.entries()) {
          ledger.deliver(at < until ? faulty(copy) : worse(copy));
        }
        retranslate(ledger, sent, worse);
        retranslate(ledger, sent, (copy) => readBy(3, nothing, copy));
        expect(contentOf(ledger)).toEqual(contentOf(deliverAll(sent)));
        expect(retranslate(ledger, sent, (copy) => readBy(4, nothing, copy))).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });
});
