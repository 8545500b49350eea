import { describePostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import type { ModelName } from "@counterfoil/contracts/fact";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Translations } from "@counterfoil/core/translate/translation";
import { rebuildModel } from "@counterfoil/processing/generations/rebuild";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES, STOPPED } from "@counterfoil/processing/models/columns";
import { RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import { createRandom } from "@counterfoil/simulator/random";
import { afterEach, describe, expect, test } from "@jest/globals";
import { balanceBody, take } from "../system/messages.ts";
import {
  type Engine,
  hashing,
  type LedgerOptions,
  type OpenTestEngine,
  openTestLedger,
  type TestLedger,
} from "../system/support.ts";
import { postgresEngine } from "./server-engines.ts";

/** Before ids were measured. */
const EARLIER: Translations = { ...TRANSLATIONS, present: 2 };

const ALPHABETS = {
  letters: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
  "two bytes a character": "äëïöüáéíóúàèìòùâêîôûñçøåæþðß",
  "what JSON escapes": '"\\\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u000e\u000f\u0010\u0011',
} as const;
type Alphabet = keyof typeof ALPHABETS;

const SIZE = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

/** Text that no engine can compress to less, of so many bytes at most. */
function noise(seed: string, bytesMax: number, alphabet: Alphabet = "letters"): string {
  const random = createRandom(seed, alphabet);
  const letters = [...ALPHABETS[alphabet]];
  let text = "";
  for (;;) {
    const longer = text + random.pick(letters);
    if (SIZE(longer) > bytesMax) return text;
    text = longer;
  }
}

let ledger: TestLedger;
afterEach(() => ledger.close());

const open = async (options: LedgerOptions) => {
  ledger = await openTestLedger({ live: false, ...options });
  return ledger;
};

const stoppedIn = async (model: ModelName) =>
  (await ledger.rows(model, STOPPED)).map(({ subject }) => String(subject));

/**
 * Everything that may be as long as it can be: every type, each id another text. Of two owners the
 * ids are the same, so that these are in conflict, which makes them longer.
 */
function longest(alphabet: Alphabet, owned: number) {
  let count = owned;
  const id = (bytes = 256) => {
    count += 1;
    return noise(`${count}`, bytes, alphabet);
  };
  // An account's id escapes all but letters and digits: a byte is three then.
  const part = () =>
    id(alphabet === "letters" ? 95 : alphabet === "two bytes a character" ? 30 : 60);
  const holder = { participant_code: part(), account_group: part(), account_label: part() };
  const account = { ...holder, account_type: "available", asset: part(), account_id: id() };
  const owner = { participant_code: id(), account_group: id(), account_label: id() };
  count = 0;
  const coin = { asset: id(), network: id(), amount: "9".repeat(256) };
  const timestamp = 1_746_000_000_000;
  const run = (run_type: string, movement_type: string, change: string) => ({
    payloadType: "account_balance.changed",
    body: {
      ...account,
      balance: "1",
      run_id: id(),
      run_type,
      timestamp,
      movements: [
        {
          ...{ movement_id: id(), movement_type, change, movement_timestamp: timestamp },
          ...{ deposit_reference_id: id(), withdrawal_request_id: id(), client_transfer_id: id() },
        },
      ],
    },
  });
  const nines = "9".repeat(255);
  return [
    run("deposit", "deposit", nines),
    run("withdrawal", "withdrawal_pending", `-${nines}`),
    run("withdrawal", "withdrawal_confirmed", nines),
    run("withdrawal", "withdrawal", `-${nines}`),
    {
      payloadType: "deposit.status_changed",
      body: {
        ...{ ...owner, ...coin, deposit_id: id(), state: id(), account_id: id() },
        ...{ transaction_hash: id(), source_address: id(), received_address: id() },
      },
    },
    {
      payloadType: "payment_status_changed",
      body: {
        ...{ ...owner, ...coin, payment_id: id(), transaction_id: id(), payment_status: id() },
        ...{ reference_id: id(), quoted_currency: id() },
        payment_details: { withdrawal_request_id: id(), on_chain_transaction_id: id() },
      },
    },
    {
      payloadType: "deposit_fund_complete",
      body: {
        ...{ ...owner, fund_asset: id(), network: id(), quantity: nines, fund_id: id() },
        ...{ transaction_id: id(), deposit_address: id(), source_address: id() },
      },
    },
    {
      payloadType: "trade.status_changed",
      body: { trade_id: id(), client_trade_id: id(), trade_state: id(), timestamp },
    },
    ...["deposit", "withdrawal"].map((kind) => ({
      provider: "layer1" as const,
      body: {
        event: `layer1:crypto:${kind}:status-change`,
        timestamp: "2025-05-01T15:23:10Z",
        data: { id: id(), status: id(), asset: id(), amount: nines, hash: id(), reference: id() },
      },
    })),
    {
      provider: "layer1" as const,
      body: {
        event: "layer1:crypto:balance:updated",
        timestamp: "2025-05-01T15:23:10Z",
        data: { address: part(), asset: part(), funds: [{ type: "AVAILABLE", balance: nines }] },
      },
    },
  ];
}

function defineLimits(engineOf: () => Engine | OpenTestEngine): void {
  test.each(Object.keys(ALPHABETS) as Alphabet[])(
    "the longest ids that are taken stop nothing, of two owners in conflict: %s",
    async (alphabet) => {
      await open({ engine: engineOf() });
      for (const message of [...longest(alphabet, 1000), ...longest(alphabet, 2000)]) {
        expect(await take(ledger, message)).not.toMatchObject({ outcome: "quarantined" });
      }
      await ledger.catchUp();
      for (const model of MODEL_NAMES) expect(await stoppedIn(model)).toEqual([]);
      expect(await ledger.rows("balances", ACCOUNTS)).toHaveLength(3);
      const anomalies = await ledger.rows("deposits", ANOMALIES);
      expect(anomalies.map(({ kind }) => kind)).toContain("id_conflict");
      for (const model of MODEL_NAMES.slice(1)) {
        expect((await ledger.rows(model, RECORDS)).length).toBeGreaterThan(0);
      }
    },
  );

  test("a signed webhook with an id of 3,000 characters is quarantined, the others go on", async () => {
    await open({ engine: engineOf() });
    const trade_id = noise("long", 3000);
    const payloadType = "trade.status_changed";
    expect(
      await take(ledger, { payloadType, body: { trade_id, trade_state: "active" } }),
    ).toMatchObject({ outcome: "quarantined", reason: "too_long" });
    await take(ledger, { payloadType, body: { trade_id: "t1", trade_state: "active" } });
    await ledger.catchUp();
    expect((await ledger.rows("trades", RECORDS)).map(({ id }) => id)).toEqual(["t1"]);
    const [quarantined] = await ledger.events(["DeliveryQuarantined"]);
    expect(JSON.parse(quarantined?.data ?? "").detail).toBe(
      "trade_id of TradeStatusReported takes 3000 bytes, expected 256 at most",
    );
    expect(quarantined?.data.length).toBeLessThan(1000);
  });
}

describe("on SQLite", () => defineLimits(() => "sqlite"));

describePostgres("on PostgreSQL", (use) => {
  const engineOf = () => postgresEngine(use().url);
  defineLimits(engineOf);

  const LONG = noise("old", 3000);
  const trade = (trade_id: string, trade_state: string) => ({
    payloadType: "trade.status_changed",
    body: { trade_id, trade_state },
  });

  /** A ledger that an earlier program has written. */
  async function openOld(): Promise<void> {
    await open({ engine: engineOf(), translations: EARLIER });
    for (let n = 0; n < 40; n += 1) await take(ledger, trade(`t${n}`, "active"));
    await take(ledger, trade(LONG, "active"));
    // Its row's key is short; an index beside the key is not.
    const group = { participant_code: "P1", account_group: noise("group", 3000) };
    const payment = { ...group, payment_id: "p1", payment_status: "posted", amount: "1" };
    await take(ledger, { payloadType: "payment_status_changed", body: payment });
    const account = { participant_code: noise("account", 3000) };
    const change = { run: 1, change: "1", balance: "1", at: 1_746_000_000_000 };
    await take(ledger, { body: balanceBody({ ...change, account }) });
    await take(ledger, { body: balanceBody({ ...change, run: 2 }) });
    for (let n = 0; n < 40; n += 1) await take(ledger, trade(`t${n}`, "terminated"));
    await take(ledger, trade(LONG, "terminated"));
  }

  const beginning = (id: string) => expect.stringMatching(new RegExp(`^${id}.*…#[0-9a-f]{64}$`));

  async function expectStops(): Promise<void> {
    expect(await stoppedIn("trades")).toEqual([beginning("trade:zerohash:")]);
    expect(await stoppedIn("withdrawals")).toEqual(["payment:zerohash:p1"]);
    expect(await stoppedIn("balances")).toEqual([beginning("zerohash:")]);
  }

  test("an old ledger's longer ids stop as subjects, and are shown; the others go on", async () => {
    await openOld();
    await ledger.catchUp();
    await expectStops();
    const trades = await ledger.rows("trades", RECORDS);
    expect(trades.map(({ stage }) => stage)).toEqual(Array(40).fill("terminated"));
    expect(await ledger.rows("balances", ACCOUNTS)).toHaveLength(1);
    const [row] = await ledger.rows("trades", STOPPED);
    expect(row).toMatchObject({ type: "TradeStatusReported", waiting: 2 });
    expect(row?.error).toMatch(/index row size \d+ exceeds/);
    const shown = (await ledger.rows("trades", ANOMALIES)).filter(({ kind }) => kind === "stopped");
    expect(shown).toMatchObject([{ subject: row?.subject, closed_position: null }]);
  });

  test("a rebuild stops the same subjects", async () => {
    await openOld();
    await ledger.catchUp();
    const { stream, catalogue, clock } = ledger;
    for (const model of ["trades", "withdrawals", "balances"] as const) {
      const projection = PROJECTIONS[model];
      const result = await rebuildModel({
        ...{ stream, catalogue, clock, hashing, projection },
        build: "test",
      });
      expect(result).toMatchObject({ outcome: "activated" });
    }
    await expectStops();
  });
});
