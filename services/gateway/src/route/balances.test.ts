import { balanceRecord } from "@counterfoil/contracts/record";
import { formatTime, MILLISECOND } from "@counterfoil/core/exact/time";
import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import { balanceWebhook, timeAt } from "../testing/balance-webhook.ts";
import { expectList, expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, START, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
});

type Balance = Readonly<{ id: string; balance: string }>;

/** `available:BTC` and its balance of every account listed. */
async function balancesAt(parameters: string): Promise<Record<string, string>> {
  const answer = await gateway.get(`/v1/balances?${parameters}`);
  expectList(answer, balanceRecord);
  const balances = answer.body.data as Balance[];
  return Object.fromEntries(
    balances.map(({ id, balance }) => [id.split(":").slice(-2).join(":"), balance]),
  );
}

describe("the documented flow", () => {
  beforeEach(() => ledger.play("balances-feed-use-cases"));

  test("leaves 0.35 available and nothing as collateral", async () => {
    const answer = await gateway.get("/v1/balances?participant_code=DEF456&asset=BTC");
    expectList(answer, balanceRecord);
    expect(answer.body).toMatchObject({
      position: "25",
      next_cursor: null,
      data: [
        {
          id: "zerohash:DEF456:ABC123:general:available:BTC",
          balance: "0.35",
          status: "continuous",
          last_run_id: "85693",
          updated_at: "2021-11-29T12:37:06.534066001Z",
          account_ids: ["009bbe95-256b-423e-913f-139684017032"],
        },
        { id: "zerohash:DEF456:ABC123:general:collateral:BTC", balance: "0" },
      ],
    });
  });

  test.each([
    ["provider=zerohash", 3],
    ["provider=layer1", 0],
    ["participant_code=ABC123", 1],
    ["account_group=ABC123", 3],
    ["account_label=general&account_type=collateral", 1],
    ["asset=USD", 1],
    ["asset=USD&participant_code=DEF456", 0],
    ["account_id=6c12b928-6bc0-4139-b9ea-ffa636c2a8b8", 1],
    ["account_id=6c12b928-6bc0-4139-b9ea-ffa636c2a8b88", 1],
    ["account_id=nobody", 0],
  ])("filtered by %s has %d accounts", async (parameters, count) => {
    expect(Object.keys(await balancesAt(parameters))).toHaveLength(count);
  });

  /** By all facts known now: what took effect by then. */
  test.each([
    ["2021-11-29T12:09:28.759837Z", {}],
    ["2021-11-29T12:09:28.759838Z", { "available:BTC": "0.45" }],
    ["2021-11-29T12:37:06.534065Z", { "available:BTC": "0.45" }],
    ["2021-11-29T12:37:06.534066Z", { "available:BTC": "0.35" }],
    ["2021-11-29T12:37:06.534176Z", { "available:BTC": "0.35" }],
    ["2021-11-29T12:37:06.534177Z", { "available:BTC": "0.35", "collateral:BTC": "0.1" }],
    // The socket has the confirmation behind the hold, whatever its date: a nanosecond.
    ["2021-11-29T12:37:06.534177001Z", { "available:BTC": "0.35", "collateral:BTC": "0" }],
    ["2021-11-29T13:37:06.534178%2B01:00", { "available:BTC": "0.35", "collateral:BTC": "0" }],
  ])("as of %s", async (time, expected) => {
    expect(await balancesAt(`as_of=${time}`)).toEqual(expected);
  });

  /** By the facts recorded so far: the snapshot, the deposit, the hold, its other side, its end. */
  test.each([
    [3, {}],
    [4, { "available:USD": "100000" }],
    [5, { "available:USD": "100000", "available:BTC": "0.25" }],
    [10, { "available:USD": "100000", "available:BTC": "0.45" }],
    [14, { "available:USD": "100000", "available:BTC": "0.35" }],
    [17, { "available:USD": "100000", "available:BTC": "0.35", "collateral:BTC": "0.1" }],
    [21, { "available:USD": "100000", "available:BTC": "0.35", "collateral:BTC": "0" }],
    [25, { "available:USD": "100000", "available:BTC": "0.35", "collateral:BTC": "0" }],
  ])("at position %d", async (position, expected) => {
    expect(await balancesAt(`at_position=${position}`)).toEqual(expected);
    const { body } = await gateway.get(`/v1/balances?at_position=${position}`);
    expect(body.position).toBe(String(position));
  });

  /** Every delivery was recorded a millisecond after the one before. */
  test.each([
    [-1, "0", {}],
    [0, "6", { "available:USD": "100000", "available:BTC": "0.25" }],
    [1, "10", { "available:USD": "100000", "available:BTC": "0.45" }],
    [2, "14", { "available:USD": "100000", "available:BTC": "0.35" }],
    [1000, "25", { "available:USD": "100000", "available:BTC": "0.35", "collateral:BTC": "0" }],
  ])("as known %d ms after the first delivery", async (ms, position, expected) => {
    const parameters = `known_at=${formatTime(START + BigInt(ms) * MILLISECOND)}`;
    expect(await balancesAt(parameters)).toEqual(expected);
    const { body } = await gateway.get(`/v1/balances?${parameters}`);
    expect(body.position).toBe(position);
  });

  test("at a position that is reached, in one snapshot and without an event of the stream", async () => {
    const [snapshot, read] = [
      jest.spyOn(gateway.models, "snapshot"),
      jest.spyOn(ledger.stream, "read"),
    ];
    const { status } = await gateway.get("/v1/balances?at_position=14");
    const events = read.mock.calls.filter(([{ types }]) => types === undefined);
    expect([status, snapshot.mock.calls.length, events]).toEqual([200, 1, []]);
  });

  test("at_position and known_at both say up to which fact", async () => {
    const parameters = "at_position=3&known_at=2021-11-29T12:37:07Z";
    expectProblem(await gateway.get(`/v1/balances?${parameters}`), "unsupported_combination");
  });
});

describe("as known at a time, after a clock that ran ten years ahead", () => {
  const DAY = 86_400_000n * MILLISECOND;
  const AHEAD = START + 3_650n * DAY;
  const RIGHT = START + DAY;
  const assets = ["AAA", "BBB", "CCC", "DDD"];

  beforeEach(async () => {
    for (const [at, asset] of assets.entries()) {
      ledger.clock.set(at === 0 ? AHEAD : RIGHT + BigInt(at) * DAY);
      const report = { run: at + 1, at: 1000 * at, balance: "1", change: "1", accountId: asset };
      await ledger.deliver(balanceWebhook({ ...report, account: { asset } }));
    }
    await ledger.fold();
  });

  const knownAt = async (time: bigint) =>
    Object.keys(await balancesAt(`known_at=${formatTime(time)}`)).map((id) => id.slice(-3));

  test.each([
    [0n, []],
    [1n, ["AAA", "BBB"]],
    [2n, ["AAA", "BBB", "CCC"]],
    [3n, ["AAA", "BBB", "CCC", "DDD"]],
    [3_650n, ["AAA", "BBB", "CCC", "DDD"]],
  ])("%d days later", async (days, expected) => {
    expect(await knownAt(RIGHT + days * DAY)).toEqual(expected);
  });

  test("a rebuild knows the same", async () => {
    await ledger.catalogue.drop("balances", 1);
    const run = await ledger.build("balances", 1);
    await run.fold(await ledger.stream.read({ after: 0, limit: 1000 }));
    expect(await knownAt(RIGHT + 2n * DAY)).toEqual(["AAA", "BBB", "CCC"]);
  });

  test("what is not folded yet is waited for", async () => {
    await ledger.deliver(balanceWebhook({ run: 9, at: 9000, balance: "2", change: "1" }));
    const asking = gateway.get(`/v1/balances?known_at=${formatTime(ledger.clock.now())}`);
    await ledger.fold();
    for (let turn = 0; turn < 10; turn += 1) await ledger.clock.advance(5);
    expect((await asking).body.data).toHaveLength(5);
  });

  test("one anomaly tells it, until the right clock gets there", async () => {
    const anomalies = async () => (await gateway.get("/v1/anomalies?kind=clock")).body.data;
    const detail = { recorded_at: formatTime(AHEAD), received_at: formatTime(RIGHT + DAY) };
    const expected = { kind: "clock", subject: "ledger", model: "balances", detail };
    expect(await anomalies()).toMatchObject([{ ...expected, closed_position: null }]);
    ledger.clock.set(AHEAD + DAY);
    await ledger.deliver(balanceWebhook({ run: 9, at: 9000, balance: "2", change: "1" }));
    await ledger.fold();
    expect(await anomalies()).toMatchObject([
      { ...expected, closed_position: expect.stringMatching(/\d/) },
    ]);
  });
});

test("a ledger that rested for ten years has no anomaly, and is known as it was", async () => {
  await ledger.deliver(balanceWebhook({ run: 1, at: 1000, balance: "1", change: "1" }));
  const rested = START + 315_360_000_000n * MILLISECOND;
  ledger.clock.set(rested);
  await ledger.deliver(balanceWebhook({ run: 2, at: 2000, balance: "2", change: "1" }));
  await ledger.fold();
  expect((await gateway.get("/v1/anomalies")).body.data).toEqual([]);
  expect(await balancesAt(`known_at=${formatTime(rested - 1n)}`)).toEqual({ "available:USD": "1" });
  expect(await balancesAt(`known_at=${formatTime(rested)}`)).toEqual({ "available:USD": "2" });
});

describe("as of a time", () => {
  const gapLater = [
    balanceWebhook({ run: 1, at: 1000, balance: "10", change: "10" }),
    balanceWebhook({ run: 3, at: 3000, balance: "16", change: "1" }),
    balanceWebhook({ run: 4, at: 4000, balance: "17", change: "1" }),
  ];
  const statusAt = async (ms: number) => {
    const { body } = await gateway.get(`/v1/balances?as_of=${timeAt(ms)}`);
    return [body.data[0]?.balance, body.data[0]?.status, body.data[0]?.open_gaps];
  };

  test("a gap counts from where it lies, until it is closed", async () => {
    for (const webhook of gapLater) await ledger.deliver(webhook);
    await ledger.fold();
    expect(await statusAt(999)).toEqual([undefined, undefined, undefined]);
    expect(await statusAt(1000)).toEqual(["10", "continuous", 0]);
    expect(await statusAt(2500)).toEqual(["10", "continuous", 0]);
    expect(await statusAt(3000)).toEqual(["16", "gap_open", 1]);
    expect(await statusAt(9000)).toEqual(["17", "gap_open", 1]);
    await ledger.deliver(balanceWebhook({ run: 2, at: 2000, balance: "15", change: "5" }));
    await ledger.fold();
    expect(await statusAt(2500)).toEqual(["15", "continuous", 0]);
    expect(await statusAt(3000)).toEqual(["16", "continuous", 0]);
  });

  test("a report that was contradicted says so", async () => {
    await ledger.deliver(balanceWebhook({ run: 1, at: 1000, balance: "10", change: "10" }));
    await ledger.deliver(balanceWebhook({ run: 1, at: 1000, balance: "11", change: "10" }));
    await ledger.deliver(balanceWebhook({ run: 2, at: 2000, balance: "12", change: "2" }));
    await ledger.fold();
    expect(await statusAt(1500)).toEqual(["10", "contradicted", 0]);
    expect(await statusAt(2500)).toEqual(["12", "continuous", 0]);
  });

  test("pages go on over accounts of which nothing was reported by then", async () => {
    for (const run of [1, 2, 3, 4, 5]) {
      const account = { participant_code: `P${run}` };
      const at = run % 2 === 0 ? 2000 : 1000;
      const report = { run, at, balance: "1", change: "1", account, accountId: `a-${run}` };
      await ledger.deliver(balanceWebhook(report));
    }
    await ledger.fold();
    const url = `/v1/balances?as_of=${timeAt(1500)}&limit=2`;
    const first = await gateway.get(url);
    expect(first.body.data.map(({ participant_code }: Part) => participant_code)).toEqual([
      "P1",
      "P3",
    ]);
    const second = await gateway.get(`${url}&cursor=${first.body.next_cursor}`);
    expect(second.body.data.map(({ participant_code }: Part) => participant_code)).toEqual(["P5"]);
    expect(second.body.next_cursor).toBeNull();
  });
});

type Part = Readonly<{ participant_code: string }>;

describe("pages", () => {
  const open = async (...participants: readonly string[]) => {
    for (const participant_code of participants) {
      const account = { participant_code };
      const accountId = `a-${participant_code}`;
      const report = { run: 1, at: 1000, balance: "1", change: "1", account, accountId };
      await ledger.deliver(balanceWebhook(report));
    }
    await ledger.fold();
  };
  const codesOf = ({ data }: { data: readonly Part[] }) =>
    data.map(({ participant_code }) => participant_code).join("");

  test("hold their place while accounts come and change", async () => {
    await open("B", "D", "F", "H");
    const first = await gateway.get("/v1/balances?limit=2");
    expectList(first, balanceRecord);
    expect(codesOf(first.body)).toBe("BD");
    await open("A", "C", "E", "G");
    const second = await gateway.get(`/v1/balances?limit=2&cursor=${first.body.next_cursor}`);
    expect(codesOf(second.body)).toBe("EF");
    const third = await gateway.get(`/v1/balances?limit=2&cursor=${second.body.next_cursor}`);
    expect(codesOf(third.body)).toBe("GH");
    expect(third.body.next_cursor).toBeNull();
  });

  test("may change their size on the way", async () => {
    await open("A", "B", "C");
    const { body } = await gateway.get("/v1/balances?limit=1");
    const rest = await gateway.get(`/v1/balances?limit=1000&cursor=${body.next_cursor}`);
    expect(codesOf(rest.body)).toBe("BC");
  });

  test.each([
    ["of other filters", "/v1/balances?asset=BTC&cursor="],
    ["of another moment", "/v1/balances?at_position=3&cursor="],
    ["of another list", "/v1/withdrawals?cursor="],
    ["that nobody gave out", "/v1/balances?cursor=AAAA"],
  ])("refuse a cursor %s", async (_what, url) => {
    await open("A", "B");
    const { body } = await gateway.get("/v1/balances?limit=1");
    expectProblem(await gateway.get(`${url}${body.next_cursor}`), "invalid_cursor");
  });
});

describe("parameters", () => {
  test.each([
    ["limit=0", "limit", "0", "a whole number from 1 to 1000"],
    ["limit=1001", "limit", "1001", "a whole number from 1 to 1000"],
    ["limit=abc", "limit", "abc", "a whole number from 1 to 1000"],
    ["limit=1e2", "limit", "1e2", "a whole number from 1 to 1000"],
    ["limit=", "limit", "", "a whole number from 1 to 1000"],
    ["limit=1&limit=2", "limit", "1, 2", "a whole number from 1 to 1000"],
    ["at_position=-1", "at_position", "-1", "a position of the stream"],
    ["at_position=99999999999999999", "at_position", "99999999999999999", "a position"],
    ["min_position=now", "min_position", "now", "a position of the stream"],
    ["as_of=yesterday", "as_of", "yesterday", "an ISO 8601 time with a zone"],
    ["as_of=2021-11-29T12:37:06", "as_of", "2021-11-29T12:37:06", "with a zone"],
    ["as_of=2021-02-30T00:00:00Z", "as_of", "2021-02-30T00:00:00Z", "an ISO 8601 time"],
    ["as_of=1638189426", "as_of", "1638189426", "an ISO 8601 time"],
    ["known_at=", "known_at", "", "an ISO 8601 time"],
    ["provider=coinbase", "provider", "coinbase", "one of zerohash, layer1"],
    ["asset=", "asset", "", "some text"],
    ["Asset=BTC", "Asset", "BTC", "only provider, participant_code"],
    ["constructor=1", "constructor", "1", "only provider"],
    ["__proto__=1", "__proto__", "1", "only provider"],
  ])("%s", async (parameters, parameter, found, expected) => {
    const answer = await gateway.get(`/v1/balances?${parameters}`);
    expectProblem(answer, "invalid_query");
    expect(answer.body.errors).toHaveLength(1);
    expect(answer.body.errors[0]).toMatchObject({ parameter, found });
    expect(answer.body.errors[0].expected).toContain(expected);
    expect(answer.body.detail).toContain(parameter);
  });

  test("that are wrong are told all at once", async () => {
    const { body } = await gateway.get("/v1/balances?limit=x&as_of=y&nothing=z");
    expect(body.errors.map(({ parameter }: { parameter: string }) => parameter).sort()).toEqual([
      "as_of",
      "limit",
      "nothing",
    ]);
  });
});

describe("min_position", () => {
  const webhook = balanceWebhook({ run: 1, at: 1000, balance: "1", change: "1" });

  test("waits until the model has folded it", async () => {
    const { position } = await ledger.deliver(webhook);
    const reading = gateway.get(`/v1/balances?min_position=${position}`);
    await ledger.clock.advance(1000);
    await ledger.fold("balances");
    await ledger.clock.advance(50);
    const { body } = await reading;
    expect(body).toMatchObject({ position: String(position), data: [{ balance: "1" }] });
  });

  test.each(["min_position", "at_position"])("%s has a bound", async (name) => {
    const reading = gateway.get(`/v1/balances?${name}=99`);
    let isAnswered = false;
    void reading.then(() => {
      isAnswered = true;
    });
    await ledger.clock.advance(4900);
    expect(isAnswered).toBe(false);
    await ledger.clock.advance(200);
    const answer = await reading;
    expectProblem(answer, "position_timeout");
    expect(answer.body.detail).toBe("balances is at position 0, and 99 was asked for: ask again");
  });

  test.each(["min_position", "at_position"])("%s far ahead is answered at once", async (name) => {
    const answer = await gateway.get(`/v1/balances?${name}=9007199254740991`);
    expectProblem(answer, "position_ahead");
    expect(answer.body.detail).toBe(
      "the stream ends at position 1, and 9007199254740991 was asked for: no event is there",
    );
  });

  test("is given up when the gateway stops", async () => {
    const reading = gateway.get("/v1/balances?min_position=99");
    await ledger.clock.advance(100);
    await gateway.stop();
    expectProblem(await reading, "position_timeout");
  });
});
