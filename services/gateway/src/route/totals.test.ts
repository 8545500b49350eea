import { totalRecord } from "@counterfoil/contracts/record";
import { formatTime } from "@counterfoil/core/exact/time";
import { beforeEach, expect, test } from "@jest/globals";
import { balanceWebhook, type Report } from "../testing/balance-webhook.ts";
import { expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;
/** When the first two reports were known, and no other. */
let early: string;

const report = (run: number, amount: string, account: Report["account"] = {}) =>
  ledger.deliver(balanceWebhook({ run, at: run, change: amount, balance: amount, account }));

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
  await report(1, "0.1");
  await report(2, "0.2", { participant_code: "P2" });
  early = encodeURIComponent(formatTime(ledger.clock.now()));
  await ledger.clock.advance(1000);
  await report(3, "1e-23", { participant_code: "G1", asset: "ETH" });
  await report(4, "5", { account_type: "collateral" });
  await report(5, "7", { account_group: "G2", participant_code: "G1" });
  // A change of 1 to a balance of 3: 2 are missing before it, where 0.1 was.
  const gap = { run: 6, at: 6, change: "1", balance: "3.1" };
  await ledger.deliver(balanceWebhook(gap));
  await ledger.fold();
});

async function totals(query: string) {
  const { status, body } = await gateway.get(`/v1/totals?${query}`);
  expect([body.detail, status]).toEqual([undefined, 200]);
  for (const each of body.data) expect(totalRecord.parse(each)).toEqual(each);
  return body.data;
}

test("are sums per asset, exact, with the position that they were computed at", async () => {
  const { body } = await gateway.get("/v1/totals");
  const { position } = await ledger.stream.head();
  expect(body).toEqual({
    position: String(position),
    data: [
      {
        asset: "ETH",
        total: "0.00000000000000000000001",
        accounts: 1,
        accounts_with_gaps: 0,
        accounts_uncertain: 0,
      },
      { asset: "USD", total: "15.3", accounts: 4, accounts_with_gaps: 1, accounts_uncertain: 1 },
    ],
  });
});

test("are grouped and filtered as requested", async () => {
  expect(await totals("asset=USD&group_by=account_type&group_by=account_group")).toEqual([
    {
      asset: "USD",
      account_type: "available",
      account_group: "G1",
      total: "3.3",
      accounts: 2,
      accounts_with_gaps: 1,
      accounts_uncertain: 1,
    },
    {
      asset: "USD",
      account_type: "available",
      account_group: "G2",
      total: "7",
      accounts: 1,
      accounts_with_gaps: 0,
      accounts_uncertain: 0,
    },
    {
      asset: "USD",
      account_type: "collateral",
      account_group: "G1",
      total: "5",
      accounts: 1,
      accounts_with_gaps: 0,
      accounts_uncertain: 0,
    },
  ]);
  expect(await totals("asset=ETH&asset=BTC&group_by=provider")).toMatchObject([
    { asset: "ETH", provider: "zerohash" },
  ]);
  expect(await totals("account_group=G2&group_by=asset")).toMatchObject([{ total: "7" }]);
  expect(await totals("provider=layer1")).toEqual([]);
});

test("of Layer1 are of no group", async () => {
  await ledger.play("layer1-deposit");
  const [{ account_group, provider }] = await totals(
    "provider=layer1&group_by=account_group&group_by=provider",
  );
  expect([account_group, provider]).toEqual([null, "layer1"]);
});

test("are those of then, at a position or as known at a time", async () => {
  const then = [
    { asset: "USD", total: "0.3", accounts: 2, accounts_with_gaps: 0, accounts_uncertain: 0 },
  ];
  const events = await ledger.stream.read({ after: 0, limit: 100, types: ["BalanceReported"] });
  expect(await totals(`at_position=${events[1]?.position}`)).toEqual(then);
  expect(await totals(`known_at=${early}`)).toEqual(then);
  expect(await totals("at_position=1")).toEqual([]);
});

test("of a platform are those of its group and its own, each account once", async () => {
  const { headers } = await gateway.newKey({ platform: "G1" });
  await ledger.fold();
  const { body } = await gateway.send("GET", "/v1/totals?group_by=account_group", { headers });
  expect(body.data).toMatchObject([
    { asset: "ETH", account_group: "G1", accounts: 1 },
    { asset: "USD", account_group: "G1", total: "8.3", accounts: 3 },
    { asset: "USD", account_group: "G2", total: "7", accounts: 1 },
  ]);
});

test.each([
  ["as_of=2025-06-01T00:00:00Z", "unsupported_combination"],
  ["at_position=1&known_at=2025-06-01T00:00:00Z", "unsupported_combination"],
  ["group_by=account_label", "invalid_query"],
  ["group_by=account_type,provider", "invalid_query"],
  ["asset=", "invalid_query"],
  ["at_position=1&at_position=2", "invalid_query"],
] as const)("%s is refused", async (query, code) => {
  expectProblem(await gateway.get(`/v1/totals?${query}`), code);
});
