import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Translate, Translations } from "@counterfoil/core/translate/translation";
import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { retryQuarantined } from "@counterfoil/processing/ingest/retry-quarantined";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { readQuarantine } from "@counterfoil/processing/queries/quarantine";
import { expect, test } from "@jest/globals";
import { ACCOUNT, delivery } from "./messages.ts";
import { hashing, type LedgerOptions, openTestLedger, type TestLedger } from "./support.ts";

type Engine = NonNullable<LedgerOptions["engine"]>;

const DEPOSIT = "deposit.status_changed";
const FUND = "deposit_fund_complete";
const PAY = "crypto_pay_status_changed";
const PAYMENT = "payment_status_changed";

const TYPES = ["account_balance.changed", DEPOSIT, PAYMENT, FUND, PAY, "trade.status_changed"];
const UNFOLDED = ["unspecified", "participant_updated", "of.nobody", ""];

const DEPOSITED = {
  deposit_id: "d",
  state: "completed",
  asset: "ETH",
  amount: "1",
  timestamp: 1777456800,
};
const FUNDED = {
  fund_id: "f",
  fund_asset: "ETH",
  quantity: "1",
  success: true,
  fund_timestamp: 1777456800,
};
/** As the page prints it: no time at all. */
const PAID = { transaction_id: "t", payment_status: "pending", type: "debit", amount: "250" };
const BALANCE = { ...ACCOUNT, balance: "1", run_id: "1", movements: [], timestamp: 1777456800123 };

const STATEMENTS = /Reported$|Recorded$|^FactSeen$|^FactContradicted$/;

async function statements(ledger: TestLedger): Promise<readonly string[]> {
  const events = await ledger.events();
  return events.map(({ type }) => type).filter((type) => STATEMENTS.test(type));
}

const send = (ledger: TestLedger, body: unknown, payloadType: string, notificationId = "n") =>
  ledger.submit({
    ...delivery({ body, payloadType, receivedAt: ledger.clock.now() }),
    notificationId,
  });

const quarantine = ({ stream }: TestLedger) =>
  Array.fromAsync(readQuarantine(stream, { translations: TRANSLATIONS, hashing }));

async function conflicts(ledger: TestLedger) {
  await ledger.catchUp();
  const rows = await ledger.rows("balances", ANOMALIES);
  return rows.filter(
    ({ kind, closed_position }) => kind === "type_conflict" && closed_position === null,
  );
}

/** The same translation under the next number, as after an upgrade. */
function nextTranslations(): Translations {
  const { present, versions } = TRANSLATIONS;
  return {
    present: present + 1,
    versions: { ...versions, [present + 1]: versions[present] as never },
  };
}

async function retryAll(ledger: TestLedger) {
  const { stream, clock } = ledger;
  const outcomes: string[] = [];
  for (const record of await quarantine(ledger)) {
    const options = { stream, clock, hashing, translations: nextTranslations() };
    outcomes.push((await retryQuarantined(record, options)).outcome);
  }
  return outcomes;
}

/** One body states one type, on the engine that `engineOf` answers. */
export function defineOneTypeCases(engineOf: () => Engine): void {
  test.each([
    ["a balance", "account_balance.changed", BALANCE],
    ["a deposit", DEPOSIT, DEPOSITED],
    ["a fund", FUND, FUNDED],
    ["a payment without a time", PAYMENT, PAID],
  ] as const)(
    "%s is taken once; under any other type it is quarantined",
    async (_what, type, body) => {
      const ledger = await openTestLedger({ engine: engineOf() });
      expect(await send(ledger, body, type)).toMatchObject({ outcome: "recorded" });
      const before = await statements(ledger);
      const others = [...TYPES, ...UNFOLDED].filter((other) => other !== type);
      for (const other of others) {
        const receipt = { outcome: "quarantined", reason: "type_conflict" };
        expect(await send(ledger, body, other)).toMatchObject(receipt);
        expect(await send(ledger, body, other)).toMatchObject({ outcome: "repeated" });
      }
      expect(await send(ledger, body, type)).toMatchObject({ outcome: "repeated" });
      expect(await statements(ledger)).toEqual(before);
      expect(await conflicts(ledger)).toHaveLength(others.length);
      expect(new Set(await retryAll(ledger))).toEqual(new Set(["unreadable"]));
      expect((await quarantine(ledger)).every(({ reason }) => reason === "type_conflict")).toBe(
        true,
      );
      await retranslate({ ...ledger, translations: nextTranslations(), hashing });
      expect((await statements(ledger)).length).toBe(before.length);
      expect(await conflicts(ledger)).toHaveLength(others.length);
      await ledger.close();
    },
  );

  test("a forged copy that comes first binds nothing where its shape shows it", async () => {
    const ledger = await openTestLedger({ engine: engineOf() });
    const forged = [...TYPES, ...UNFOLDED].filter((other) => other !== DEPOSIT);
    for (const other of forged) await send(ledger, DEPOSITED, other);
    expect(await send(ledger, DEPOSITED, DEPOSIT)).toMatchObject({ outcome: "recorded" });
    expect((await statements(ledger)).filter((type) => type !== "NotificationRecorded")).toEqual([
      "DepositStatusReported",
    ]);
    expect(await conflicts(ledger)).toHaveLength(0);
    // Read again now, they are of a type that the body was not taken under.
    await retryAll(ledger);
    const open = (await quarantine(ledger)).filter(
      ({ resolved_position }) => resolved_position === null,
    );
    expect(open.every(({ reason }) => reason === "type_conflict")).toBe(true);
    expect(await conflicts(ledger)).toHaveLength(open.length);
    await ledger.close();
  });

  test("two spellings are one type", async () => {
    const ledger = await openTestLedger({ engine: engineOf() });
    const trade = { trade_id: "t", trade_state: "accepted", timestamp: 1746112199954 };
    await send(ledger, trade, "trade.status_changed");
    expect(await send(ledger, trade, "trade_status_changed")).toMatchObject({
      outcome: "recorded",
    });
    expect(await statements(ledger)).toEqual(["TradeStatusReported"]);
    expect(await conflicts(ledger)).toHaveLength(0);
    await ledger.close();
  });

  test("of two types that share a shape the stream takes one, whoever races", async () => {
    const ledger = await openTestLedger({ engine: engineOf(), ingests: 3 });
    for (let number = 0; number < 20; number += 1) {
      const body = { ...FUNDED, fund_id: `f${number}` };
      const receipts = await Promise.all(
        [FUND, PAY, FUND, PAY, PAYMENT].map((type) => send(ledger, body, type)),
      );
      expect(receipts.filter(({ outcome }) => outcome === "recorded")).toHaveLength(1);
    }
    expect(await statements(ledger)).toHaveLength(20);
    const refused = (await quarantine(ledger)).filter(
      ({ payload_type }) => payload_type !== PAYMENT,
    );
    expect(refused).toHaveLength(20);
    expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(["type_conflict"]));
    await ledger.close();
  });

  test("a delivery that left the quarantine binds its bytes", async () => {
    const blind: Translations = {
      present: 1,
      versions: { 1: () => ({ ok: false, reason: "shape", detail: "not yet" }) },
    };
    const ledger = await openTestLedger({ engine: engineOf(), translations: blind });
    await send(ledger, FUNDED, FUND);
    await ledger.translateWith(TRANSLATIONS);
    expect(await retryAll(ledger)).toEqual(["resolved"]);
    expect(await send(ledger, FUNDED, PAY)).toMatchObject({ reason: "type_conflict" });
    expect(await statements(ledger)).toEqual(["FundReported"]);
    await ledger.close();
  });

  test("what an older translation took as a type that the body does not show binds nothing", async () => {
    const read = TRANSLATIONS.versions[TRANSLATIONS.present] as Translate;
    const older: Translations = {
      present: 1,
      versions: {
        1: (source, given) =>
          read({ ...source, text: source.text?.replace("{", '{"fund_id":"",') ?? null }, given),
      },
    };
    const ledger = await openTestLedger({ engine: engineOf(), translations: older });
    expect(await send(ledger, BALANCE, FUND)).toMatchObject({ outcome: "recorded" });
    await ledger.translateWith(TRANSLATIONS);
    expect(await send(ledger, BALANCE, "account_balance.changed")).toMatchObject({
      outcome: "recorded",
    });
    expect(await send(ledger, BALANCE, PAY)).toMatchObject({ reason: "type_conflict" });
    await ledger.close();
  });
}
