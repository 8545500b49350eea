import type { ProviderFact } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { describe, expect, test } from "@jest/globals";
import { testHashing as hashing } from "../translate/testing/hashing.ts";
import { factsIn } from "../translate/testing/reading.ts";
import { inForce } from "./fact-state.ts";
import { RETRANSLATION_STEPS } from "./retranslate.ts";
import { brief, createLedger, deliveryOf, type Ledger, stated } from "./testing/ledger.ts";

const ACCOUNT = {
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
};
const balance = (more: object = {}) => ({
  payloadType: "account_balance.changed",
  body: { ...ACCOUNT, balance: "1", run_id: "7", ...more },
});

/** What a later translation reads: the same facts, changed or left out, marked as its own. */
type Change = (fact: ProviderFact) => object | null;

/** Reads every delivery with translation 2 (`changes`, by delivery), step by step; the events. */
function retranslate(ledger: Ledger, changes: readonly Change[]): readonly RecordedEvent[] {
  const before = ledger.events.length;
  const deliveries = ledger.events.filter(({ type }) => type === "DeliveryReceived");
  for (const { decide } of RETRANSLATION_STEPS) {
    deliveries.forEach((received, at) => {
      const caused = ledger.events.filter(
        ({ causation_id, position, type }) =>
          causation_id === received.id && position <= before && !type.startsWith("Delivery"),
      );
      const facts = (sent.get(received.id) ?? []).flatMap((fact) => {
        const data = changes[at]?.(fact);
        return data === null
          ? []
          : [{ ...fact, data: { ...data, translation: 2 } } as ProviderFact];
      });
      const cause = { deliveryId: received.id, correlationId: null, receivedAt: RECEIVED };
      ledger.record(decide({ facts, caused, translation: 2, cause }, ledger.known(), hashing));
    });
  }
  return ledger.events.slice(before);
}

const RECEIVED = "2025-05-01T15:23:10Z";
const same: Change = ({ data }) => data;
const without =
  (type: ProviderFact["type"]): Change =>
  (fact) =>
    fact.type === type ? null : fact.data;
const withData =
  (type: ProviderFact["type"], data: object): Change =>
  (fact) =>
    fact.type === type ? { ...fact.data, ...data } : fact.data;

let sent = new Map<string, readonly ProviderFact[]>();

function ledgerOf(...deliveries: readonly ReturnType<typeof balance>[]): Ledger {
  const ledger = createLedger();
  sent = new Map(deliveries.map((one) => [deliveryOf(one).id, factsIn(one)]));
  for (const one of deliveries) ledger.deliver(one);
  return ledger;
}

function reportIn(ledger: Ledger) {
  const id = ledger.events.find(({ type }) => type === "BalanceReported")?.id ?? "";
  const state = ledger.known().states.get(id);
  if (state === undefined) throw new Error("no report");
  return { ...state, inForce: inForce(state) };
}

describe("another translation over the stored bytes", () => {
  test("that reads the same appends nothing", () => {
    const ledger = ledgerOf(balance(), balance({ balance: "2" }), balance({ run_type: "deposit" }));
    expect(retranslate(ledger, [same, same, same])).toEqual([]);
  });

  test("corrects what it reads differently; the fact keeps its position", () => {
    const ledger = ledgerOf(balance());
    const events = retranslate(ledger, [withData("BalanceReported", { balance: "3" })]);
    expect(brief(events)).toEqual(["FactCorrected"]);
    expect(reportIn(ledger)).toMatchObject({ inForce: { balance: "3" }, position: 3 });
    expect(retranslate(ledger, [withData("BalanceReported", { balance: "3" })])).toEqual([]);
  });

  test("withdraws what it does not read, and records what is new", () => {
    const ledger = ledgerOf(balance());
    const events = retranslate(ledger, [withData("BalanceReported", { run_id: "8" })]);
    expect(brief(events)).toEqual(["FactWithdrawn", "BalanceReported"]);
    expect(reportIn(ledger).withdrawn).toBe(true);
    expect(stated(ledger.events, "BalanceReported").map((data) => data.run_id)).toEqual(["7", "8"]);
  });

  test("another delivery that states a withdrawn fact revives it", () => {
    const ledger = ledgerOf(balance(), balance({ comment: "a second copy" }));
    const events = retranslate(ledger, [without("BalanceReported"), same]);
    expect(brief(events)).toEqual(["FactWithdrawn", "FactCorrected"]);
    expect(reportIn(ledger)).toMatchObject({ withdrawn: false, inForce: { balance: "1" } });
  });

  test("withdraws an addition that its delivery does not state; another delivery's is in force again", () => {
    const ledger = ledgerOf(
      balance(),
      balance({ run_type: "deposit" }),
      balance({ run_type: "deposit", comment: "a third copy" }),
    );
    const events = retranslate(ledger, [
      same,
      withData("BalanceReported", { run_type: undefined }),
      same,
    ]);
    expect(brief(events)).toEqual(["FactWithdrawn", "FactSeen"]);
    expect(reportIn(ledger).inForce.run_type).toBe("deposit");
  });

  test("withdraws a contradiction that the correction agrees with", () => {
    const ledger = ledgerOf(balance(), balance({ balance: "2" }));
    const events = retranslate(ledger, [withData("BalanceReported", { balance: "2" }), same]);
    expect(brief(events)).toEqual(["FactCorrected", "FactWithdrawn"]);
    expect(reportIn(ledger)).toMatchObject({ contradicted: [], inForce: { balance: "2" } });
  });

  /** A delivery about run 8 that a faulty translation read as being about run 7. */
  const ledgerOfFault = (...others: readonly ReturnType<typeof balance>[]) => {
    const ledger = createLedger();
    const wrong = deliveryOf(balance({ balance: "9", run_id: "7", comment: "run 8" }));
    sent = new Map([[wrong.id, factsIn(balance({ balance: "9", run_id: "7" }))]]);
    ledger.deliver(wrong);
    for (const other of others) {
      sent.set(deliveryOf(other).id, factsIn(other));
      ledger.deliver(other);
    }
    return ledger;
  };
  const mended = [withData("BalanceReported", { run_id: "8" }), same];

  test("leaves no contradiction at a fact that the contradicting delivery revives", () => {
    const ledger = ledgerOfFault(balance());
    expect(brief(retranslate(ledger, mended))).toEqual([
      "FactWithdrawn×2",
      "BalanceReported",
      "FactCorrected",
    ]);
    expect(reportIn(ledger)).toMatchObject({ contradicted: [], inForce: { balance: "1" } });
    expect(retranslate(ledger, mended)).toEqual([]);
  });

  test("withdraws what a false copy added before it decides what a true one adds", () => {
    const ofRun8 = balance({ run_type: "deposit", comment: "of run 8" });
    const ofRun7 = balance({ run_type: "deposit", comment: "of run 7" });
    const ledger = ledgerOf(balance());
    const reading = { ok: true, snapshot: false, facts: factsIn(balance()) } as const;
    ledger.deliver(deliveryOf(ofRun7, { reading }));
    ledger.deliver(ofRun8);
    for (const one of [ofRun7, ofRun8]) sent.set(deliveryOf(one).id, factsIn(one));
    const events = retranslate(ledger, [same, same, withData("BalanceReported", { run_id: "8" })]);
    expect(brief(events)).toEqual(["FactWithdrawn", "FactSeen", "BalanceReported"]);
    expect(reportIn(ledger).inForce.run_type).toBe("deposit");
  });

  test("makes an addition of a contradiction whose opposite is withdrawn", () => {
    const ledger = ledgerOf(
      balance(),
      balance({ run_type: "deposit" }),
      balance({ run_type: "transfer" }),
    );
    const dropped = withData("BalanceReported", { run_type: undefined });
    retranslate(ledger, [same, dropped, same]);
    expect(reportIn(ledger)).toMatchObject({ contradicted: [], inForce: { run_type: "transfer" } });
  });

  test("of a delivery that states a fact twice, in two ways, appends nothing", () => {
    const movement = { movement_id: "m", movement_timestamp: 1_638_189_426_534 };
    const movements = [
      { ...movement, change: "1" },
      { ...movement, change: "2" },
    ];
    const ledger = ledgerOf(balance({ movements }));
    expect(brief(ledger.events)).toContain("FactContradicted");
    expect(retranslate(ledger, [same])).toEqual([]);
  });
});
