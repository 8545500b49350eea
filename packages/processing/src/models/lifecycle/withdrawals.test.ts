import type { LifecycleFact } from "@counterfoil/core/lifecycle/lifecycle-fact";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import { describe, expect, test } from "@jest/globals";
import { countStuck, stuckRule } from "../../queries/anomaly-record.ts";
import { KNOWN_STUCK } from "./tables.ts";
import {
  byId,
  delivered,
  fact,
  factOf,
  movementFacts,
  statusFact,
} from "./testing/lifecycle-facts.ts";
import { brief, eventsOf, openModel, readRecords, withdrawalsOf } from "./testing/records-of.ts";

const { isKept: isWithdrawalFact } = WITHDRAWALS;

const OWNER = {
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  asset: "BTC",
};

/** The provider's example (balances feed, "Withdrawals"), whose confirming run is a week older. */
const pending = (account_type: string, change: string, nanos: string) => ({
  ...OWNER,
  account_type,
  balance: account_type === "available" ? "0.35" : "0.1",
  run_id: 94087,
  run_type: "withdrawal",
  run_timestamp: "2021-11-29T12:37:06.478122Z",
  movements: [
    {
      movement_timestamp: `2021-11-29T12:37:06.${nanos}Z`,
      movement_id: "61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6",
      movement_type: "withdrawal_pending",
      change,
    },
  ],
});

const confirming = (account_type: string, changes: readonly string[]) => ({
  ...OWNER,
  account_type,
  balance: account_type === "available" ? "0.35" : "0",
  run_id: 85693,
  run_type: "withdrawal",
  run_timestamp: "2021-11-22T21:37:14.441141Z",
  movements: changes.map((change, at) => ({
    movement_timestamp: `2021-11-22T21:37:14.${["546139", "550721"][at]}Z`,
    movement_id: ["66f1bec3-7179-4517-9507-7dfc62965b70", "80fc5b9f-e25f-4a3d-b36a-6148f04711e3"][
      at
    ],
    movement_type: ["withdrawal_confirmed", "withdrawal"][at],
    change,
  })),
});

const EXAMPLE = [
  pending("available", "-0.10000000", "534066"),
  pending("collateral", "0.10000000", "534177"),
  confirming("collateral", ["-0.10000000"]),
  confirming("available", ["0.10000000", "-0.10000000"]),
];

const PENDING_ID = "movement:61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6";
const CONFIRMING_ID = "movement:66f1bec3-7179-4517-9507-7dfc62965b70";

/** The feed client knows the order of the frames on its socket, and states it as `not_before`. */
const NOT_BEFORE = [
  undefined,
  undefined,
  "2021-11-29T12:37:06.534177001Z",
  "2021-11-29T12:37:06.534066001Z",
];
const frames = EXAMPLE.map((body, at) =>
  delivered({
    payloadType: "",
    frame: at + 2,
    body: { messageType: "balance-updated", body },
  }).map((one) => notBefore(one, NOT_BEFORE[at])),
);

function notBefore(one: LifecycleFact, not_before: string | undefined): LifecycleFact {
  if (one.type !== "BalanceReported" || not_before === undefined) return one;
  return { ...one, state: { ...one.state, data: { ...one.state.data, not_before } } };
}
const webhooks = EXAMPLE.map((body) => delivered({ payloadType: "account_balance.changed", body }));

describe("the provider's withdrawal example", () => {
  test("over the socket: one record, whatever its times say", async () => {
    const [record, ...others] = await withdrawalsOf(frames.flat());
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      id: PENDING_ID,
      state: {
        stage: "settled",
        provider_status: "withdrawal",
        link: "inferred",
        amount: "0.1",
        asset: "BTC",
        participant_code: "DEF456",
        account_group: "ABC123",
        account_label: "general",
        opened_at: "2021-11-29T12:37:06.534066Z",
        updated_at: "2021-11-29T12:37:06.534066001Z",
        identifiers: { withdrawal_request_id: null, payment_id: null, transaction_hash: null },
      },
      anomalies: [],
    });
    expect(brief(record?.history ?? [])).toEqual([
      "pending<withdrawal_pending>",
      "confirmed<withdrawal_confirmed>",
      "settled<withdrawal>",
    ]);
    expect(record?.history.map(({ occurred_at }) => occurred_at)).toEqual([
      "2021-11-29T12:37:06.534066Z",
      "2021-11-22T21:37:14.546139Z",
      "2021-11-22T21:37:14.550721Z",
    ]);
  });

  test("frame by frame: the stage only moves on", async () => {
    const stages: string[] = [];
    for (const at of frames.keys()) {
      const [record] = await withdrawalsOf(frames.slice(0, at + 1).flat());
      stages.push(`${record?.id === PENDING_ID} ${record?.state.stage} ${record?.state.link}`);
    }
    expect(stages).toEqual([
      "true pending stated",
      "true pending stated",
      "true confirmed inferred",
      "true settled inferred",
    ]);
  });

  test("over webhooks alone they are two records: the confirmation is older than the hold", async () => {
    const records = byId(await withdrawalsOf(webhooks.flat()));
    expect(records.map(({ id, state }) => [id, state.stage, state.link])).toEqual([
      [PENDING_ID, "pending", "stated"],
      [CONFIRMING_ID, "settled", "unmatched"],
    ]);
  });

  test("is found by every id it ever had", async () => {
    const [record] = await withdrawalsOf(frames.flat());
    expect(record?.identifiers).toEqual(
      expect.arrayContaining([
        PENDING_ID,
        CONFIRMING_ID,
        "movement:80fc5b9f-e25f-4a3d-b36a-6148f04711e3",
        "80fc5b9f-e25f-4a3d-b36a-6148f04711e3",
      ]),
    );
    expect(record?.state.identifiers.movement_ids).toHaveLength(3);
  });
});

/** Id, stage, link and history of each record, in the order of ids. */
async function recordsIn(legs: ReturnType<typeof movementFacts>) {
  return byId(await withdrawalsOf(legs)).map(
    ({ id, state, history }) => `${id} ${state.stage} ${state.link} ${brief(history).join(" ")}`,
  );
}

const PENDING = "pending<withdrawal_pending>";
const CONFIRMED = "confirmed<withdrawal_confirmed>";
const SETTLED = "settled<withdrawal>";
const REVERSED = "returned<withdrawal>";
const RELEASED = "returned<withdrawal_pending>";

const CASES: readonly (readonly [name: string, table: string, records: readonly string[]])[] = [
  [
    "a whole withdrawal with its request id",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -5     p        R
     10:00:00  1   collateral withdrawal_pending   5      p        R
     10:05:00  2   collateral withdrawal_confirmed -5     c        R
     10:05:00  2   available  withdrawal_confirmed 5      c        R
     10:05:01  2   available  withdrawal           -5     d        R`,
    [`R settled stated ${PENDING} ${CONFIRMED} ${SETTLED}`],
  ],
  [
    "two equal withdrawals that overlap: the first confirmation takes the nearest pending",
    `at        run account    type                 change movement request
     10:00:00  1   collateral withdrawal_pending   5      p1       -
     10:01:00  2   collateral withdrawal_pending   5      p2       -
     10:05:00  3   collateral withdrawal_confirmed -5     c1       -`,
    [
      `movement:p1 pending stated ${PENDING}`,
      `movement:p2 confirmed inferred ${PENDING} ${CONFIRMED}`,
    ],
  ],
  [
    "and the second one the second, in the collateral account's order",
    `at        run account    type                 change movement request
     10:00:00  1   collateral withdrawal_pending   5      p1       -
     10:01:00  2   collateral withdrawal_pending   5      p2       -
     10:06:00  4   collateral withdrawal_confirmed -5     c2       -
     10:05:00  3   collateral withdrawal_confirmed -5     c1       -`,
    [
      `movement:p1 confirmed inferred ${PENDING} ${CONFIRMED}`,
      `movement:p2 confirmed inferred ${PENDING} ${CONFIRMED}`,
    ],
  ],
  [
    "a stated pending is not free",
    `at        run account    type                 change movement request
     10:00:00  1   collateral withdrawal_pending   5      p1       R
     10:01:00  2   collateral withdrawal_pending   5      p2       -
     10:05:00  3   collateral withdrawal_confirmed -5     c1       -
     10:06:00  4   collateral withdrawal_confirmed -5     c2       R`,
    [
      `R confirmed stated ${PENDING} ${CONFIRMED}`,
      `movement:p2 confirmed inferred ${PENDING} ${CONFIRMED}`,
    ],
  ],
  [
    "request ids that disagree never meet",
    `at        run account    type                 change movement request
     10:00:00  1   collateral withdrawal_pending   5      p        R1
     10:05:00  2   collateral withdrawal_confirmed -5     c        R2`,
    [`R1 pending stated ${PENDING}`, `R2 confirmed unmatched ${CONFIRMED}`],
  ],
  [
    "a request id on one side only does not disagree",
    `at        run account    type                 change movement request
     10:00:00  1   collateral withdrawal_pending   5      p        -
     10:05:00  2   collateral withdrawal_confirmed -5     c        R`,
    [`R confirmed inferred ${PENDING} ${CONFIRMED}`],
  ],
  [
    "another amount, label or asset is another withdrawal",
    `at        run account    type                 change movement label   asset
     10:00:00  1   collateral withdrawal_pending   5      p        general BTC
     10:05:00  2   collateral withdrawal_confirmed -4     c1       general BTC
     10:05:00  3   collateral withdrawal_confirmed -5     c2       savings BTC
     10:05:00  4   collateral withdrawal_confirmed -5     c3       general ETH`,
    [
      `movement:c1 confirmed unmatched ${CONFIRMED}`,
      `movement:c2 confirmed unmatched ${CONFIRMED}`,
      `movement:c3 confirmed unmatched ${CONFIRMED}`,
      `movement:p pending stated ${PENDING}`,
    ],
  ],
  [
    "a confirmation before every pending",
    `at        run account    type                 change movement
     10:05:00  1   collateral withdrawal_pending   5      p
     10:00:00  2   collateral withdrawal_confirmed -5     c`,
    [`movement:c confirmed unmatched ${CONFIRMED}`, `movement:p pending stated ${PENDING}`],
  ],
  [
    "on one line a confirmation is as late as its frame",
    `at        run account    type                 change movement not_before
     10:05:00  1   collateral withdrawal_pending   5      p        -
     10:00:00  2   collateral withdrawal_confirmed -5     c        10:05:00.000000001`,
    [`movement:p confirmed inferred ${PENDING} ${CONFIRMED}`],
  ],
  [
    "on one line a confirmation is as early as its frame",
    `at        run account    type                 change movement not_before
     10:05:00  1   collateral withdrawal_pending   5      p        10:09:00.000000001
     10:09:00  2   collateral withdrawal_confirmed -5     c        -`,
    [`movement:c confirmed unmatched ${CONFIRMED}`, `movement:p pending stated ${PENDING}`],
  ],
  [
    "pending and confirmation in one run",
    `at        run account    type                 change movement
     10:00:00  1   collateral withdrawal_confirmed -5     c
     10:00:00  1   collateral withdrawal_pending   5      p
     10:00:00  1   available  withdrawal           -5     d`,
    [`movement:p settled inferred ${PENDING} ${CONFIRMED} ${SETTLED}`],
  ],
  [
    "the available account orders what the collateral account does not know",
    `at        run account    type                 change movement
     10:00:00  1   available  withdrawal_pending   -5     p
     10:05:00  2   available  withdrawal_confirmed 5      c
     10:05:00  2   available  withdrawal           -5     d`,
    [`movement:p settled inferred ${PENDING} ${CONFIRMED} ${SETTLED}`],
  ],
  [
    "a pending known on one account and a confirmation known on the other",
    `at        run account    type                 change movement
     10:00:00  1   available  withdrawal_pending   -5     p
     10:05:00  2   collateral withdrawal_confirmed -5     c`,
    [`movement:p confirmed inferred ${PENDING} ${CONFIRMED}`],
  ],
  [
    "the hold comes back and nothing is taken: returned",
    `at        run account    type                 change movement
     10:00:00  1   available  withdrawal_pending   -5     p
     10:00:00  1   collateral withdrawal_pending   5      p
     10:05:00  2   collateral withdrawal_confirmed -5     c
     10:05:00  2   available  withdrawal_confirmed 5      c`,
    [`movement:p returned inferred ${PENDING} returned<withdrawal_confirmed>`],
  ],
  [
    "a debit in the run may be smaller than the hold, by its fees",
    `at        run account    type                 change movement
     10:05:00  2   available  withdrawal_confirmed 5      c
     10:05:00  2   available  withdrawal           -4     d`,
    [`movement:c settled unmatched ${CONFIRMED} ${SETTLED}`],
  ],
  [
    "a greater debit in the run is not this one's",
    `at        run account    type                 change movement
     10:05:00  2   available  withdrawal_confirmed 5      c
     10:05:00  2   available  withdrawal           -6     d`,
    [
      "movement:c returned unmatched returned<withdrawal_confirmed>",
      `movement:d settled stated ${SETTLED}`,
    ],
  ],
  [
    "a debit in another run is not this one's",
    `at        run account    type                 change movement
     10:05:00  2   available  withdrawal_confirmed 5      c
     10:05:00  3   available  withdrawal           -5     d`,
    [
      "movement:c returned unmatched returned<withdrawal_confirmed>",
      `movement:d settled stated ${SETTLED}`,
    ],
  ],
  [
    "two of one amount in one run: each has its debit",
    `at        run account    type                 change movement request
     10:05:00  2   available  withdrawal_confirmed 5      c1       R1
     10:05:00  2   available  withdrawal_confirmed 5      c2       R2
     10:05:01  2   available  withdrawal           -5     d2       R2
     10:05:01  2   available  withdrawal           -5     d1       -`,
    [
      `R1 settled unmatched ${CONFIRMED} ${SETTLED}`,
      `R2 settled unmatched ${CONFIRMED} ${SETTLED}`,
    ],
  ],
  [
    "older ledgers: a debit alone",
    `at        run account    type       change movement
     10:05:00  2   available  withdrawal -5     d`,
    [`movement:d settled stated ${SETTLED}`],
  ],
  [
    "a debit that is taken back",
    `at        run account    type       change movement request
     10:05:00  2   available  withdrawal -5     d1       R
     10:06:00  3   available  withdrawal 5      d2       R`,
    [`R returned stated ${SETTLED} ${REVERSED}`],
  ],
  [
    "taken back with its confirmation",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -5     p        R
     10:05:00  2   available  withdrawal_confirmed 5      c        R
     10:05:00  2   available  withdrawal           -5     d1       R
     10:06:00  3   available  withdrawal           5      d2       R`,
    [`R returned stated ${PENDING} ${CONFIRMED} ${SETTLED} ${REVERSED}`],
  ],
  [
    "taken back before the debit is known",
    `at        run account    type       change movement request
     10:06:00  3   available  withdrawal 5      d2       R`,
    [`R returned stated ${REVERSED}`],
  ],
  [
    "taken back in part: the rest stays settled",
    `at        run account    type       change movement request
     10:05:00  2   available  withdrawal -5     d1       R
     10:06:00  3   available  withdrawal 2      d2       R`,
    [`R settled stated ${SETTLED} ·-<withdrawal>`],
  ],
  [
    "taken back in parts",
    `at        run account    type       change movement request
     10:05:00  2   available  withdrawal -5     d1       R
     10:06:00  3   available  withdrawal 2      d2       R
     10:07:00  4   available  withdrawal 3      d3       R`,
    [`R returned stated ${SETTLED} ·-<withdrawal> ${REVERSED}`],
  ],
  [
    "taken back and debited again",
    `at        run account    type       change movement request
     10:05:00  2   available  withdrawal -5     d1       R
     10:06:00  3   available  withdrawal 5      d2       R
     10:07:00  4   available  withdrawal -5     d3       R`,
    [`R settled stated ${SETTLED} ·-<withdrawal> ·-<withdrawal>`],
  ],
  [
    "a part of the hold is released: the rest is still held",
    `at        run account    type               change movement request
     10:00:00  1   available  withdrawal_pending -10    p        R
     10:00:00  1   collateral withdrawal_pending 10     p        R
     10:05:00  2   available  withdrawal_pending 4      r        R
     10:05:00  2   collateral withdrawal_pending -4     r        R`,
    [`R pending stated ${PENDING} ·-<withdrawal_pending>`],
  ],
  [
    "the hold is released in parts",
    `at        run account    type               change movement request
     10:00:00  1   available  withdrawal_pending -10    p        R
     10:05:00  2   available  withdrawal_pending 4      r1       R
     10:06:00  3   collateral withdrawal_pending -6     r2       R
     10:06:00  3   available  withdrawal_pending 6      r2       R`,
    [`R returned stated ${PENDING} ·-<withdrawal_pending> ${RELEASED}`],
  ],
  [
    "one of two holds is released",
    `at        run account    type               change movement request
     10:00:00  1   available  withdrawal_pending -10    p1       R
     10:01:00  2   available  withdrawal_pending -10    p2       R
     10:05:00  3   available  withdrawal_pending 10     r        R`,
    [`R pending stated ${PENDING} ·${PENDING} ·-<withdrawal_pending>`],
  ],
  [
    "released and held again",
    `at        run account    type               change movement request
     10:00:00  1   available  withdrawal_pending -10    p1       R
     10:05:00  2   available  withdrawal_pending 10     r        R
     10:06:00  3   available  withdrawal_pending -10    p2       R`,
    [`R pending stated ${PENDING} ·-<withdrawal_pending> ·${PENDING}`],
  ],
  [
    "a part of the hold comes back, and nothing is known of the rest",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p        R
     10:05:00  2   collateral withdrawal_confirmed -10    c        R
     10:05:00  2   available  withdrawal_confirmed 6      c        R`,
    [`R confirmed stated ${PENDING} ${CONFIRMED}`],
  ],
  [
    "a part of the hold is taken: the rest is still held",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p        R
     10:05:00  2   available  withdrawal_confirmed 4      c        R
     10:05:00  2   available  withdrawal           -4     d        R`,
    [`R confirmed stated ${PENDING} ·-<withdrawal> ${CONFIRMED}`],
  ],
  [
    "the hold is taken in parts",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p        R
     10:05:00  2   available  withdrawal_confirmed 4      c1       R
     10:05:00  2   available  withdrawal           -4     d1       R
     10:06:00  3   available  withdrawal_confirmed 6      c2       R
     10:06:00  3   available  withdrawal           -6     d2       R`,
    [`R settled stated ${PENDING} ·-<withdrawal> ${CONFIRMED} ·${CONFIRMED} ${SETTLED}`],
  ],
  [
    "a part of the hold is taken and the rest is released",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p        R
     10:05:00  2   available  withdrawal_confirmed 4      c1       R
     10:05:00  2   available  withdrawal           -4     d1       R
     10:06:00  3   available  withdrawal_pending   6      r        R`,
    [`R settled stated ${PENDING} ${CONFIRMED} ${SETTLED} ·-<withdrawal_pending>`],
  ],
  [
    "a debit whose confirmation was lost",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p        R
     10:05:00  2   available  withdrawal           -9.9   d        R`,
    [`R settled stated ${PENDING} ${SETTLED}`],
  ],
  [
    "the debit of a part comes back while the rest is still held",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p        R
     10:05:00  2   available  withdrawal_confirmed 4      c        R
     10:05:00  2   available  withdrawal           -4     d        R
     10:06:00  3   available  withdrawal           4      f        R`,
    [`R confirmed stated ${PENDING} ·-<withdrawal> ${CONFIRMED} ·-<withdrawal>`],
  ],
  [
    "debited, taken back, and held again",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p1       R
     10:05:00  2   available  withdrawal_confirmed 10     c        R
     10:05:00  2   available  withdrawal           -10    d        R
     10:06:00  3   available  withdrawal           10     f        R
     10:07:00  4   available  withdrawal_pending   -10    p2       R`,
    [`R confirmed stated ${PENDING} ·-<withdrawal> ${CONFIRMED} ·-<withdrawal> ·${PENDING}`],
  ],
  [
    "debited, taken back, and held and released again",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p1       R
     10:05:00  2   available  withdrawal           -10    d        R
     10:06:00  3   available  withdrawal           10     f        R
     10:07:00  4   available  withdrawal_pending   -10    p2       R
     10:08:00  5   available  withdrawal_pending   10     r        R`,
    [`R returned stated ${PENDING} ${SETTLED} ·-<withdrawal> ·${PENDING} ${RELEASED}`],
  ],
  [
    "a part was taken, and its debit is not known; the rest is released",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p        R
     10:04:00  2   available  withdrawal_pending   3      r        R
     10:05:00  3   collateral withdrawal_confirmed -7     c        R`,
    [`R confirmed stated ${PENDING} ·-<withdrawal_pending> ${CONFIRMED}`],
  ],
  [
    "of two parts that were taken, the debit of one is not known",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p        R
     10:05:00  2   available  withdrawal_confirmed 4      c1       R
     10:05:00  2   available  withdrawal           -4     d1       R
     10:06:00  3   collateral withdrawal_confirmed -6     c2       R`,
    [`R confirmed stated ${PENDING} ·-<withdrawal> ${CONFIRMED} ·${CONFIRMED}`],
  ],
  [
    "a part is released, and the rest debited without a confirmation",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p        R
     10:04:00  2   available  withdrawal_pending   3      r        R
     10:05:00  3   available  withdrawal           -7     d        R`,
    [`R settled stated ${PENDING} ·-<withdrawal_pending> ${SETTLED}`],
  ],
  [
    "the run of one part names its debit, that of another does not",
    `at        run account    type                 change movement request
     10:00:00  1   available  withdrawal_pending   -10    p        R
     10:05:00  2   available  withdrawal_confirmed 4      c1       R
     10:05:00  2   available  withdrawal           -4     d1       -
     10:06:00  3   available  withdrawal_confirmed 6      c2       R
     10:06:00  3   available  withdrawal           -6     d2       R`,
    [`R settled stated ${PENDING} ·-<withdrawal> ${CONFIRMED} ·${CONFIRMED} ${SETTLED}`],
  ],
  [
    "a movement whose sides are in two runs",
    `at        run account    type               change movement request
     10:00:00  1   available  withdrawal_pending -10    p        R
     10:00:00  2   collateral withdrawal_pending 10     p        R
     10:05:00  3   available  withdrawal_pending 10     r        R`,
    [`R returned stated ${PENDING} ${RELEASED}`],
  ],
  [
    "a hold of nothing is no step",
    `at        run account    type               change movement request
     10:00:00  1   available  withdrawal_pending 0      p        R`,
    ["R requested stated ·-<withdrawal_pending>"],
  ],
  [
    "a hold that is released beside a debit is no return",
    `at        run account    type               change movement request
     10:00:00  1   available  withdrawal_pending -5     p        R
     10:05:00  2   available  withdrawal         -5     d        R
     10:05:01  3   available  withdrawal_pending 5      r        R`,
    [`R settled stated ${PENDING} ${SETTLED} ·-<withdrawal_pending>`],
  ],
  [
    "a withdrawal that gives, and names none",
    `at        run account    type       change movement
     10:05:00  2   available  withdrawal 5      d`,
    [`movement:d returned unmatched ${REVERSED}`],
  ],
  [
    "a withdrawal of nothing has no stage",
    `at        run account    type       change movement
     10:05:00  2   available  withdrawal 0      d`,
    ["movement:d requested stated ·-<withdrawal>"],
  ],
];

describe("movements", () => {
  test.each(CASES)("%s", async (_, table, records) => {
    expect(await recordsIn(movementFacts(table))).toEqual(records);
    expect(await recordsIn(movementFacts(table).toReversed())).toEqual(records);
  });

  test.each([
    ["2", "3"],
    ["5", "0"],
    ["7", "0"],
  ])("of a debit of 5, %s are reversed: %s are settled", async (back, settled) => {
    const [record] = await withdrawalsOf(
      movementFacts(`at        run account    type       change movement request
                     10:05:00  2   available  withdrawal -5     d1       R
                     10:06:00  3   available  withdrawal ${back} d2      R`),
    );
    expect(record?.state).toMatchObject({ amount: "5", settled_amount: settled });
  });

  test.each([
    ["two holds", "-10 p1 withdrawal_pending, -10 p2 withdrawal_pending", "20", null, []],
    [
      "one is released",
      "-10 p1 withdrawal_pending, -10 p2 withdrawal_pending, 10 r withdrawal_pending",
      "10",
      null,
      [],
    ],
    [
      "held again",
      "-10 p1 withdrawal_pending, 10 r withdrawal_pending, -10 p2 withdrawal_pending",
      "10",
      null,
      [],
    ],
    ["all released", "-10 p1 withdrawal_pending, 10 r withdrawal_pending", "10", null, []],
    ["two debits alone", "-4 d1 withdrawal, -6 d2 withdrawal", "10", "10", []],
    ["a part is released", "-10 p withdrawal_pending, 3 r withdrawal_pending", "10", null, []],
    [
      "debited, taken back and held again",
      "-10 p withdrawal_pending, 10 c withdrawal_confirmed, -10 d withdrawal, 10 f withdrawal, -10 p2 withdrawal_pending",
      "10",
      "0",
      [],
    ],
    [
      "debited, taken back in part",
      "-10 p withdrawal_pending, 10 c withdrawal_confirmed, -10 d withdrawal, 2 f withdrawal",
      "10",
      "8",
      [],
    ],
    [
      "two debits of one hold",
      "-10 p withdrawal_pending, -10 d1 withdrawal, -10 d2 withdrawal",
      "10",
      "20",
      ["debited 10 20"],
    ],
    [
      "more is freed than held",
      "-10 p withdrawal_pending, 12 r withdrawal_pending",
      "10",
      null,
      ["freed 10 12"],
    ],
    [
      "more comes back than was debited",
      "-10 d withdrawal, 12 r withdrawal",
      "10",
      "0",
      ["reversed 10 12"],
    ],
  ] as const)("sums: %s", async (_, movements, amount, settled, contradictions) => {
    const rows = movements.split(", ").map((movement, at) => {
      const [change, id, type] = movement.split(" ");
      return `10:0${at}:00 ${at} available ${type} ${change} ${id} R`;
    });
    const facts = movementFacts(
      ["at run account type change movement request", ...rows].join("\n"),
    );
    for (const arrived of [facts, facts.toReversed()]) {
      const [record, ...others] = await withdrawalsOf(arrived);
      expect(others).toEqual([]);
      expect(record?.state).toMatchObject({ amount, settled_amount: settled });
      expect(record?.anomalies.map(contradictionText)).toEqual(contradictions);
    }
  });

  test("the two sides of a movement disagree: the available one counts, and it is told", async () => {
    const sides = movementFacts(`at        run account    type               change movement
                                 10:00:00  1   available  withdrawal_pending -10    p
                                 10:00:00  1   collateral withdrawal_pending 12     p`);
    for (const arrived of [sides, sides.toReversed()]) {
      const [record] = await withdrawalsOf(arrived);
      expect(record?.state.amount).toBe("10");
      expect(record?.history).toHaveLength(1);
      expect(record?.anomalies).toMatchObject([
        { kind: "contradiction", what: "movement", detail: { field: "movement", movements: 1 } },
      ]);
    }
    const [agreed] = await withdrawalsOf([...sides.slice(0, 2), ...sides.slice(2).map(withdrawn)]);
    expect(agreed?.anomalies).toEqual([]);
  });

  test("in a run of many, what names both its sides takes no other's", async () => {
    const row = (account: string, type: string, change: number, id: string, request = "-") =>
      `10:05:00 2 ${account} withdrawal${type} ${change} ${id} ${request}`;
    const others = Array.from({ length: 40 }, (_, at) => [
      row("available", "_confirmed", 100 + at, `c${at}`),
      row("available", "", -100 - at, `d${at}`),
    ]).flat();
    const rows = [
      row("available", "_confirmed", 7, "c", "R"),
      row("available", "", -7, "d", "R"),
      row("available", "_confirmed", 7, "lone"),
      // The other part of S, in another run, names its debit; this one does not.
      row("available", "_confirmed", 4, "s1", "S"),
      row("available", "", -4, "t1"),
      "10:06:00 3 available withdrawal_confirmed 6 s2 S",
      "10:06:00 3 available withdrawal -6 t2 S",
    ];
    const facts = movementFacts(
      ["at run account type change movement request", ...others, ...rows].join("\n"),
    );
    for (const arrived of [facts, facts.toReversed()]) {
      const records = await withdrawalsOf(arrived);
      expect(records).toHaveLength(43);
      const shown = (id: string) => {
        const { stage, settled_amount } = records.find((record) => record.id === id)?.state ?? {};
        return [stage, settled_amount];
      };
      expect(shown("R")).toEqual(["settled", "7"]);
      expect(shown("S")).toEqual(["settled", "10"]);
      expect(shown("movement:lone")).toEqual(["returned", null]);
    }
  });

  test("a confirmation is not shown as returned before the report of its message", async () => {
    const table = `at        run account    type                 change movement
                   10:05:00  2   available  withdrawal_confirmed 5      c
                   10:05:01  2   available  withdrawal           -5     d`;
    const [confirmed, debit] = movementFacts(table, { reported: false });
    if (!confirmed || !debit) throw new TypeError("two movements");
    expect(await recordsIn([confirmed])).toEqual([`movement:c confirmed unmatched ${CONFIRMED}`]);
    expect(await recordsIn([confirmed, debit])).toEqual([
      `movement:c settled unmatched ${CONFIRMED} ${SETTLED}`,
    ]);
  });

  test("a confirmation in a run of another type does not wait for a report", async () => {
    const [released] = movementFacts(
      `at        run account    type                 change movement
       10:05:00  2   available  withdrawal_confirmed 5      c`,
      { reported: false },
    );
    const data = { ...released?.state.data, run_type: "transfer" };
    const leg = factOf(fact("MovementRecorded", data));
    expect(await recordsIn([leg])).toEqual([
      "movement:c returned unmatched returned<withdrawal_confirmed>",
    ]);
  });

  test("a withdrawn fact has no effect", async () => {
    const legs = movementFacts(`at        run account   type               change movement
                               10:00:00  1   available withdrawal_pending -5     p`);
    expect(await withdrawalsOf(legs.map(withdrawn))).toEqual([]);
  });

  test("a record lists its first hundred movements, whichever were withdrawn", async () => {
    const rows = Array.from({ length: 300 }, (_, at) => {
      const [account, change] = at % 2 === 0 ? ["available", "-1"] : ["collateral", "1"];
      const id = String.fromCharCode(33 + (at % 90), 34 + ((7 * at) % 80));
      return `10:00:00 1 ${account} withdrawal_pending ${change} ${id}${Math.floor(at / 2)} R`;
    });
    const facts = movementFacts(
      ["at run account type change movement request", ...rows].join("\n"),
    );
    const { store, session, apply } = await openModel(WITHDRAWALS);
    await apply(facts.flatMap(eventsOf));
    const isGone = (_: unknown, at: number) => at % 3 !== 0;
    for (const gone of facts.filter(isGone)) await apply(eventsOf(withdrawn(gone)).slice(1));
    await session.commit();
    const [record] = await readRecords<"withdrawals">(store);
    const [fresh] = await withdrawalsOf(facts.filter((one, at) => !isGone(one, at)));
    expect(record?.state.identifiers.movement_ids).toHaveLength(100);
    expect(record?.state.identifiers).toEqual(fresh?.state.identifiers);
    expect(record?.state.amount).toBe(fresh?.state.amount);
  });

  test("a request id that a second copy adds is stated", async () => {
    const legs =
      movementFacts(`at        run account    type                 change movement request
                               10:05:00  1   collateral withdrawal_pending   5      p        R
                               10:00:00  2   collateral withdrawal_confirmed -5     c        -`);
    const adds = { withdrawal_request_id: "R" };
    const seen = legs.map((leg) =>
      leg.state.data.movement_id === "c"
        ? { ...leg, state: { ...leg.state, seen: [{ id: "s", adds, receivedAt: AT }] } }
        : leg,
    );
    expect(await recordsIn(seen)).toEqual([`R confirmed stated ${CONFIRMED} ·${PENDING}`]);
  });

  test("the available side is shown, whatever its leg is called", async () => {
    const legs = movementFacts(`at        run account    type               change movement
                               10:00:02  1   collateral withdrawal_pending 5      p
                               10:00:01  1   available  withdrawal_pending -5     p`);
    const [record] = await withdrawalsOf(legs);
    expect(record?.history.map(({ occurred_at }) => occurred_at)).toEqual(["2024-05-01T10:00:01Z"]);
  });

  test("a time far after its own arrival counts as the arrival", async () => {
    const legs = movementFacts(`at        run account    type                 change movement
                               10:59:00  1   collateral withdrawal_pending   5      p
                               10:05:00  2   collateral withdrawal_confirmed -5     c`);
    const early = legs.map((leg) => ({
      ...leg,
      state: { ...leg.state, data: { ...leg.state.data, received_at: "2024-05-01T10:00:00Z" } },
    }));
    const [record, ...others] = await withdrawalsOf(early);
    expect(others).toEqual([]);
    expect(record?.history).toMatchObject([
      { occurred_at: "2024-05-01T10:59:00Z", effective_at: "2024-05-01T10:00:00Z" },
      { occurred_at: "2024-05-01T10:05:00Z", effective_at: "2024-05-01T10:00:00Z" },
    ]);
    expect(record?.state).toMatchObject({ stage: "confirmed", link: "inferred" });
  });

  test("the amount is exact", async () => {
    const amount = "0.00000000000000000000123456789012345678901234567890123";
    const [record] = await withdrawalsOf(
      movementFacts(`at        run account   type               change     movement
                    10:00:00  1   available withdrawal_pending -${amount} p`),
    );
    expect(record?.state.amount).toBe(amount);
  });
});

const contradictionText = ({ detail }: { detail: object }): string => {
  const { field, stated, contradicted_by } = detail as Record<string, string>;
  return `${field} ${stated} ${contradicted_by}`;
};

const AT = "2024-05-01T12:00:00Z";

const withdrawn = (leg: ReturnType<typeof factOf>) => ({
  ...leg,
  state: { ...leg.state, withdrawn: true },
});

const request = (status: string, data: Readonly<Record<string, unknown>> = {}) =>
  statusFact("WithdrawalStatusReported", { withdrawal_id: "R", status, occurred_at: AT, ...data });

const payment = (status: string, data: Readonly<Record<string, unknown>> = {}) =>
  statusFact("PaymentStatusReported", {
    payment: data.payment_id ?? data.transaction_id ?? "P",
    status,
    occurred_at: AT,
    ...data,
  });

describe("requests and payments", () => {
  test.each([
    ["APPROVED", undefined, "approved", ["approved<APPROVED>"]],
    ["APPROVED", "PENDING", "broadcast", ["approved<APPROVED>", "broadcast<on_chain PENDING>"]],
    ["SETTLED", "PENDING", "settled", ["broadcast<on_chain PENDING>", "settled<SETTLED>"]],
    ["SETTLED", "CONFIRMED", "settled", ["confirmed<on_chain CONFIRMED>", "settled<SETTLED>"]],
    ["REJECTED", "odd", "rejected", ["·-<on_chain odd>", "rejected<REJECTED>"]],
  ])("%s, on chain %s is %s", async (status, on_chain_status, stage, history) => {
    const [record] = await withdrawalsOf([request(status, { on_chain_status })]);
    expect(record).toMatchObject({ id: "R", state: { stage, link: "stated" } });
    expect(brief(record?.history ?? [])).toEqual(history);
  });

  test("a payment with its request id is part of the request; the movement's amount stands", async () => {
    const [record, ...others] = await withdrawalsOf([
      ...movementFacts(`at        run account   type               change movement request
                         10:00:00  1   available withdrawal_pending -5     p        R`),
      payment("initialized", { payment_id: "P1", occurred_at: "2024-05-01T09:59:00Z" }),
      payment("posted", {
        payment_id: "P1",
        withdrawal_request_id: "R",
        account_label: "savings",
        asset: "USDC",
        network: "BASE",
        amount: "6",
        fee: "0.1",
        fee_asset: "USD",
        transaction_hash: "0xABC",
        destination_address: "0xd",
        reference: "order-1",
      }),
    ]);
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      id: "R",
      state: {
        stage: "broadcast",
        link: "stated",
        account_label: "general",
        asset: "BTC",
        network: "BASE",
        amount: "5",
        fee: "0.1",
        fee_asset: "USD",
        destination_address: "0xd",
        opened_at: "2024-05-01T09:59:00Z",
        updated_at: AT,
        identifiers: {
          withdrawal_request_id: "R",
          payment_id: "P1",
          transaction_hash: "0xABC",
          movement_ids: ["p"],
        },
      },
      identifiers: ["0xABC", "P1", "R", "abc", "movement:p", "order-1", "p"],
    });
  });

  test("without a request id a payment is a record of its own", async () => {
    const records = await withdrawalsOf([
      payment("pending", { payment_id: "P1", amount: "5" }),
      payment("settled", { transaction_id: "T1", amount: "5", asset: "USD" }),
      payment("failed", { payment: "digest:ff", reason: "no", reason_code: "R01" }),
    ]);
    expect(
      byId(records).map(({ id, state }) => [id, state.stage, state.identifiers.payment_id]),
    ).toEqual([
      ["P1", "pending", "P1"],
      ["T1", "settled", "T1"],
      ["digest:ff", "failed", null],
    ]);
  });

  test("a payout is a withdrawal from its payment on, called what its request is called", async () => {
    const payout = (word: string, timestamp: string, withdrawal_request_id: string | null) =>
      delivered({
        payloadType: "payout.status_updated",
        body: {
          ...{ payout_id: "payout_abc123", sub_status: `payment.${word}`, timestamp },
          resources: {
            payor: { participant_code: "PAYOR1", payor: { participant_code: "UPAYOR1" } },
            payment: {
              ...{ payment_id: "pmt_abc123", asset: "USDC", destination_amount: "100.00" },
              payment_details: { withdrawal_request_id },
            },
          },
        },
      });
    const [record, ...others] = await withdrawalsOf([
      ...payout("submitted", "2026-05-06T12:06:00Z", null),
      ...payout("posted", "2026-05-06T12:07:15Z", "wr_xyz456"),
      ...payout("settled", "2026-05-06T12:08:45Z", "wr_xyz456"),
    ]);
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      id: "wr_xyz456",
      state: { stage: "settled", participant_code: "UPAYOR1", asset: "USDC", amount: "100" },
      anomalies: [],
    });
    expect(brief(record?.history ?? [])).toEqual([
      "requested<submitted>",
      "broadcast<posted>",
      "settled<settled>",
    ]);
  });

  test("a bank payment comes back after it has settled", async () => {
    const at = (occurred_at: string) => ({
      transaction_id: "T",
      occurred_at,
      payment_type: "credit",
    });
    const [record] = await withdrawalsOf([
      payment("returned", at("2024-06-20T00:00:00Z")),
      payment("submitted", at("2024-05-01T00:00:00Z")),
      payment("settled", at("2024-05-03T00:00:00Z")),
      payment("returned_settled", at("2024-06-21T00:00:00Z")),
    ]);
    expect(record?.state.stage).toBe("returned");
    expect(record?.anomalies).toEqual([]);
    expect(brief(record?.history ?? [])).toEqual([
      "requested<submitted>",
      "settled<settled>",
      "returned<returned>",
      "·returned<returned_settled>",
    ]);
  });

  test("the same time in every status: the stages order them", async () => {
    const words = ["settled", "posted", "initialized", "submitted", "pending"];
    const [record] = await withdrawalsOf(words.map((word) => payment(word)));
    expect(record?.history.map(({ provider_status }) => provider_status)).toEqual([
      ...["initialized", "submitted", "pending", "posted", "settled"],
    ]);
    expect(record?.anomalies).toEqual([]);
  });

  test("a rejected request gives its hold back, in either order", async () => {
    const legs = (releasedAt: string) => [
      ...movementFacts(`at        run account   type                 change movement request
                       11:00:00  1   available withdrawal_pending   -5     p        R
                       ${releasedAt}  2   available withdrawal_confirmed 5  c        R`),
      request("REJECTED"),
    ];
    for (const releasedAt of ["11:59:00", "12:01:00"]) {
      const [record] = await withdrawalsOf(legs(releasedAt));
      expect(record).toMatchObject({ state: { stage: "returned" }, anomalies: [] });
    }
  });

  test("leaving an end is an anomaly and leaves the stage, once a step", async () => {
    const [record] = await withdrawalsOf([
      payment("failed", { payment_id: "P" }),
      payment("settled", { payment_id: "P", occurred_at: "2024-05-01T12:00:01.500Z" }),
      payment("settled", { payment_id: "P", occurred_at: "2024-05-01T12:00:02Z" }),
    ]);
    expect(record?.state).toMatchObject({ stage: "failed", provider_status: "failed" });
    expect(record?.anomalies).toEqual([
      {
        kind: "illegal_step",
        what: "failed->settled",
        detail: {
          from: "failed",
          to: "settled",
          provider_status: "settled",
          source: "payment",
          occurred_at: "2024-05-01T12:00:01.500Z",
        },
        at: "2024-05-01T12:00:01.500Z",
      },
    ]);
  });

  test("an unknown word stands in the history only", async () => {
    const [record] = await withdrawalsOf([payment("unspecified"), payment("constructor")]);
    expect(record).toMatchObject({ id: "P", state: { stage: "requested" } });
    expect(brief(record?.history ?? [])).toEqual(["·-<constructor>", "·-<unspecified>"]);
  });

  test.each([
    [
      "requested_amount",
      [request("PENDING", { amount: "5" }), request("SETTLED", { amount: "6" })],
    ],
    ["paid_amount", [payment("posted", { amount: "5" }), payment("settled", { amount: "6" })]],
  ])("statuses that disagree on the %s contradict each other", async (field, statuses) => {
    const [record] = await withdrawalsOf(statuses);
    expect(record?.anomalies.map(contradictionText)).toEqual([`${field} 5 6`]);
    const [agreed] = await withdrawalsOf([
      ...statuses.slice(0, 1),
      ...statuses.slice(1).map(withdrawn),
    ]);
    expect(agreed?.anomalies).toEqual([]);
  });

  test("a payment called what a request is called stays another record", async () => {
    const called = payment("settled", { payment_id: "R" });
    const records = byId(await withdrawalsOf([called, request("PENDING")]));
    expect(records.map(({ id, state }) => [id, state.stage])).toEqual([
      ["R", "pending"],
      ["payment:R", "settled"],
    ]);
    expect(records.every(({ identifiers }) => identifiers.includes("R"))).toBe(true);
  });
});

const ADDRESS_ID = "8ce24a4373ec53c4a9b69e53f1f3a0c2";
const TRANSFER = "018fef0aa7497aa2b1e8a3d94c36e0f7";

const layer1 = (status: string, second: string, leg: "69" | "66", more = {}) =>
  delivered({
    provider: "layer1",
    payloadType: "",
    body: {
      event: "layer1:digital:withdrawal:statusChange",
      timestamp: `2024-06-06T19:33:${second}Z`,
      data: {
        id: `${TRANSFER}${ADDRESS_ID}${leg}`,
        address: { network: "ETHEREUM" },
        reference: "withdrawal-1001",
        status,
        asset: "ETH",
        amount: leg === "69" ? "0.001" : "0.000105341250681",
        hash: null,
        ...more,
      },
    },
  });

describe("a Layer1 withdrawal", () => {
  const words = ["CREATED", "FUNDS_RESERVED", "SIGNED", "DETECTED", "CONFIRMED", "SUCCESS"];
  const legs = words.flatMap((word, at) => [
    ...layer1(word, `${30 + at}.105338017`, "69"),
    ...layer1(word, `${30 + at}.118904552`, "66"),
  ]);

  test("amount and fee leg are one transfer; each status is shown once", async () => {
    const [record, ...others] = await withdrawalsOf(legs);
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      id: TRANSFER,
      state: {
        provider: "layer1",
        stage: "settled",
        provider_status: "SUCCESS",
        link: "stated",
        asset: "ETH",
        network: "ETHEREUM",
        amount: "0.001",
        fee: "0.000105341250681",
        fee_asset: "ETH",
        identifiers: { transfer_id: TRANSFER, withdrawal_request_id: null },
        opened_at: "2024-06-06T19:33:30.105338017Z",
      },
      anomalies: [],
    });
    expect(record?.history.map(({ provider_status }) => provider_status)).toEqual(words);
    expect(record?.identifiers).toContain(`${TRANSFER}${ADDRESS_ID}66`);
  });

  test("a status that only the fee leg reports is shown", async () => {
    const [record] = await withdrawalsOf([
      ...layer1("CREATED", "30", "69"),
      ...layer1("SIGNED", "31", "66"),
    ]);
    expect(brief(record?.history ?? [])).toEqual(["requested<CREATED>", "approved<SIGNED>"]);
  });

  test.each([
    ["succeeds while the amount leg is confirmed", [["SUCCESS", "66"]], "confirmed"],
    [
      "succeeds, and the amount leg fails",
      [
        ["SUCCESS", "66"],
        ["FAILED", "69"],
      ],
      "failed",
    ],
    [
      "succeeds after the amount leg failed",
      [
        ["FAILED", "69"],
        ["SUCCESS", "66"],
      ],
      "failed",
    ],
    [
      "fails, and the amount leg succeeds",
      [
        ["FAILED", "66"],
        ["SUCCESS", "69"],
      ],
      "settled",
    ],
  ] as const)("a fee leg that %s ends nothing", async (_, ends, stage) => {
    const [record] = await withdrawalsOf([
      ...layer1("CONFIRMED", "30", "69"),
      ...layer1("CONFIRMED", "30", "66"),
      ...ends.flatMap(([word, leg], at) => layer1(word, `${31 + at}`, leg)),
    ]);
    expect([record?.state.stage, record?.anomalies]).toEqual([stage, []]);
  });

  const second = (status: string, at: string, amount: string) =>
    layer1(status, at, "69", { amount, id: `${TRANSFER}${"ab".repeat(16)}69` });

  test("a transfer to two addresses settles when both have theirs", async () => {
    const first = ["CREATED", "CONFIRMED", "SUCCESS"].flatMap((word, at) =>
      layer1(word, `${30 + at}`, "69"),
    );
    const [other, done] = [second("CREATED", "31", "0.002"), second("SUCCESS", "40", "0.002")];
    const [open] = await withdrawalsOf([...first, ...other]);
    expect(open?.state).toMatchObject({ stage: "confirmed", amount: "0.003" });
    for (const facts of [
      [...first, ...other, ...done],
      [...done, ...other, ...first],
    ]) {
      const [record] = await withdrawalsOf(facts);
      expect(record?.state).toMatchObject({ stage: "settled", amount: "0.003" });
      expect(brief(record?.history ?? []).slice(-2)).toEqual(["·-<SUCCESS>", "settled<SUCCESS>"]);
    }
  });

  test("one leg that succeeds beside one that fails is told", async () => {
    const facts = [...layer1("SUCCESS", "30", "69"), ...second("FAILED", "31", "0.002")];
    for (const arrived of [facts, facts.toReversed()]) {
      const [record] = await withdrawalsOf(arrived);
      expect(record?.state.stage).toBe("failed");
      expect(record?.anomalies).toMatchObject([{ kind: "contradiction", what: "end_of_legs" }]);
    }
  });

  test("REPLACED is history only; the hash is the last one and both are found", async () => {
    const [record] = await withdrawalsOf([
      ...layer1("DETECTED", "30", "69", { hash: "0xAA" }),
      ...layer1("REPLACED", "31", "69", { hash: "0xBB" }),
      ...layer1("FAILED", "32", "69", {
        metadata: { failure: { reason: "INSUFFICIENT_FUNDS", message: "not enough" } },
      }),
    ]);
    expect(brief(record?.history ?? [])).toEqual([
      "broadcast<DETECTED>",
      "·-<REPLACED>",
      "failed<FAILED>",
    ]);
    expect(record?.state).toMatchObject({
      identifiers: { transaction_hash: "0xBB" },
      reason: "not enough",
      reason_code: "INSUFFICIENT_FUNDS",
    });
    expect(record?.identifiers).toEqual(expect.arrayContaining(["0xAA", "aa", "0xBB", "bb"]));
  });

  test("the fee of the network where no fee leg is known", async () => {
    const fee = { asset: "ETH", amount: "0.0001" };
    const [record] = await withdrawalsOf(
      layer1("CONFIRMED", "30", "69", { networkDetail: { fee } }),
    );
    expect(record?.state).toMatchObject({ amount: "0.001", fee: "0.0001", fee_asset: "ETH" });
  });
});

describe("which facts are legs", () => {
  test.each([
    ["MovementRecorded", { movement_type: "withdrawal_pending" }, true],
    ["MovementRecorded", { movement_type: "withdrawal" }, true],
    ["MovementRecorded", { movement_type: "network_fee" }, false],
    ["MovementRecorded", { movement_type: "toString" }, false],
    ["MovementRecorded", {}, false],
    [
      "BalanceReported",
      { account: "zerohash:a:b:c:available:d", run_id: "1", run_type: "deposit" },
      false,
    ],
    ["BalanceReported", { account: "zerohash:a:b:c:available:d", run_id: "1" }, true],
    [
      "BalanceReported",
      { account: "zerohash:a:b:c:collateral:d", run_id: "1", run_type: "x" },
      true,
    ],
    ["BalanceReported", { account: "zerohash:a:b:c:collateral:d" }, false],
    ["WithdrawalStatusReported", {}, true],
    ["PaymentStatusReported", {}, true],
    ["TradeStatusReported", {}, false],
  ] as const)("%s %p: %p", (type, data, expected) => {
    expect(isWithdrawalFact(type, { provider: "zerohash", ...data })).toBe(expected);
  });
});

describe("types of accounts that every object knows", () => {
  test.each(["constructor", "__proto__", "toString"])("%s is a type like another", async (type) => {
    const body = pending(type, "-0.10000000", "534066");
    const facts = delivered({ payloadType: "account_balance.changed", body });
    const expected = withTypes(await withdrawalsOf(facts), type);
    expect(expected).toHaveLength(1);
    expect(expected[0]).toMatchObject({ id: PENDING_ID, state: { stage: "pending" } });
    const plain = { ...body, account_type: "savings" };
    const others = delivered({ payloadType: "account_balance.changed", body: plain });
    expect(expected).toEqual(withTypes(await withdrawalsOf(others), "savings"));
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(Object.keys(Object)).toEqual([]);
  });
});

/** Replaces the account type by a placeholder throughout the records. */
const withTypes = (records: readonly object[], type: string) =>
  JSON.parse(JSON.stringify(records).replaceAll(type, "type"));

test("an end that waits for its movement is acknowledged until that comes", async () => {
  const [held, reported, back, reportedBack] = movementFacts(
    `at       run account   type               change movement request
     10:00:00 1   available withdrawal_pending -1     p        R
     10:02:00 2   available withdrawal_pending 1      r        R`,
  );
  const failed = statusFact("WithdrawalStatusReported", {
    ...{ withdrawal_id: "R", status: "rejected", participant_code: "DEF456", asset: "BTC" },
    occurred_at: "2024-05-01T10:01:00Z",
  });
  const { apply, session, store } = await openModel(WITHDRAWALS);
  const arrive = async (...facts: readonly (LifecycleFact | undefined)[]) => {
    for (const fact of facts) if (fact !== undefined) await apply(eventsOf(fact));
    await session.commit();
  };
  const acknowledge = async (stage: string) => {
    const data = { anomaly_id: `stuck:R:${stage}`, model: "withdrawals", as_of: "99" };
    await apply([{ type: "AnomalyAcknowledged", data: { ...data, note: "seen", actor: "Ann" } }]);
    await session.commit();
  };
  const rule = stuckRule(2n ** 62n, 60);
  await arrive(held, reported, failed);
  await acknowledge("returned");
  expect(await countStuck(store, "withdrawals", rule)).toMatchObject([{ unacknowledged: 1 }]);
  await acknowledge("rejected");
  expect(await countStuck(store, "withdrawals", rule)).toEqual([
    { model: "withdrawals", stage: "rejected", open: 1, unacknowledged: 0 },
  ]);
  await arrive(back, reportedBack);
  expect(await countStuck(store, "withdrawals", rule)).toEqual([]);
  expect(await store.select(KNOWN_STUCK, { orderBy: ["id"], limit: 9 })).toEqual([]);
  // It returned: there is nothing left to acknowledge.
  await acknowledge("returned");
  expect(await store.select(KNOWN_STUCK, { orderBy: ["id"], limit: 9 })).toEqual([]);
});

test("an end that waits in its stage is no longer acknowledged once that comes", async () => {
  const [held, reported] = movementFacts(
    `at       run account   type               change movement request
     10:00:00 1   available withdrawal_pending -1     p        R`,
  );
  const taken = movementFacts(
    `at       run account   type                 change movement request
     10:02:00 2   available withdrawal_confirmed 1      c        R
     10:02:00 2   available withdrawal           -1     d        R`,
  );
  const settled = statusFact("WithdrawalStatusReported", {
    ...{ withdrawal_id: "R", status: "settled", participant_code: "DEF456", asset: "BTC" },
    occurred_at: "2024-05-01T10:01:00Z",
  });
  const { apply, session, store } = await openModel(WITHDRAWALS);
  for (const fact of [held, reported, settled]) if (fact) await apply(eventsOf(fact));
  const data = { anomaly_id: "stuck:R:settled", model: "withdrawals", as_of: "99" };
  await apply([{ type: "AnomalyAcknowledged", data: { ...data, note: "seen", actor: "Ann" } }]);
  for (const fact of taken) await apply(eventsOf(fact));
  await session.commit();
  expect(await readRecords<"withdrawals">(store)).toMatchObject([
    { id: "R", state: { stage: "settled" }, waits: null },
  ]);
  expect(await store.select(KNOWN_STUCK, { orderBy: ["id"], limit: 9 })).toEqual([]);
});

test("a debit of another account than the available one leaves open what was taken", async () => {
  const [record] = await withdrawalsOf(
    movementFacts(
      `at       run account    type               change movement request
       10:00:00 1   available  withdrawal_pending -1     p        R
       10:00:00 1   collateral withdrawal_pending 1      p        R
       10:02:00 2   collateral withdrawal         -1     d        R`,
    ),
  );
  expect(record).toMatchObject({ state: { stage: "settled" }, waits: null });
});
