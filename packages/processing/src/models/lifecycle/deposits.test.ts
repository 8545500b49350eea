import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import type { LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { describe, expect, test } from "@jest/globals";
import { byId, delivered, fact, factOf, rowsOf, statusFact } from "./testing/lifecycle-facts.ts";
import { brief, depositsOf, eventsOf, openModel, readRecords } from "./testing/records-of.ts";

const { isKept: isDepositFact } = DEPOSITS;

const transfer = "018fea20a69e7cc58066f8d03362e797";
const hash = "0x8d49dad00612517e5fdf9ca896c4aded5a46c30226cd44f4f0c26b4c65ae63fe";

/** The provider's five webhooks (Layer1, "Receive Deposit and Ingest the Webhooks"). */
const LAYER1 = [
  ["DETECTED", "20:39:19.602586984"],
  ["UNCONFIRMED", "20:39:26.724877059"],
  ["CONFIRMED", "20:40:16.893418347"],
  ["SCREENING_REQUESTED", "20:40:17.112592654"],
  ["SUCCESS", "20:40:31.419360016"],
].map(([status, time]) =>
  delivered({
    provider: "layer1",
    payloadType: "",
    body: {
      event: "layer1:digital:deposit:status-change",
      timestamp: `2024-06-05T${time}Z`,
      data: {
        id: `${transfer}d18a869f191944a09e5e784d7ca8f45a6f`,
        hash,
        type: "DEPOSIT",
        asset: "ETH",
        amount: "0.20",
        status,
        address: {
          address: "0xc4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9",
          network: "ETHEREUM",
          reference: "First Eth Address",
        },
        sources: [{ amount: "0.20", address: "0x84a4a239805d06c685219801b82bea7c76702214" }],
        networkDetail:
          status === "DETECTED" ? null : { fee: { asset: "ETH", amount: "0.000234653675781" } },
      },
    },
  }),
);

describe("the Layer1 example", () => {
  test("five statuses end credited", async () => {
    const [record, ...others] = await depositsOf(LAYER1.flat().toReversed());
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      id: `${transfer}:d18a869f191944a09e5e784d7ca8f45a`,
      state: {
        provider: "layer1",
        stage: "credited",
        provider_status: "SUCCESS",
        link: "stated",
        asset: "ETH",
        network: "ETHEREUM",
        amount: "0.2",
        fee: "0.000234653675781",
        fee_asset: "ETH",
        opened_at: "2024-06-05T20:39:19.602586984Z",
        updated_at: "2024-06-05T20:40:31.419360016Z",
        identifiers: { transfer_id: transfer, deposit_id: null, transaction_hash: hash },
        source_address: "0x84a4a239805d06c685219801b82bea7c76702214",
        received_address: "0xc4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9",
        fund: null,
      },
      anomalies: [],
    });
    expect(brief(record?.history ?? [])).toEqual([
      "detected<DETECTED>",
      "unconfirmed<UNCONFIRMED>",
      "confirmed<CONFIRMED>",
      "screening<SCREENING_REQUESTED>",
      "credited<SUCCESS>",
    ]);
    expect(record?.identifiers).toEqual(
      expect.arrayContaining([
        transfer,
        hash,
        hash.slice(2),
        `${transfer}d18a869f191944a09e5e784d7ca8f45a6f`,
      ]),
    );
  });

  test("a late status is inserted in the history and keeps the stage", async () => {
    const stages: (string | undefined)[] = [];
    for (const count of [1, 2, 3]) {
      const facts = [4, 0, 2].slice(0, count).flatMap((status) => LAYER1[status] ?? []);
      const [record] = await depositsOf(facts);
      stages.push(record?.state.stage);
    }
    expect(stages).toEqual(["credited", "credited", "credited"]);
  });
});

const OWNER = { participant_code: "DEF456", account_label: "general", asset: "BTC", amount: "0.2" };

test("the feed's deposit (balances feed, On-chain deposits)", async () => {
  const [record] = await depositsOf(
    delivered({
      payloadType: "account_balance.changed",
      body: {
        ...OWNER,
        account_group: "ABC123",
        account_type: "available",
        balance: "0.45",
        run_id: 94077,
        run_type: "deposit",
        movements: [
          {
            movement_timestamp: "2021-11-29T12:09:28.759838Z",
            movement_id: "e6b7d339-fcfe-480f-b910-2928995374d6",
            movement_type: "deposit",
            deposit_reference_id: "931eb628b2abf356c0a9d4ee9bc037ec27",
            change: "0.20000000",
          },
        ],
      },
    }),
  );
  expect(record).toMatchObject({
    id: "movement:e6b7d339-fcfe-480f-b910-2928995374d6",
    state: {
      stage: "credited",
      provider_status: "deposit",
      link: "stated",
      account_group: "ABC123",
      amount: "0.2",
      reference: "931eb628b2abf356c0a9d4ee9bc037ec27",
      opened_at: "2021-11-29T12:09:28.759838Z",
    },
  });
  expect(record?.identifiers).toContain("931eb628b2abf356c0a9d4ee9bc037ec27");
});

/** Columns: kind (S, M, F), id, at, word; then hash, network, asset, label, amount if they differ. */
function depositLegs(table: string): LifecycleFact[] {
  return rowsOf(table).map((row) => {
    const occurred_at = row.at === undefined ? undefined : `2024-05-01T${row.at}Z`;
    const { asset = "BTC", label = "general", amount = "0.2", hash: transaction_hash } = row;
    const common = {
      participant_code: "DEF456",
      account_label: row.label,
      asset,
      network: row.network,
      transaction_hash,
      occurred_at,
    };
    if (row.what === "S") {
      return statusFact("DepositStatusReported", {
        ...common,
        deposit_id: row.id,
        status: row.word,
        amount,
      });
    }
    if (row.what === "F") {
      const success = row.word === "unknown" ? undefined : row.word === "success";
      const reason = { expired: "deposit session has expired.", failure: "below minimum" }[
        row.word ?? ""
      ];
      return statusFact("FundReported", {
        ...common,
        fund: row.id,
        fund_id: row.id,
        quantity: amount,
        success,
        reason,
      });
    }
    return factOf(
      fact("MovementRecorded", {
        account: `zerohash:DEF456:ABC123:${label}:available:${asset}`,
        movement_id: row.id,
        movement_type: "deposit",
        change: amount,
        run_id: `run-${row.id}`,
        occurred_at,
        deposit_reference_id: transaction_hash,
      }),
    );
  });
}

const recordsIn = async (legs: readonly LifecycleFact[]): Promise<string[]> =>
  byId(await depositsOf(legs)).map(
    ({ id, state, history }) => `${id} ${state.stage} ${state.link} ${brief(history).join(" ")}`,
  );

const CASES: readonly (readonly [name: string, table: string, records: readonly string[]])[] = [
  [
    "status, movement and fund event of one deposit: one record",
    `what id at       word      hash label
     S    D  10:00:00 initial   0xAB -
     S    D  10:02:00 confirmed 0xAB -
     S    D  10:03:00 completed 0xab general
     M    m  10:02:59 -         ab   general
     F    f  10:04:00 success   AB   general`,
    [
      "D credited stated detected<initial> confirmed<confirmed> credited<deposit> ·credited<completed> ·credited<success>",
    ],
  ],
  [
    "without a hash nothing joins",
    `what id at       word      hash
     S    D  10:03:00 completed -
     M    m  10:02:59 -         -
     F    f  10:04:00 success   -`,
    [
      "D credited stated credited<completed>",
      "fund:f credited stated credited<success>",
      "movement:m credited stated credited<deposit>",
    ],
  ],
  [
    "several equal ones pair in time order",
    `what id at       word      hash
     S    D1 10:01:00 initial   ab
     S    D2 10:00:00 initial   ab
     M    m1 10:05:00 -         ab
     M    m2 10:06:00 -         ab
     F    f1 10:07:00 failure   ab`,
    [
      "D1 credited inferred detected<initial> credited<deposit> ·-<failure>",
      "D2 credited inferred detected<initial> credited<deposit>",
    ],
  ],
  [
    "one status for two movements: the earlier one has it, and that is inferred",
    `what id at       word      hash
     S    D  10:10:00 completed ab
     M    m1 10:05:00 -         ab
     M    m2 10:06:00 -         ab`,
    [
      "D credited inferred credited<deposit> ·credited<completed>",
      "movement:m2 credited stated credited<deposit>",
    ],
  ],
  [
    "another label, amount, asset or hash is another deposit",
    `what id at       word      hash label   amount asset
     S    D1 10:00:00 completed ab   savings 0.2    BTC
     S    D2 10:00:00 completed ab   general 0.3    BTC
     S    D3 10:00:00 completed ab   general 0.2    ETH
     S    D4 10:00:00 completed cd   general 0.2    BTC
     M    m  10:00:00 -         ab   general 0.2    BTC`,
    [
      ...["D1", "D2", "D3", "D4"].map((id) => `${id} credited stated credited<completed>`),
      "movement:m credited stated credited<deposit>",
    ],
  ],
  [
    "asset and network in one code, or apart, or the network unknown",
    `what id at       word      hash asset     network
     S    D  10:00:00 completed ab   USDC      BASE
     M    m  10:00:00 -         ab   USDC.BASE -
     F    f  10:00:00 success   ab   USDC      -`,
    ["D credited stated credited<completed> ·credited<deposit> ·credited<success>"],
  ],
  [
    "another network is another deposit",
    `what id at       word      hash asset
     S    D  10:00:00 completed ab   USDC.SOL
     M    m  10:00:00 -         ab   USDC.BASE`,
    ["D credited stated credited<completed>", "movement:m credited stated credited<deposit>"],
  ],
  [
    "not converted, yet seen: a failed fund event alone",
    `what id at       word    hash
     F    f  10:00:00 failure ab`,
    ["fund:f detected stated detected<failure>"],
  ],
  [
    "not converted, yet credited",
    `what id at       word    hash
     F    f  10:00:00 failure ab
     M    m  10:01:00 -       ab`,
    ["movement:m credited stated detected<failure> credited<deposit>"],
  ],
  [
    "success unknown is seen",
    `what id at       word    hash
     F    f  10:00:00 unknown ab`,
    ["fund:f detected stated detected<unknown>"],
  ],
  [
    "a quarantine may be left, and a fund event's failure leaves it alone",
    `what id at       word                hash
     S    D  10:00:00 confirmed           ab
     S    D  10:01:00 quarantined         ab
     F    f  10:02:00 failure             ab
     S    D  10:03:00 recovery_quarantine ab
     S    D  10:04:00 confirmed           ab
     S    D  10:05:00 completed           ab`,
    [
      "D credited stated confirmed<confirmed> quarantined<quarantined> ·-<failure> ·quarantined<recovery_quarantine> confirmed<confirmed> credited<completed>",
    ],
  ],
  [
    "pending_settlement before and after confirmed",
    `what id at       word               hash
     S    D  10:00:00 pending_settlement ab
     S    D  10:01:00 confirmed          ab
     S    D  10:02:00 pending_settlement ab`,
    ["D confirmed stated ·-<pending_settlement> confirmed<confirmed> ·-<pending_settlement>"],
  ],
  [
    "an unknown word alone has been seen",
    `what id at       word hash
     S    D  10:00:00 odd  ab`,
    ["D detected stated ·-<odd>"],
  ],
];

describe("deposits of Zero Hash", () => {
  test.each(CASES)("%s", async (_, table, records) => {
    expect(await recordsIn(depositLegs(table))).toEqual(records);
    expect(await recordsIn(depositLegs(table).toReversed())).toEqual(records);
  });

  test.each([
    ["in part: it stays credited", "m 0.2, r1 -0.05", "credited", "0.15", []],
    ["in parts", "m 0.2, r1 -0.05, r2 -0.15", "returned", "0", []],
    ["more than was credited", "m 0.2, r1 -0.3", "returned", "0", ["undone"]],
  ])("taken back %s", async (_, movements, stage, credited, contradicted) => {
    const facts = movements.split(", ").flatMap((movement, at) => {
      const [id, amount] = movement.split(" ");
      return depositLegs(`what id at hash amount\n M ${id} 10:0${at}:00 ab ${amount}`);
    });
    for (const arrived of [facts, facts.toReversed()]) {
      const [record, ...others] = await depositsOf(arrived);
      expect(others).toEqual([]);
      expect(record?.state).toMatchObject({ stage, amount: "0.2", credited_amount: credited });
      expect(record?.state.identifiers.movement_ids).toHaveLength(facts.length);
      expect(record?.anomalies.map(({ what }) => what)).toEqual(contradicted);
    }
  });

  test("what takes back an unknown deposit is a record of its own until that is known", async () => {
    const [booked, back] = depositLegs(`what id at       hash amount
                                        M    m  10:00:00 ab   0.2
                                        M    r  10:01:00 ab   -0.2`);
    if (!booked || !back) throw new TypeError("two movements");
    expect(await recordsIn([back])).toEqual(["movement:r returned unmatched returned<deposit>"]);
    expect(await recordsIn([back, booked])).toEqual([
      "movement:m returned stated credited<deposit> returned<deposit>",
    ]);
  });

  test("what is taken back in part beside too many others to tell is not lost", async () => {
    const many = Array.from({ length: 64 }, (_, at) => `M m${at} 10:00:00 ab 1`);
    const facts = depositLegs(
      ["what id at hash amount", ...many, "M r 10:01:00 ab -0.25"].join("\n"),
    );
    const records = await depositsOf(facts);
    expect(records).toHaveLength(65);
    expect(records.filter(({ state }) => state.link === "unmatched")).toMatchObject([
      { id: "movement:r", state: { stage: "returned", amount: "0.25", credited_amount: null } },
    ]);
  });

  test("a deposit that is booked again had no link that was undone", async () => {
    const parts = [
      "what id at word hash amount\n S D 10:00:00 completed ab 1",
      ...["m1 10:01:00 - ab 1", "r 10:02:00 - ab -1", "m2 10:03:00 - ab 1"].map(
        (row) => `what id at word hash amount\n M ${row}`,
      ),
    ];
    const { store, session, apply } = await openModel(DEPOSITS);
    await apply(parts.flatMap((part) => depositLegs(part).flatMap(eventsOf)));
    await session.commit();
    const [record, ...others] = await readRecords<"deposits">(store);
    expect(others).toEqual([]);
    expect(record?.state).toMatchObject({ stage: "credited", credited_amount: "1" });
    expect(record?.state.history.filter(({ source }) => source === "relink")).toEqual([]);
  });

  test("what spends a deposit does not take it back", async () => {
    const [booked, spent] = depositLegs(`what id at       hash amount
                                         M    m  10:00:00 ab   500
                                         M    s  10:01:00 ab   -500`);
    if (!booked || !spent) throw new TypeError("two movements");
    for (const movement_type of ["conversion", "final_settlement", "transfer", "network_fee"]) {
      const data = { ...spent.state.data, movement_type };
      const [record] = await depositsOf([booked, factOf(fact("MovementRecorded", data))]);
      expect(record?.state).toMatchObject({ stage: "credited", credited_amount: "500" });
    }
  });

  test.each([
    [
      "reported_amount 0.2 0.3",
      `what id at       word      hash amount
     S    D  10:00:00 confirmed ab   0.2
     S    D  10:00:00 completed ab   0.3`,
    ],
    [
      "fund_success false true",
      `what id at       word      hash
     F    f  10:00:00 failure   ab
     F    f  10:00:01 success   ab`,
    ],
  ])("contradict each other: %s", async (expected, table) => {
    const [record] = await depositsOf(depositLegs(table));
    const { field, stated, contradicted_by } = Object(record?.anomalies[0]?.detail);
    expect([field, stated, contradicted_by].join(" ")).toBe(expected);
    expect(record?.anomalies).toHaveLength(1);
  });

  test("the session expired: no money came", async () => {
    const expired = { fund: "f", success: false, reason: "deposit session has expired." };
    const coded = { fund: "g", success: false, reason_code: "DEPOSIT_WINDOW_EXPIRED" };
    const records = await depositsOf([
      statusFact("FundReported", expired),
      statusFact("FundReported", coded),
    ]);
    expect(records.map(({ state }) => state.stage)).toEqual(["failed", "failed"]);
  });

  test("a deposit that has ended is not taken up again", async () => {
    const [record] = await depositsOf(
      depositLegs(`what id at       word        hash
                   S    D  10:00:00 completed   ab
                   S    D  10:01:00 quarantined ab
                   S    D  10:02:00 confirmed   ab`),
    );
    expect(record).toMatchObject({
      state: { stage: "credited" },
      anomalies: [{ what: "credited->quarantined", at: "2024-05-01T10:01:00Z" }],
    });
  });

  test("credited and quarantined in one second is told, in whatever order they arrive", async () => {
    const statuses = depositLegs(`what id at       word                hash
                                  S    D  10:00:00 confirmed           ab
                                  S    D  10:00:00 recovery_quarantine ab
                                  S    D  10:00:00 completed           ab`);
    for (const arrived of [statuses, statuses.toReversed()]) {
      const [record] = await depositsOf(arrived);
      expect(brief(record?.history ?? [])).toEqual([
        "confirmed<confirmed>",
        "credited<completed>",
        "·quarantined<recovery_quarantine>",
      ]);
      expect(record?.anomalies).toMatchObject([
        { kind: "illegal_step", what: "credited->quarantined" },
      ]);
    }
  });

  test("a quarantined deposit that loses its movement to a nearer one says so", async () => {
    const legs = depositLegs(`what id at       word        hash
                              S    D  10:00:00 quarantined ab
                              M    m  10:30:00 -           ab
                              S    N  10:29:00 confirmed   ab`);
    const [record] = await depositsOf(legs);
    expect(record).toMatchObject({ id: "D", state: { stage: "quarantined" } });
    expect(record?.state.history.map(({ provider_status }) => provider_status)).toEqual([
      "quarantined",
      "link undone: credited → quarantined",
    ]);
  });

  test("the provider's fund event: a success beside a reason why not", async () => {
    const body = {
      participant_code: "CUST01",
      fund_asset: "USDC",
      rate: "1",
      quoted_currency: "USD",
      deposit_address: "0x3A45a60c635E6cD616B1C4510404Eba88116050C",
      quantity: "500",
      notional: "500",
      fund_id: "5155f7c9-95cb-4556-ab89-c178943a7111",
      fund_timestamp: 1550174574,
      transaction_id: "a07407e8f98c21b037b4aa0cbc852b8489c5e122fcc3d4b33b7827d0605ad8ff",
      account_label: "general",
      success: true,
      status_reason: "deposit above maximum threshold.",
    };
    const [record] = await depositsOf(delivered({ payloadType: "deposit_fund_complete", body }));
    expect(record).toMatchObject({
      id: `fund:${body.fund_id}`,
      state: {
        stage: "credited",
        provider_status: "success",
        amount: "500",
        asset: "USDC",
        received_address: body.deposit_address,
        reason: body.status_reason,
        opened_at: "2019-02-14T20:02:54Z",
        identifiers: { fund_id: body.fund_id, transaction_hash: body.transaction_id },
        fund: {
          fund_id: body.fund_id,
          success: true,
          reason: body.status_reason,
          reason_code: null,
          rate: "1",
          notional: "500",
          quoted_currency: "USD",
        },
      },
    });
    expect(record?.identifiers).toEqual(
      [`fund:${body.fund_id}`, body.fund_id, body.transaction_id].sort(),
    );
  });

  test("a status names its label in account_id only", async () => {
    const status = delivered({
      payloadType: "deposit.status_changed",
      body: {
        deposit_id: "D",
        account_id: "DEF456.savings",
        participant_code: "DEF456",
        asset: "BTC",
        amount: "0.20",
        transaction_hash: "0xAB",
        state: "completed",
        timestamp: 1714557600,
      },
    });
    const movement = depositLegs(`what id at       hash label
                                  M    m  10:00:00 ab   savings`);
    expect(await recordsIn([...status, ...movement])).toEqual([
      "D credited stated credited<completed> ·credited<deposit>",
    ]);
  });
});

describe("which facts are legs", () => {
  const movement = { provider: "zerohash", movement_type: "deposit", change: "1" };
  test.each([
    ["MovementRecorded", movement, true],
    ["MovementRecorded", { ...movement, change: "-1" }, false],
    ["MovementRecorded", { ...movement, change: "0" }, false],
    ["MovementRecorded", { ...movement, movement_type: "transfer" }, false],
    ["DepositStatusReported", {}, true],
    ["FundReported", {}, true],
    ["BalanceReported", {}, false],
  ] as const)("%s %p: %p", (type, data, expected) => {
    expect(isDepositFact(type, data)).toBe(expected);
  });
});
