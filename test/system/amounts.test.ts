import { ACCOUNTS, ENTRIES, STATEMENTS } from "@counterfoil/processing/models/balances/tables";
import { describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID, balanceBody, frameBody, snapshotBody, take } from "./messages.ts";
import { ENGINES, expectRebuilt, openTestLedger, type TestLedger } from "./support.ts";

const AT = 1_790_000_000_000;

async function account(ledger: TestLedger, id: string = ACCOUNT_ID) {
  await ledger.catchUp();
  return (await ledger.rows("balances", ACCOUNTS)).find((row) => row.id === id);
}

async function openLedger(engine: (typeof ENGINES)[number]) {
  const ledger = await openTestLedger({ engine });
  ledger.clock.set(BigInt(AT + 60_000) * 1_000_000n);
  return ledger;
}

const DIGITS_30 = "123456789012345678901234567890";
const DECIMALS_23 = "0.00000000000000000000001";

describe.each(ENGINES)("amounts, on %s", (engine) => {
  test.each([
    { first: [DIGITS_30, DIGITS_30], second: [DECIMALS_23, `${DIGITS_30}${DECIMALS_23.slice(1)}`] },
    { first: ["0.20000000", "0.20000000"], second: ["-.20", "0.00"] },
    { first: [".25", ".25"], second: ["-0.25", "0"] },
    { first: ["1e3", "1000"], second: ["1E-20", "1000.00000000000000000001"] },
    { first: [`-${DIGITS_30}`, `-${DIGITS_30}.5`], second: ["0.5", `-${DIGITS_30}`] },
  ])("$first.0 and $second.0 are kept to the last digit", async ({ first, second }) => {
    const ledger = await openLedger(engine);
    const changes = [first, second].map(([change = "", balance = ""], at) =>
      balanceBody({ run: at + 1, change, balance, at: AT + at * 5000 }),
    );
    for (const body of changes) await take(ledger, { body });
    const row = await account(ledger);
    expect(row?.balance).toBe(plain(second[1] ?? ""));
    expect(row?.status).toBe("continuous");
    const entries = await ledger.rows("balances", ENTRIES);
    expect(entries.map(({ change }) => change)).toEqual([
      plain(first[0] ?? ""),
      plain(second[0] ?? ""),
    ]);
    expect(entries.map(({ balance }) => balance)).toEqual([
      plain(first[1] ?? ""),
      plain(second[1] ?? ""),
    ]);
    await expectRebuilt(ledger);
    await ledger.close();
  });

  test("numbers in JSON lose no digit, and a missing digit is a gap", async () => {
    const ledger = await openLedger(engine);
    const printed = (change: string, balance: string, run: number) =>
      JSON.stringify(
        balanceBody({ run, change: "CHANGE", balance: "BALANCE", at: AT + run * 5000 }),
      )
        .replace('"CHANGE"', change)
        .replace('"BALANCE"', balance);
    await take(ledger, { body: printed("9007199254740993", "9007199254740993", 1) });
    await take(ledger, {
      body: printed("0.12345678901234567890123", "9007199254740993.12345678901234567890123", 2),
    });
    expect((await account(ledger))?.balance).toBe("9007199254740993.12345678901234567890123");
    expect((await account(ledger))?.open_gaps).toBe(0);
    await take(ledger, { body: printed("0", "9007199254740993.12345678901234567890124", 3) });
    expect((await account(ledger))?.open_gaps).toBe(1);
    const [gap] = (await ledger.rows("balances", ENTRIES)).filter(
      ({ missing }) => missing !== null,
    );
    expect(gap?.missing).toBe("0.00000000000000000000001");
    await expectRebuilt(ledger);
    await ledger.close();
  });

  test("Layer1 prints 23 decimals; a difference of 10^-18 is its rounding, more is a gap", async () => {
    const ledger = await openLedger(engine);
    const funds = (at: string, balance: string, delta: string) => ({
      event: "layer1:digital:balance:updated",
      timestamp: at,
      data: {
        reference: "r",
        address: "0xC4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9",
        asset: "ETH",
        funds: [{ type: "AVAILABLE", balance, delta }],
      },
    });
    const says = [
      funds(
        "2026-09-21T13:00:00.000000001Z",
        "0.12345678901234567890123",
        "0.12345678901234567890123",
      ),
      funds("2026-09-21T13:00:30.000000002Z", "0.22345678901234567890124", "0.1"),
      funds("2026-09-21T13:01:00.000000003Z", "0.32345678901234568000000", "0.1"),
    ];
    for (const body of says) {
      await take(ledger, {
        body,
        provider: "layer1",
        payloadType: "layer1:digital:balance:updated",
      });
    }
    const id = "layer1:0xc4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9:ETH:available";
    expect(await account(ledger, id)).toMatchObject({
      balance: "0.32345678901234568",
      open_gaps: 1,
    });
    await expectRebuilt(ledger);
    await ledger.close();
  });

  test("nanoseconds since 1970, beyond 2^53, as numbers", async () => {
    const ledger = await openLedger(engine);
    const body = balanceBody({ run: 1, change: "1", balance: "1", at: AT });
    const text = JSON.stringify(body).replace(
      `"movement_timestamp":${AT}`,
      '"movement_timestamp":1790000000123456789',
    );
    await take(ledger, { body: text });
    expect((await account(ledger))?.updated_at).toBe(1_790_000_000_123_456_789n);
    const [movement] = await ledger.events(["MovementRecorded"]);
    expect(movement?.occurred_at).toBe(1_790_000_000_123_456_789n);
    expect(movement?.data).toContain("2026-09-21T14:13:20.123456789Z");
    await expectRebuilt(ledger);
    await ledger.close();
  });

  test("a snapshot's .25 confirms 0.25000", async () => {
    const ledger = await openLedger(engine);
    const connection = "c-1";
    const openedAt = ledger.clock.now();
    await ledger.feedOpened({ provider: "zerohash", connection, multi_chain: true, openedAt });
    const update = frameBody({ run: 1, change: "0.25000", balance: "0.25000", at: AT + 60_000 });
    await take(ledger, { body: update, place: { connection, frame: 1 } });
    await take(ledger, {
      body: snapshotBody([{ balance: ".25" }]),
      place: { connection, frame: 2 },
    });
    expect(await account(ledger)).toMatchObject({ balance: "0.25", open_gaps: 0 });
    const entries = await ledger.rows("balances", ENTRIES);
    expect(entries.map(({ kind }) => kind)).toEqual(["run"]);
    const statements = await ledger.rows("balances", STATEMENTS);
    expect(statements.map(({ confirmed_by }) => confirmed_by)).toEqual(["run:1"]);
    await ledger.close();
  });
});

/** As people write it: no exponent, no zeros at the end. */
function plain(amount: string): string {
  const known: Readonly<Record<string, string>> = {
    "0.20000000": "0.2",
    "-.20": "-0.2",
    "0.00": "0",
    ".25": "0.25",
    "1e3": "1000",
    "1E-20": "0.00000000000000000001",
  };
  return known[amount] ?? amount;
}
