import { describe, expect, test } from "@jest/globals";
import { dataIn, factsIn, RECEIVED_AT, read, refusalOf } from "./testing/reading.ts";
import { TRANSLATIONS } from "./translate.ts";

const ACCOUNT = {
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
};
const ID = "zerohash:DEF456:ABC123:general:available:BTC";
const UUID = "009bbe95-256b-423e-913f-139684017032";
const MOVEMENT = {
  movement_id: "m1",
  movement_type: "deposit",
  movement_timestamp: "2021-11-29T12:09:28.759838Z",
  change: "0.20000000",
};
const RUN = { run_id: 94077, run_type: "deposit", run_timestamp: "2021-11-29T12:09:28.684765Z" };

type Fields = Readonly<Record<string, unknown>>;

const webhook = (more: Fields = {}) => ({
  payloadType: "account_balance.changed",
  body: { ...ACCOUNT, ...RUN, balance: ".45", movements: [MOVEMENT], ...more },
});
const frame = (body: unknown, envelope: Fields = { messageType: "balance-updated" }) => ({
  payloadType: "feed",
  frame: 7,
  body: { ...envelope, body },
});
const update = (more: Fields = {}) =>
  frame({ ...ACCOUNT, ...RUN, account_id: UUID, balance: ".45", movements: [MOVEMENT], ...more });
const snapshot = (...rows: readonly unknown[]) => frame(rows, { messageType: "initial-balance" });

const reportIn = (delivered: Parameters<typeof dataIn>[0]) =>
  dataIn(delivered, "BalanceReported")[0];
const movementIn = (delivered: Parameters<typeof dataIn>[0]) =>
  dataIn(delivered, "MovementRecorded")[0];
const runIn = (delivered: Parameters<typeof dataIn>[0]) => dataIn(delivered, "RunRecorded")[0];

describe("balance-updated", () => {
  test("is a run, its movements and what the balance is after it", () => {
    expect(factsIn(update())).toEqual([
      {
        type: "RunRecorded",
        data: {
          provider: "zerohash",
          run_id: "94077",
          run_type: "deposit",
          occurred_at: "2021-11-29T12:09:28.684765Z",
          translation: TRANSLATIONS.present,
        },
      },
      {
        type: "MovementRecorded",
        data: {
          provider: "zerohash",
          account: ID,
          account_id: UUID,
          movement_id: "m1",
          movement_type: "deposit",
          change: "0.2",
          run_id: "94077",
          run_type: "deposit",
          occurred_at: "2021-11-29T12:09:28.759838Z",
          received_at: RECEIVED_AT,
          translation: TRANSLATIONS.present,
        },
      },
      {
        type: "BalanceReported",
        data: {
          provider: "zerohash",
          account: ID,
          account_id: UUID,
          run_id: "94077",
          run_type: "deposit",
          balance: "0.45",
          occurred_at: "2021-11-29T12:09:28.684765Z",
          place: { connection: "c1", frame: 7 },
          received_at: RECEIVED_AT,
          translation: TRANSLATIONS.present,
        },
      },
    ]);
  });

  test.each([
    ["messageType", { messageType: "balance-updated" }],
    ["message_type (provider facts 10.1)", { message_type: "balance-updated" }],
    ["an empty messageType beside it", { messageType: "", message_type: "balance-updated" }],
  ])("by %s", (_what, envelope) => {
    const body = { ...ACCOUNT, ...RUN, balance: "1" };
    expect(factsIn(frame(body, envelope)).map(({ type }) => type)).toEqual([
      "RunRecorded",
      "BalanceReported",
    ]);
  });

  test.each([
    ["a frame of another type", { messageType: "available-symbols" }, "unknown_type"],
    ["a frame without type", {}, "unknown_type: messageType is missing"],
    ["a pong that came this far", { messageType: "pong" }, "unknown_type"],
    ["an update without body", { messageType: "balance-updated" }, "shape: balance"],
    ["a snapshot without body", { messageType: "initial-balance" }, "shape: snapshot"],
  ])("%s is quarantined", (_what, envelope, expected) => {
    expect(refusalOf(frame(undefined, envelope))).toContain(expected);
  });
});

describe("account_balance.changed", () => {
  test("has no account_id but those of its movements", () => {
    const delivered = webhook({ movements: [MOVEMENT, { ...MOVEMENT, account_id: UUID }] });
    expect(reportIn(delivered)).toMatchObject({ account: ID, account_id: UUID, balance: "0.45" });
    expect(reportIn(delivered)).not.toHaveProperty("place");
    expect(dataIn(delivered, "MovementRecorded").map((data) => data.account_id)).toEqual([
      undefined,
      UUID,
    ]);
  });

  test.each([
    ["empty", []],
    ["null", null],
    ["absent", undefined],
  ])("its movements may be %s: the five-tuple finds the account", (_what, movements) => {
    const delivered = webhook({ movements });
    expect(factsIn(delivered).map(({ type }) => type)).toEqual(["RunRecorded", "BalanceReported"]);
    expect(reportIn(delivered)).not.toHaveProperty("account_id");
  });

  test.each([
    ["run_id, a number (provider facts 10.2)", { run_id: 85693 }, { run_id: "85693" }],
    ["run_id, a string (provider facts 10.2)", { run_id: "4149614" }, { run_id: "4149614" }],
    ["run_id beyond 2^53", { run_id: "9007199254740993" }, { run_id: "9007199254740993" }],
    ["run_type null", { run_type: null }, {}],
    [
      "the time in milliseconds",
      { run_timestamp: undefined, timestamp: 1746113199073 },
      { occurred_at: "2025-05-01T15:26:39.073Z" },
    ],
    [
      "the time in seconds, a month early (provider facts 10.9)",
      { run_timestamp: undefined, timestamp: 1743593652 },
      { occurred_at: "2025-04-02T11:34:12Z" },
    ],
    [
      "the time as a string",
      { run_timestamp: undefined, timestamp: "1743593652" },
      { occurred_at: "2025-04-02T11:34:12Z" },
    ],
  ])("%s", (_what, fields, expected) => {
    expect(runIn(webhook(fields))).toMatchObject(expected);
  });

  test("without any time it is still a run", () => {
    const delivered = webhook({ run_timestamp: null, timestamp: "" });
    expect(runIn(delivered)).not.toHaveProperty("occurred_at");
    expect(reportIn(delivered)).not.toHaveProperty("occurred_at");
  });

  test.each([
    [
      "the provider's ids are opaque (provider facts 10.7)",
      "withdrawal_request_id",
      "27669",
      "27669",
    ],
    ["a number is an id too (provider facts 10.15)", "transfer_request_id", 339910, "339910"],
    ["deposit_reference_id", "deposit_reference_id", "931eb628b2abf356", "931eb628b2abf356"],
    ["trade_id", "trade_id", "829ddc5b", "829ddc5b"],
    ["transfer_type", "transfer_type", "trade_allocation", "trade_allocation"],
    ["client_transfer_id", "client_transfer_id", "c-1", "c-1"],
    ["parent_link_id", "parent_link_id", "p-1", "p-1"],
    ["order_id", "order_id", 3, "3"],
    ["origin", "origin", "sdk", "sdk"],
    ["unknown: an empty string", "withdrawal_request_id", "", undefined],
    ["unknown: null", "withdrawal_request_id", null, undefined],
  ])("%s", (_what, name, printed, expected) => {
    const movement = movementIn(webhook({ movements: [{ ...MOVEMENT, [name]: printed }] }));
    expect(movement?.[name as "origin"]).toBe(expected);
  });

  test("client_transfer_id of the message counts where the movement has none", () => {
    const movements = [MOVEMENT, { ...MOVEMENT, client_transfer_id: "mine" }];
    const delivered = webhook({ client_transfer_id: "common", movements });
    expect(dataIn(delivered, "MovementRecorded").map((data) => data.client_transfer_id)).toEqual([
      "common",
      "mine",
    ]);
  });

  test.each([
    ["0.20000000", "0.2"],
    ["10.00", "10"],
    ["-.1", "-0.1"],
    ["0.20023465367578112345678", "0.20023465367578112345678"],
    ["1e-7", "0.0000001"],
  ])("the change %s is %s", (change, expected) => {
    expect(movementIn(webhook({ movements: [{ ...MOVEMENT, change }] }))?.change).toBe(expected);
  });

  test("an amount that is a number of 20 digits loses none", () => {
    const text = JSON.stringify(webhook().body).replace('".45"', "81531.3718539524991138");
    const delivered = { payloadType: "account_balance.changed", text };
    expect(reportIn(delivered)?.balance).toBe("81531.3718539524991138");
  });

  test("an unknown balance is left out", () => {
    for (const balance of ["", null, undefined]) {
      expect(reportIn(webhook({ balance }))).not.toHaveProperty("balance");
    }
  });

  test("an account_id of 37 characters is an account_id (provider facts 10.7)", () => {
    const printed = "6c12b928-6bc0-4139-b9ea-ffa636c2a8b88";
    expect(reportIn(update({ account_id: printed }))?.account_id).toBe(printed);
  });

  test.each([
    ["five characters", { participant_code: "PART1" }, "PART1"],
    ["seven characters", { participant_code: "PART123" }, "PART123"],
    ["Anonymous", { participant_code: "Anonymous" }, "Anonymous"],
    ["the old name", { participant_code: undefined, account_owner: "SCX001" }, "SCX001"],
  ])("a participant of %s (provider facts 10.21)", (_what, fields, expected) => {
    expect(reportIn(webhook(fields))?.account).toBe(ID.replace("DEF456", expected));
  });

  test.each([
    ["USDC", "USDC"],
    ["USDC.ETH", "USDC.ETH"],
    ["Ü ber", "%C3%9C%20ber"],
  ])("the asset %s is kept (provider facts 10.17)", (asset, printed) => {
    expect(reportIn(webhook({ asset }))?.account).toBe(ID.replace("BTC", printed));
  });

  test.each([
    ["run_id absent (provider facts 10.2)", { run_id: undefined }, "has run_id; this one has not"],
    ["run_id empty", { run_id: "" }, "shape: run_id is missing"],
    ["no participant", { participant_code: "" }, "shape: participant_code is missing"],
    ["no account type", { account_type: null }, "shape: account_type is missing"],
    ["no label", { account_label: null }, "shape: balance, at account_label"],
    ["no group", { account_group: "" }, "shape: balance, at account_group"],
    ["no asset", { asset: undefined }, "shape: balance, at asset"],
    [
      "a movement without id",
      { movements: [{ change: "1" }] },
      "shape: balance, at movements.0.movement_id",
    ],
    [
      "a movement without change",
      { movements: [{ ...MOVEMENT, change: "" }] },
      "movements.0.change",
    ],
    ["movements that are no list", { movements: { 0: MOVEMENT } }, "shape: balance, at movements"],
    ["a balance that is true", { balance: true }, "shape: balance, at balance"],
    ["a balance with a comma", { balance: "1,000" }, 'amount: balance is "1,000"'],
    ["a balance of words", { balance: "NaN" }, "amount: balance"],
    [
      "a change of words",
      { movements: [{ ...MOVEMENT, change: "all" }] },
      "amount: movement 1: change",
    ],
    ["a time in 1969", { run_timestamp: "1969-12-31T23:59:59Z" }, "time: the run's time"],
    ["a time after 2200", { run_timestamp: "2201-01-01T00:00:00Z" }, "time: the run's time"],
    [
      "a movement's time without zone",
      { movements: [{ ...MOVEMENT, movement_timestamp: "2021-11-29T12:09:28" }] },
      "time: movement 1: movement_timestamp",
    ],
  ])("%s is quarantined", (_what, fields, expected) => {
    expect(refusalOf(webhook(fields))).toContain(expected);
  });

  test.each([["[]"], ["null"], ['"text"'], ["1"], ["{}"]])("the body %s is quarantined", (text) => {
    expect(refusalOf({ payloadType: "account_balance.changed", text })).toContain("shape: ");
  });
});

describe("initial-balance", () => {
  const row = (asset: string, balance: string, account_id?: string) => ({
    ...ACCOUNT,
    asset,
    balance,
    account_id,
  });

  test("states every account at its place, without a run", () => {
    const delivered = snapshot(row("BTC", "12.5", "a"), row("USD", "1360000", "b"));
    expect(read(delivered)).toMatchObject({ ok: true, snapshot: true });
    expect(factsIn(delivered)).toEqual(
      [
        { account: ID, account_id: "a", balance: "12.5" },
        { account: ID.replace("BTC", "USD"), account_id: "b", balance: "1360000" },
      ].map((stated) => ({
        type: "BalanceReported",
        data: {
          provider: "zerohash",
          ...stated,
          place: { connection: "c1", frame: 7 },
          received_at: RECEIVED_AT,
          translation: TRANSLATIONS.present,
        },
      })),
    );
  });

  test.each([
    ["initial-balance", { messageType: "initial-balance" }],
    ["initial-balances (provider facts 10.1)", { messageType: "initial-balances" }],
    ["message_type initial-balances", { message_type: "initial-balances" }],
  ])("is also written %s", (_what, envelope) => {
    expect(read(frame([row("BTC", "1")], envelope))).toMatchObject({ ok: true, snapshot: true });
  });

  test("an empty list is a snapshot", () => {
    expect(read(snapshot())).toEqual({ ok: true, snapshot: true, facts: [] });
  });

  test("documented run fields say nothing of it (provider facts 10.2)", () => {
    const delivered = snapshot({ ...row("BTC", "1"), ...RUN });
    expect(reportIn(delivered)).not.toHaveProperty("run_id");
    expect(reportIn(delivered)).not.toHaveProperty("occurred_at");
  });

  test("the one object of 2020", () => {
    const delivered = frame(
      {
        account_owner: "SCX001",
        account_group: "SCX001",
        account_label: "general",
        account_subtype: "available",
        asset: "BTC",
        new_balance: "1.50",
        account_id: UUID,
        updated: "2020-07-07T12:00:00.000Z",
      },
      { messageType: "initial-balance" },
    );
    expect(reportIn(delivered)).toMatchObject({
      account: "zerohash:SCX001:SCX001:general:available:BTC",
      balance: "1.5",
      account_id: UUID,
    });
  });

  test("one account twice under one account_id is read twice", () => {
    expect(factsIn(snapshot(row("BTC", "1", "a"), row("BTC", "1", "a")))).toHaveLength(2);
  });

  test("two account_ids under one five-tuple show that chains are missing", () => {
    const delivered = snapshot(row("USDC", "1", "ethereum"), row("USDC", "2", "solana"));
    expect(refusalOf(delivered)).toContain(
      "single_chain: snapshot, number 2 of 2: two account_ids are both",
    );
  });

  test.each([
    ["an amount of words", { balance: "Jane Doe" }, "balance is a text of 8 characters"],
    ["another type", { balance: [] }, "account, at balance: found a list"],
    ["no participant", { participant_code: undefined }, "participant_code is missing"],
  ])("names the one account that cannot be read: %s", (_what, fields, expected) => {
    const rows = [row("BTC", "1"), { ...row("ETH", "2"), ...fields }, row("USDC", "3")];
    const refusal = refusalOf(snapshot(...(rows as ReturnType<typeof row>[])));
    expect(refusal).toContain(`snapshot, number 2 of 3: ${expected}`);
  });

  test("a row without account_id beside one with does not show that chains are missing", () => {
    expect(
      factsIn(snapshot(row("USDC", "1"), row("USDC", "1", "a"), row("USDC", "1"))),
    ).toHaveLength(3);
    const three = snapshot(row("USDC", "1", "a"), row("USDC", "1"), row("USDC", "1", "b"));
    expect(refusalOf(three)).toContain("single_chain");
  });

  test.each([
    ["nothing", undefined],
    ["a word", "none"],
    ["a row that is no object", [1]],
    ["a row without asset", [{ ...ACCOUNT, asset: undefined, balance: "1" }]],
  ])("a body of %s is quarantined", (_what, body) => {
    expect(refusalOf(frame(body, { messageType: "initial-balance" }))).toContain("shape: ");
  });
});

describe("a connection whose snapshot showed no chains", () => {
  test("every later frame of it is quarantined, whatever it says", () => {
    for (const delivered of [update(), snapshot({ ...ACCOUNT, balance: "1" })]) {
      expect(refusalOf({ ...delivered, payloadType: "feed:single_chain" })).toContain(
        "single_chain: ",
      );
    }
  });

  test("a body of null lists no accounts, as an empty list does", () => {
    for (const body of [null, []]) {
      expect(factsIn(frame(body, { messageType: "initial-balance" }))).toEqual([]);
    }
  });
});
