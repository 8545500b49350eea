import { type SearchHit, searchHit } from "@counterfoil/contracts/http";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID, balanceWebhook } from "../testing/balance-webhook.ts";
import { expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
});

async function find(text: unknown, headers = {}): Promise<readonly SearchHit[]> {
  const url = `/v1/search?q=${encodeURIComponent(String(text))}`;
  const { status, body } = await gateway.send("GET", url, { headers });
  expect([text, status, body.detail]).toEqual([text, 200, undefined]);
  for (const hit of body.data) expect(searchHit.parse(hit)).toEqual(hit);
  return body.data;
}

const pathsOf = async (text: unknown) => (await find(text)).map(({ path }) => path);

const listed = async (url: string) => (await gateway.get(url)).body.data;

describe("of every documented flow", () => {
  beforeEach(async () => {
    for (const name of SCENARIOS.keys()) await ledger.play(name);
  });

  test("accounts are found by our id, its beginning, the provider's ids, owner and address", async () => {
    for (const account of await listed("/v1/balances")) {
      const path = `/accounts/${encodeURIComponent(account.id)}`;
      expect((await find(account.id))[0]).toMatchObject({ kind: "account", matched: "id", path });
      for (const id of account.account_ids) expect(await pathsOf(id)).toContain(path);
      const { participant_code: code, account_group: group, address } = account;
      if (code !== null)
        expect(await pathsOf(code)).toContain(`/accounts?participant_code=${code}`);
      if (group !== null)
        expect(await pathsOf(group)).toContain(`/accounts?account_group=${group}`);
      if (address !== null)
        expect(await pathsOf(address.toUpperCase().replace("0X", "0x"))).toContain(path);
    }
    const begun = await find("zerohash:DEF456:ABC123:general:a");
    expect(begun.map(({ id, matched }) => [id, matched])).toContainEqual([
      "zerohash:DEF456:ABC123:general:available:BTC",
      "id_prefix",
    ]);
  });

  test("records are found by every identifier, runs and movements by theirs", async () => {
    for (const model of ["withdrawals", "deposits", "trades"]) {
      for (const record of await listed(`/v1/${model}`)) {
        const path = `/${model}/${encodeURIComponent(record.id)}`;
        expect((await find(record.id))[0]).toMatchObject({ matched: "id", path });
        const { movement_ids = [], ...named } = record.identifiers ?? {};
        for (const id of [...movement_ids, ...Object.values(named)]) {
          if (id !== null) expect(await pathsOf(id)).toContain(path);
        }
      }
    }
    const url = "/v1/accounts/zerohash%3ADEF456%3AABC123%3Ageneral%3Aavailable%3ABTC/entries";
    const [entry] = (await listed(url)).filter(({ kind }: { kind: string }) => kind === "run");
    const path = `/runs/${entry.run_id}`;
    expect(await find(entry.run_id)).toContainEqual(expect.objectContaining({ kind: "run", path }));
    for (const { movement_id } of entry.movements) {
      expect(await find(movement_id)).toContainEqual(
        expect.objectContaining({ kind: "movement", path }),
      );
    }
  });

  test("deliveries and events are found by id in any case, events by position, anomalies by id", async () => {
    const events = await ledger.stream.read({ after: 0, limit: 40 });
    for (const { id, type, position } of events) {
      const isDelivery = type === "DeliveryReceived";
      const path = isDelivery ? `/deliveries/${id}` : `/events/${position}`;
      expect(await pathsOf(id.toUpperCase())).toEqual([path]);
      expect(await pathsOf(position)).toContain(path);
    }
    const anomalies = await listed("/v1/anomalies");
    expect(anomalies.length).toBeGreaterThan(0);
    for (const { id } of anomalies) {
      expect(await find(id)).toEqual([
        expect.objectContaining({ kind: "anomaly", path: `/anomalies/${encodeURIComponent(id)}` }),
      ]);
    }
  });

  test.each([
    "nobody",
    "99999999",
    "0",
    "00000000-0000-4000-8000-000000000000",
    "zerohash:",
    "layer1:x",
    "gap:nothing",
    "zerohash:\udbff\udfff".toWellFormed(),
    "%",
    "' OR 1=1",
    "x".repeat(5000),
  ])("%# stands for nothing", async (text) => expect(await find(text)).toEqual([]));

  test("what surrounds an identifier does not matter", async () => {
    expect(await pathsOf("  DEF456\n")).toContain("/accounts?participant_code=DEF456");
  });
});

test("of one kind no more than five are offered, however many there are", async () => {
  for (let at = 0; at < 9; at += 1) {
    const account = { participant_code: `P${at}`, asset: "BTC" };
    await ledger.deliver(
      balanceWebhook({ run: 7, at: 7, change: "1", balance: "1", account, movementId: "m-1" }),
    );
  }
  await ledger.fold();
  const hits = await find("a-1");
  expect(hits.map(({ matched }) => matched)).toEqual(Array(5).fill("account_id"));
  const byKind = Map.groupBy(await find("m-1"), ({ kind }) => kind);
  expect([byKind.get("movement")?.length, byKind.get("deposit")?.length]).toEqual([5, 5]);
  expect(await pathsOf("7")).toEqual(expect.arrayContaining(["/runs/7"]));
  expect((await find("7")).filter(({ kind }) => kind === "run")).toHaveLength(1);
});

test("a platform is offered nothing outside", async () => {
  const report = { at: 1, change: "1", balance: "1", run: 1 };
  const of = (participant_code: string, account_group: string) => ({
    account: { participant_code, account_group },
  });
  await ledger.deliver(balanceWebhook({ ...report, ...of("P1", "G1"), movementId: "m-1" }));
  await ledger.deliver(balanceWebhook({ ...report, ...of("P2", "G2"), movementId: "m-2" }));
  await ledger.fold();
  const { headers } = await gateway.newKey({ platform: "G1" });
  await ledger.fold();
  const seen = async (text: string) =>
    (await find(text, headers)).map(({ kind, title }) => `${kind}: ${title}`);
  expect(await seen("P1")).toEqual(["participant: accounts of P1"]);
  expect(await seen("G1")).toEqual(["account_group: accounts in G1"]);
  expect(await seen("a-1")).toEqual(["account: available USD of P1"]);
  expect(await seen("m-1")).toEqual([
    "movement: movement of 1 on zerohash:P1:G1:general:available:USD",
    "deposit: deposit, USD, credited",
  ]);
  expect(await seen("1")).toEqual(["run: run 1 of zerohash, deposit"]);
  for (const text of ["P2", "G2", "m-2", "zerohash:P2:G2:general:available:USD", "zerohash:P"]) {
    expect(await seen(text)).toEqual([]);
  }
});

test("a platform finds its own records behind any number of others' with the same identifier", async () => {
  const [others, own] = [250, 99];
  for (let at = 1; at <= others; at += 1) {
    const body = {
      ...{ trade_id: `T${at}`, trade_state: "accepted", client_trade_id: "1" },
      platform_code: at === own ? "P1" : "P2",
    };
    await ledger.deliver({
      kind: "zerohash-webhook",
      payloadType: "trade.status_changed",
      body: JSON.stringify(body),
    });
  }
  await ledger.fold();
  const { headers } = await gateway.newKey({ platform: "P1" });
  await ledger.fold();
  expect((await find("1", headers)).map(({ path }) => path)).toEqual([`/trades/T${own}`]);
  const { body } = await gateway.send("GET", "/v1/trades?identifier=1", { headers });
  expect(body.data.map(({ id }: { id: string }) => id)).toEqual([`T${own}`]);
});

test.each(["/v1/search", "/v1/search?q=", "/v1/search?q=a&q=b", "/v1/search?q=a&kind=run"])(
  "%s is refused",
  async (url) => expectProblem(await gateway.get(url), "invalid_query"),
);

describe("what was just recorded", () => {
  test("an answer carries the lowest position that it was computed at, found or not", async () => {
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    await ledger.fold();
    const { position: behind } = (await gateway.get("/v1/trades")).body;
    await ledger.deliver(balanceWebhook({ run: 2, at: 1, balance: "2", change: "1" }));
    await ledger.fold("balances", "withdrawals", "deposits");
    for (const text of ["nobody", ACCOUNT_ID, "gap:nobody"]) {
      const { body } = await gateway.get(`/v1/search?q=${text}`);
      expect([text, body.position]).toEqual([text, behind]);
    }
  });

  test("is found with min_position, once every model has it", async () => {
    const { position } = await ledger.deliver(
      balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }),
    );
    await ledger.fold("balances", "withdrawals", "deposits");
    const finding = gateway.get(`/v1/search?q=${ACCOUNT_ID}&min_position=${position}`);
    await ledger.clock.advance(1000);
    await ledger.fold();
    await ledger.clock.advance(50);
    const { status, body } = await finding;
    expect([status, body.position]).toEqual([200, String(position)]);
    expect(body.data[0]).toMatchObject({ kind: "account", id: ACCOUNT_ID });
  });

  test("min_position ahead of the stream is refused at once", async () => {
    const far = await gateway.get("/v1/search?q=nobody&min_position=999999999");
    expectProblem(far, "position_ahead");
  });
});
