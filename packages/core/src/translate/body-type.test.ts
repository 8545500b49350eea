import { describe, expect, test } from "@jest/globals";
import { SCENARIOS } from "../../../../services/simulator/src/play-deliveries.ts";
import { read } from "./testing/reading.ts";
import { ZERO_HASH_TYPES } from "./translate.ts";

const FOLDED = Object.keys(ZERO_HASH_TYPES);

/** Types that share one shape: only the header tells them apart. */
const ALIKE: readonly (readonly string[])[] = [
  ["deposit_fund_complete", "crypto_pay_status_changed"],
  ["trade.status_changed", "trade_status_changed"],
];

const alikeWith = (payloadType: string): readonly string[] =>
  ALIKE.find((types) => types.includes(payloadType)) ?? [payloadType];

/** Printed bodies, by the type that they are printed for. */
const PRINTED = [...SCENARIOS.values()]
  .flatMap(({ steps }) => steps)
  .flatMap((step) =>
    step.kind === "zerohash-webhook" ? [[step.payloadType, step.body] as const] : [],
  );

/**
 * Documented bodies that no scenario contains: REST's words, failures, a payload without any time.
 */
const SPARE = [
  ["deposit.status_changed", { deposit_id: "d", status: "CONFIRMED", asset: "ETH", amount: "1" }],
  ["payment_status_changed", { payment_id: null, status: "failed", participant_code: "P" }],
  ["payment_status_changed", { transaction_id: "t", payment_status: "pending", type: "debit" }],
  ["deposit_fund_complete", { fund_id: "", transaction_id: "", success: false, reason: "expired" }],
  ["crypto_pay_status_changed", { fund_id: "f", transaction_id: "t", success: true }],
  ["payout.status_updated", { payout_id: "p", resources: { payor: {}, payment: { status: "" } } }],
  ["trade_status_changed", { trade_id: "t", status: "active", participant_code: "P" }],
].map(([payloadType, body]) => [String(payloadType), JSON.stringify(body)] as const);

const BODIES = [...PRINTED, ...SPARE];

describe("a body under a header that says another type", () => {
  test("every folded type has printed or spare bodies", () => {
    expect(new Set(BODIES.map(([payloadType]) => payloadType))).toEqual(new Set(FOLDED));
  });

  test.each(FOLDED)("%s: what is not of its shape states nothing", (header) => {
    for (const [payloadType, text] of BODIES) {
      const { ok } = read({ payloadType: header, text });
      expect({ payloadType, text, ok }).toEqual({
        ...{ payloadType, text },
        ok: alikeWith(header).includes(payloadType),
      });
    }
  });

  test.each(BODIES)("%s: every other type that could read %s is named", (payloadType, text) => {
    for (const header of [...FOLDED, "participant_updated", "unspecified", "of.nobody"]) {
      const { otherTypes: named = [] } = read({ payloadType: header, text });
      const reading = FOLDED.filter((other) => read({ payloadType: other, text }).ok);
      const isAlike = (other: string) => header.startsWith("trade") && other.startsWith("trade");
      const expected = reading.filter((other) => other !== header && !isAlike(other));
      expect({ header, named: [...named].sort() }).toEqual({ header, named: expected.sort() });
      expect(reading).toContain(payloadType);
    }
  });

  test.each([[null], ["run_id"], [["run_id"]], [7]])("%j is of no type", (value) => {
    const text = JSON.stringify(value);
    expect(read({ payloadType: "unspecified", text }).otherTypes).toBeUndefined();
  });
});
