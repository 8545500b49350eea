import { depositRecord, tradeRecord, withdrawalRecord } from "@counterfoil/contracts/record";
import { formatTime } from "@counterfoil/core/exact/time";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { expectList, expectOne, expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

const RECORDS = {
  withdrawals: withdrawalRecord,
  deposits: depositRecord,
  trades: tradeRecord,
} as const;
type Model = keyof typeof RECORDS;
const MODELS = Object.keys(RECORDS) as Model[];

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
});

// biome-ignore lint/suspicious/noExplicitAny: records of three shapes
async function listOf(model: Model, parameters = ""): Promise<any[]> {
  const answer = await gateway.get(`/v1/${model}?${parameters}`);
  expectList(answer, RECORDS[model]);
  return answer.body.data;
}

const playAll = async () => {
  for (const name of SCENARIOS.keys()) await ledger.play(name);
};

describe("lifecycles of every documented flow", () => {
  beforeEach(playAll);

  test.each(MODELS)("%s have their shape, and are found by every id", async (model) => {
    const records = await listOf(model);
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) {
      const one = await gateway.get(`/v1/${model}/${encodeURIComponent(record.id)}`);
      expectOne(one, RECORDS[model]);
      expect(one.body.data).toEqual(record);
      const { movement_ids = [], ...named } = record.identifiers ?? {};
      const ids = [...movement_ids, ...Object.values(named)].filter((id) => id !== null);
      for (const id of ids) {
        const found = await gateway.get(`/v1/${model}/${encodeURIComponent(id)}`);
        const ids = found.body.candidates ?? [found.body.data.id];
        expect(ids).toContain(record.id);
      }
    }
  });

  test.each(MODELS)("%s stand newest first, page by page", async (model) => {
    const all = await listOf(model);
    const times = all.map(({ updated_at }) => updated_at ?? "");
    expect(times).toEqual(times.toSorted().reverse());
    const paged: unknown[] = [];
    for (let cursor = ""; ; ) {
      const { body } = await gateway.get(`/v1/${model}?limit=1${cursor && `&cursor=${cursor}`}`);
      paged.push(...body.data);
      if (body.next_cursor === null) break;
      cursor = body.next_cursor;
    }
    expect(paged).toEqual(all);
  });

  test.each(["withdrawals", "deposits"] as const)("%s are filtered", async (model) => {
    const all = await listOf(model);
    for (const name of ["stage", "asset", "participant_code"] as const) {
      const values = new Set(all.map((record) => record[name]).filter((value) => value !== null));
      for (const value of values) {
        const expected = all.filter((record) => record[name] === value);
        expect(await listOf(model, `${name}=${encodeURIComponent(value)}`)).toEqual(expected);
      }
    }
    expect(await listOf(model, "asset=nothing")).toEqual([]);
  });

  test("trades are filtered by their stage and by their parties", async () => {
    const all = await listOf("trades");
    expect(await listOf("trades", "stage=terminated")).toHaveLength(1);
    expect(await listOf("trades", "participant_code=PART1&asset=BTC")).toEqual(all);
    expect(await listOf("trades", "participant_code=00SCXM")).toEqual(all);
    expect(await listOf("trades", "participant_code=NOBODY")).toEqual([]);
    expect(await listOf("trades", "asset=ETH")).toEqual([]);
  });

  test.each(MODELS)("%s refuse what is no stage of theirs", async (model) => {
    const answer = await gateway.get(`/v1/${model}?stage=gone`);
    expectProblem(answer, "invalid_query");
    expect(answer.body.errors[0].expected).toMatch(/^one of \w+, /);
    expectProblem(await gateway.get(`/v1/${model}?stuck=maybe`), "invalid_query");
    expectProblem(await gateway.get(`/v1/${model}/nobody`), "not_found");
    expectProblem(await gateway.get(`/v1/${model}/nobody?stage=settled`), "invalid_query");
  });
});

describe("the documented withdrawal", () => {
  test("is one record with its whole history", async () => {
    await ledger.play("balances-feed-use-cases");
    const [withdrawal, ...others] = await listOf("withdrawals");
    expect(others).toEqual([]);
    expect(withdrawal).toMatchObject({
      id: "movement:61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6",
      stage: "settled",
      amount: "0.1",
      asset: "BTC",
      participant_code: "DEF456",
      stuck: false,
    });
    const stages = withdrawal.history.map(({ stage }: { stage: string }) => stage);
    expect(stages).toEqual(["pending", "confirmed", "settled"]);
    const found = await gateway.get("/v1/withdrawals/66f1bec3-7179-4517-9507-7dfc62965b70");
    expect(found.body.data).toEqual(withdrawal);
  });
});

describe("the documented withdrawal, before it was settled", () => {
  const ID = "movement:61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6";
  const PATH = `/v1/withdrawals/${encodeURIComponent(ID)}`;

  /** After each delivery: when that was, and up to where the stream went. */
  async function playSlowly() {
    const told: Readonly<{ position: number; at: string }>[] = [];
    for (const step of SCENARIOS.get("balances-feed-use-cases")?.steps ?? []) {
      const at = formatTime(ledger.clock.now());
      await ledger.deliver(step);
      await ledger.clock.advance(1000);
      told.push({ position: (await ledger.stream.head()).position, at });
    }
    await ledger.fold();
    return told;
  }

  const stagesIn = ({ history }: { history: { stage: string }[] }) =>
    history.map(({ stage }) => stage);

  test("is as it was known at a position, or at a time", async () => {
    const told = await playSlowly();
    const seen = new Set<string>();
    for (const { position, at } of told) {
      const answer = await gateway.get(`${PATH}?at_position=${position}`);
      expect((await gateway.get(`${PATH}?known_at=${at}`)).body).toEqual(answer.body);
      const list = await gateway.get(`/v1/withdrawals?at_position=${position}`);
      expect(list.body).toMatchObject({ position: String(position), next_cursor: null });
      const history = await gateway.get(`${PATH}/history?at_position=${position}`);
      if (answer.status === 404) {
        expect([list.body.data, history.status]).toEqual([[], 404]);
        continue;
      }
      expect(answer.body.position).toBe(String(position));
      expect(list.body.data).toEqual([answer.body.data]);
      expect(stagesIn({ history: history.body.data })).toEqual(stagesIn(answer.body.data));
      seen.add(answer.body.data.stage);
      const { stage } = answer.body.data;
      const filtered = await gateway.get(`/v1/withdrawals?at_position=${position}&stage=${stage}`);
      expect(filtered.body.data).toEqual([answer.body.data]);
    }
    expect([...seen]).toEqual(expect.arrayContaining(["pending", "settled"]));
  });

  test("is as it stood at a time, by all that is known or was", async () => {
    const told = await playSlowly();
    const { body } = await gateway.get(PATH);
    const [first, second] = body.data.history;
    const as_of = first.effective_at;
    const then = await gateway.get(`${PATH}?as_of=${as_of}`);
    expect(then.body.data).toMatchObject({ stage: "pending", history_length: 1, amount: "0.1" });
    expect(then.body.data.updated_at).toBe(as_of);
    expect(stagesIn(then.body.data)).toEqual(["pending"]);
    const list = await gateway.get(`/v1/withdrawals?as_of=${as_of}&stage=pending`);
    expect(list.body.data).toEqual([then.body.data]);
    expect((await gateway.get(`/v1/withdrawals?as_of=${as_of}&stage=settled`)).body.data).toEqual(
      [],
    );
    const before = "2011-01-01T00:00:00Z";
    expectProblem(await gateway.get(`${PATH}?as_of=${before}`), "not_found");
    expect((await gateway.get(`/v1/withdrawals?as_of=${before}`)).body.data).toEqual([]);
    // Before the second report arrived, it was not known, whatever `as_of` is.
    const known = told.findLast(({ position }) => position < Number(second.position));
    const both = `as_of=${second.effective_at}&at_position=${known?.position}`;
    const believed = await gateway.get(`${PATH}?${both}`);
    expect([believed.body.position, stagesIn(believed.body.data)]).toEqual([
      String(known?.position),
      ["pending"],
    ]);
  });

  test("was stuck by the clock of the moment", async () => {
    const told = await playSlowly();
    const { body } = await gateway.get(`${PATH}?at_position=${told.at(-1)?.position}`);
    expect(body.data.stuck).toBe(false);
    const [{ effective_at }] = body.data.history;
    const position = told.find(({ position }) => position >= Number(body.data.history[0].position));
    // The moment's clock is that of the test, years after the page's withdrawal.
    const pending = await gateway.get(`${PATH}?at_position=${position?.position}`);
    expect(pending.body.data).toMatchObject({ stage: "pending", stuck: true });
    const then = await gateway.get(`${PATH}?as_of=${effective_at}`);
    expect(then.body.data).toMatchObject({ stage: "pending", stuck: false });
  });
});

describe("stuck", () => {
  const DAY_MS = 86_400_000;

  test("is what stays longer than the limit in a stage that is not its last", async () => {
    const steps = SCENARIOS.get("balances-feed-use-cases")?.steps ?? [];
    const [snapshot, deposit, pending] = steps;
    for (const step of [snapshot, deposit, pending]) if (step) await ledger.deliver(step);
    await ledger.fold();
    ledger.clock.set(BigInt(Date.UTC(2021, 10, 29, 13)) * 1_000_000n);
    expect(await listOf("withdrawals")).toMatchObject([{ stage: "pending", stuck: false }]);
    expect(await listOf("withdrawals", "stuck=true")).toEqual([]);
    expect(await listOf("withdrawals", "stuck=false")).toHaveLength(1);
    await ledger.clock.advance(DAY_MS);
    const [record] = await listOf("withdrawals", "stuck=true");
    expect(record).toMatchObject({ stage: "pending", stuck: true });
    expect(await listOf("withdrawals", "stuck=false")).toEqual([]);
    const one = await gateway.get(`/v1/withdrawals/${encodeURIComponent(record.id)}`);
    expect(one.body.data.stuck).toBe(true);
  });

  test("is nothing that has come to its end", async () => {
    await ledger.play("balances-feed-use-cases");
    await ledger.clock.advance(1000 * DAY_MS);
    expect(await listOf("withdrawals", "stuck=true")).toEqual([]);
    expect(await listOf("withdrawals", "stuck=false")).toHaveLength(1);
  });
});
