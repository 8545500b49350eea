import { balanceRecord, entryRecord, runRecord } from "@counterfoil/contracts/record";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID, balanceWebhook, timeAt } from "../testing/balance-webhook.ts";
import { expectList, expectOne, expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
});

const urlOf = (id: string, rest = "") => `/v1/accounts/${encodeURIComponent(id)}${rest}`;

async function report(...reports: readonly Parameters<typeof balanceWebhook>[0][]): Promise<void> {
  for (const each of reports) await ledger.deliver(balanceWebhook(each));
  await ledger.fold();
}

describe("one account", () => {
  test("is found by our id and by every id of the provider's", async () => {
    await ledger.play("balances-feed-use-cases");
    const id = "zerohash:DEF456:ABC123:general:collateral:BTC";
    const answer = await gateway.get(urlOf(id));
    expectOne(answer, balanceRecord);
    expect(answer.body).toMatchObject({ data: { id, balance: "0" }, position: "25" });
    for (const account_id of answer.body.data.account_ids) {
      expect((await gateway.get(urlOf(account_id))).body).toEqual(answer.body);
    }
    expect((await gateway.get(`/v1/accounts/${id}`)).body).toEqual(answer.body);
  });

  test.each([
    ["a space", "Mr Smith"],
    ["a slash", "A/B"],
    ["a colon", "A:B"],
    ["a percent sign", "100%25"],
    ["what looks encoded", "%3A"],
    ["a question mark and a hash", "who?#1"],
    ["another script", "日本 🏦"],
    ["seventy-five characters of two bytes", "é".repeat(75)],
  ])("whose group has %s is found by its id, encoded once more", async (_what, group) => {
    const account = { account_group: group };
    await report({ run: 1, at: 0, balance: "1", change: "1", account });
    const [{ id, account_group }] = (await gateway.get("/v1/balances")).body.data;
    expect(account_group).toBe(group);
    const answer = await gateway.get(urlOf(id));
    expectOne(answer, balanceRecord);
    expect(answer.body.data.id).toBe(id);
    expectList(await gateway.get(urlOf(id, "/entries")), entryRecord);
  });

  test("that does not exist is not found", async () => {
    expectProblem(await gateway.get(urlOf("zerohash:A:B:C:D:E")), "not_found");
    expectProblem(await gateway.get(urlOf("nobody", "/entries")), "not_found");
    expectProblem(await gateway.get("/v1/accounts/"), "not_found");
  });

  test("of several with one id of the provider's has to be chosen", async () => {
    const [first, second] = ["A", "B"].map((account_group) => ({ account: { account_group } }));
    await report({ run: 1, at: 0, balance: "1", change: "1", ...first });
    await report({ run: 2, at: 0, balance: "2", change: "2", ...second });
    for (const rest of ["", "/entries"]) {
      const answer = await gateway.get(urlOf("a-1", rest));
      expectProblem(answer, "ambiguous_id");
      expect(answer.body.candidates).toEqual([
        "zerohash:P1:A:general:available:USD",
        "zerohash:P1:B:general:available:USD",
      ]);
    }
    const listed = await gateway.get("/v1/balances?account_id=a-1");
    expect(listed.body.data).toHaveLength(2);
  });

  test("takes min_position and moments, and nothing else", async () => {
    await report({ run: 1, at: 0, balance: "1", change: "1" });
    expect((await gateway.get(urlOf(ACCOUNT_ID, "?min_position=4"))).status).toBe(200);
    const answer = await gateway.get(urlOf(ACCOUNT_ID, "?asset=BTC"));
    expectProblem(answer, "invalid_query");
    const before = await gateway.get(urlOf(ACCOUNT_ID, "?as_of=2011-01-01T00:00:00Z"));
    expectProblem(before, "not_found");
  });
});

test("a run that nobody dated hides none of the dated ones behind it", async () => {
  const [day, undated] = [86_400_000, -Date.UTC(2025, 5, 1)];
  await report({ run: 1, at: 0, balance: "10", change: "10" });
  await report({ run: 2, at: undated, balance: "20", change: "10" });
  await report({ run: 3, at: day, balance: "30", change: "10" });
  await report({ run: 4, at: 2 * day, balance: "45", change: "15" });
  for (const [at, expected] of [
    [-1, undefined],
    [0, "10"],
    [day - 1, "10"],
    [day, "30"],
    [1.5 * day, "30"],
    [2 * day, "45"],
    [30 * day, "45"],
  ] as const) {
    const { body } = await gateway.get(urlOf(ACCOUNT_ID, `?as_of=${timeAt(at)}`));
    expect([at, body.data?.balance]).toEqual([at, expected]);
  }
});

describe("the history of an account", () => {
  // biome-ignore lint/suspicious/noExplicitAny: entries of every kind
  const entriesOf = async (rest = ""): Promise<any[]> => {
    const answer = await gateway.get(urlOf(ACCOUNT_ID, `/entries${rest}`));
    expectList(answer, entryRecord);
    return answer.body.data;
  };
  const shown = async () =>
    (await entriesOf()).map(({ kind, run_id, balance, closed_position }) =>
      kind === "gap" ? `gap, closed at ${closed_position}` : `${kind} ${run_id}: ${balance}`,
    );

  test("begins with what stood before the first report", async () => {
    await report({ run: 7, at: 5, balance: "12.5", change: "2.5" });
    expect(await entriesOf()).toMatchObject([
      { kind: "opening", balance: "10", before_run_id: "7", effective_at: timeAt(5) },
      { kind: "run", run_id: "7", change: "2.5", balance: "12.5", late: false },
    ]);
  });

  test("shows a gap where something is missing", async () => {
    await report({ run: 1, at: 1000, balance: "10", change: "10" });
    await report({ run: 3, at: 3000, balance: "16", change: "1" });
    const [, gap] = await entriesOf();
    expect(gap).toEqual({
      kind: "gap",
      missing_amount: "5",
      after_run_id: "1",
      before_run_id: "3",
      opened_at: timeAt(3000),
      position: "9",
      closed_position: null,
    });
  });

  test("shows a closed gap ahead of what closed it", async () => {
    await report({ run: 1, at: 1000, balance: "10", change: "10" });
    await report({ run: 4, at: 4000, balance: "20", change: "1" });
    await report({ run: 2, at: 2000, balance: "15", change: "5" });
    expect(await shown()).toEqual([
      "run 1: 10",
      "gap, closed at 12",
      "run 2: 15",
      "gap, closed at null",
      "run 4: 20",
    ]);
    await report({ run: 3, at: 3000, balance: "19", change: "4" });
    expect(await shown()).toEqual([
      "run 1: 10",
      "gap, closed at 12",
      "run 2: 15",
      "gap, closed at 16",
      "run 3: 19",
      "run 4: 20",
    ]);
    const lates = (await entriesOf()).flatMap(({ late }) => (late === undefined ? [] : [late]));
    expect(lates).toEqual([false, true, true, false]);
  });

  test("shows both sides of a contradiction", async () => {
    await report({ run: 1, at: 1000, balance: "10", change: "10" });
    await report({ run: 1, at: 1000, balance: "11", change: "10" });
    const [run, contradiction] = await entriesOf();
    expect(run).toMatchObject({ kind: "run", balance: "10" });
    expect(contradiction).toMatchObject({
      kind: "contradiction",
      run_id: "1",
      stated: { balance: "10" },
      contradicted_by: { balance: "11" },
      effective_at: timeAt(1000),
    });
    expect(contradiction.delivery_id).not.toBe(run.delivery_id);
  });

  test("leaves out a snapshot that only confirms and shows one that says something", async () => {
    await ledger.play("balances-feed-use-cases");
    const confirmed = await gateway.get(
      urlOf("zerohash:DEF456:ABC123:general:available:BTC", "/entries"),
    );
    expectList(confirmed, entryRecord);
    const kinds = confirmed.body.data.map(({ kind }: { kind: string }) => kind);
    expect(kinds).toEqual(["opening", "run", "run", "run"]);
    const alone = await gateway.get(
      urlOf("zerohash:ABC123:ABC123:general:available:USD", "/entries"),
    );
    expectList(alone, entryRecord);
    expect(alone.body.data).toMatchObject([
      { kind: "snapshot", run_id: null, connection: "c1", frame: 1, balance: "100000" },
    ]);
  });

  test("pages to the very entries, whatever the size of a page", async () => {
    await report({ run: 1, at: 1000, balance: "12", change: "10" });
    await report({ run: 4, at: 4000, balance: "20", change: "1" });
    await report({ run: 2, at: 2000, balance: "17", change: "5" });
    await report({ run: 2, at: 2000, balance: "18", change: "5" });
    await report({ run: 5, at: 4001, balance: "21", change: "1" });
    const all = await entriesOf();
    expect(all.map(({ kind }) => kind)).toEqual([
      "opening",
      "run",
      "gap",
      "run",
      "contradiction",
      "gap",
      "run",
      "run",
    ]);
    for (const limit of [1, 2, 3, 4, 100]) {
      const paged: unknown[] = [];
      let cursor = "";
      do {
        const { body } = await gateway.get(
          urlOf(ACCOUNT_ID, `/entries?limit=${limit}${cursor && `&cursor=${cursor}`}`),
        );
        expect(body.data.length).toBeLessThanOrEqual(limit);
        paged.push(...body.data);
        cursor = body.next_cursor ?? "";
      } while (cursor !== "");
      expect(paged).toEqual(all);
    }
  });

  test("does not take the cursor of another account", async () => {
    const account = { account_group: "G2" };
    await report({ run: 1, at: 0, balance: "1", change: "1" });
    await report({ run: 2, at: 1000, balance: "2", change: "1" });
    await report({ run: 3, at: 0, balance: "2", change: "2", account, accountId: "a-2" });
    const { body } = await gateway.get(urlOf(ACCOUNT_ID, "/entries?limit=1"));
    const url = urlOf("a-2", `/entries?limit=1&cursor=${body.next_cursor}`);
    expectProblem(await gateway.get(url), "invalid_cursor");
    const same = urlOf("a-1", `/entries?limit=1&cursor=${body.next_cursor}`);
    expect((await gateway.get(same)).body.data).toMatchObject([{ run_id: "2" }]);
  });
});

describe("a run", () => {
  beforeEach(() => ledger.play("balances-feed-use-cases"));

  test("has its movements on all accounts", async () => {
    const answer = await gateway.get("/v1/runs/94087");
    expectOne(answer, runRecord);
    expect(answer.body.data).toMatchObject({
      run_id: "94087",
      provider: "zerohash",
      run_type: "withdrawal",
      occurred_at: "2021-11-29T12:37:06.478122Z",
      accounts: [
        {
          account: "zerohash:DEF456:ABC123:general:available:BTC",
          change: "-0.1",
          balance: "0.35",
          movements: [{ movement_type: "withdrawal_pending", change: "-0.1" }],
        },
        {
          account: "zerohash:DEF456:ABC123:general:collateral:BTC",
          change: "0.1",
          balance: "0.1",
          movements: [{ movement_type: "withdrawal_pending", change: "0.1" }],
        },
      ],
    });
  });

  test("is found by its provider and id as well", async () => {
    const { body } = await gateway.get("/v1/runs/94087");
    expect((await gateway.get("/v1/runs/zerohash%3A94087")).body).toEqual(body);
  });

  test.each(["/v1/runs/1", "/v1/runs/zerohash:1", "/v1/runs/layer1:94087"])(
    "%s does not exist",
    async (url) => {
      expectProblem(await gateway.get(url), "not_found");
    },
  );
});
