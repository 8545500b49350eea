import { nodeHashing, systemClock } from "@counterfoil/adapters/node/runtime";
import { modelName } from "@counterfoil/contracts/fact";
import { revokeKey } from "@counterfoil/processing/access/keys";
import { createMemoryKeyStore } from "@counterfoil/processing/testing/memory-key-store";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { configOf, createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;
let address: string;
const keys = createMemoryKeyStore();
const open: AbortController[] = [];

beforeEach(async () => {
  ledger = await createTestLedger();
  await start();
});

afterEach(async () => {
  for (const each of open.splice(0)) each.abort();
  await gateway.stop();
});

async function start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
  const config = configOf(environment);
  gateway = await createTestGateway(ledger, { clock: systemClock, config, keys });
  address = await gateway.start();
}

type Event = Readonly<{ id: string | null; event: string | null; data: Record<string, unknown> }>;

/** A reader of `/v1/changes`, as a browser reads. */
async function read(query = "", headers: Record<string, string> = {}) {
  const closing = new AbortController();
  open.push(closing);
  const url = `${address}/v1/changes${query}`;
  const response = await fetch(url, { headers, signal: closing.signal });
  const events: Event[] = [];
  let isEnded = false;
  let raw = "";
  const reading = (async () => {
    let rest = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      raw += Buffer.from(chunk).toString();
      rest += Buffer.from(chunk).toString();
      const blocks = rest.split("\n\n");
      rest = blocks.pop() ?? "";
      events.push(...blocks.map(eventOf));
    }
    isEnded = true;
  })().catch(() => {});
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await systemClock.sleep(5);
  };
  return {
    response,
    reading,
    close: () => closing.abort(),
    raw: () => raw,
    changes: () => events.filter(({ event }) => event !== null),
    isEnded: () => isEnded,
    has: (count: number) =>
      until(() => events.filter(({ event }) => event !== null).length >= count),
    hears: (model: string) => until(() => events.some(({ event }) => event === model)),
    /** It has been told all that the models hold. */
    isLive: async () => {
      const at = await gateway.models.snapshot("balances", async (_rows, { position }) => position);
      await until(() => events.some(({ event, id }) => event === null && id === String(at)));
    },
  };
}

function eventOf(block: string): Event {
  const field = (name: string) => {
    const line = block.split("\n").find((each) => each.startsWith(`${name}: `));
    return line === undefined ? null : line.slice(name.length + 2);
  };
  return { id: field("id"), event: field("event"), data: JSON.parse(field("data") ?? "{}") };
}

const USE_CASES = "balances-feed-use-cases";

describe("changes", () => {
  test("are the records as their routes serve them, under the numbers of their positions", async () => {
    await ledger.play(USE_CASES);
    const reader = await read("?after=0");
    await reader.isLive();
    expect(Object.fromEntries(reader.response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-request-id": expect.any(String),
    });
    const last = new Map(reader.changes().map((one) => [`${one.event} ${one.data.id}`, one]));
    const { body } = await gateway.get("/v1/balances");
    for (const record of body.data) {
      expect(last.get(`balances ${record.id}`)?.data).toEqual(record);
    }
    for (const { id, data } of reader.changes()) expect(id?.split(".")[0]).toBe(data.position);
    const numbers = Map.groupBy(reader.changes(), ({ data }) => data.position);
    for (const [position, of] of numbers) {
      expect(of.map(({ id }) => id)).toEqual(of.map((_, at) => `${position}.${at + 1}`));
    }
    expect(numbers.size).toBeGreaterThan(5);
  });

  test("start with new changes, or after an id; the header takes precedence over the parameter", async () => {
    await ledger.play(USE_CASES);
    const all = await read("?after=0");
    await all.isLive();
    const ids = all.changes().map(({ id }) => id ?? "");
    const fresh = await read();
    await fresh.isLive();
    expect(fresh.changes()).toEqual([]);
    const resumeAfter = async (id: string, at: number) => {
      const reader = await read("?after=0", { "last-event-id": id });
      await reader.isLive();
      const [states, changes] = statesAndChanges(reader.changes());
      expect(changes.map((one) => one.id)).toEqual(ids.slice(at + 1));
      // Of one that comes back nobody knows what it has heard.
      expect(states.map(({ data }) => data)).toMatchObject(
        modelName.options.map((model) => ({ model, state: "current" })),
      );
      reader.close();
    };
    await Promise.all(ids.map(resumeAfter));
    const [position = ""] = ids[2]?.split(".") ?? [];
    const behind = await read(`?after=${position}`);
    await behind.isLive();
    expect(behind.changes().map((one) => one.id)).toEqual(
      ids.filter((id) => Number(id.split(".")[0]) > Number(position)),
    );
  });

  test("come as they happen, of the models that are asked for", async () => {
    const everything = await read();
    const two = await read("?model=deposits&model=anomalies");
    await Promise.all([everything.isLive(), two.isLive()]);
    await ledger.play(USE_CASES);
    const expected = await read("?after=0");
    await expected.isLive();
    const changes = expected.changes();
    await everything.has(changes.length);
    expect(everything.changes()).toEqual(changes);
    const some = changes.filter(({ event }) => event === "deposits" || event === "anomalies");
    expect(some.length).toBeGreaterThan(0);
    await two.has(some.length);
    expect(two.changes()).toEqual(some);
  });

  test("of a stopped model do not delay others, and are sent when it continues", async () => {
    const reader = await read();
    await reader.isLive();
    await ledger.play(USE_CASES);
    const before = await read("?after=0");
    await before.isLive();
    await reader.has(before.changes().length);
    const known = reader.changes().length;
    for (const step of SCENARIOS.get("account-balance-webhooks")?.steps ?? []) {
      await ledger.deliver(step);
    }
    await ledger.fold("balances", "deposits", "trades");
    await reader.has(known + 2);
    const [state, ...others] = reader.changes().slice(known);
    expect(state).toMatchObject({
      event: "state",
      data: { model: "withdrawals", state: "behind" },
    });
    expect(others[0]?.id).toMatch(/^\d+\.1~withdrawals\.\d+$/);
    const resumed = await read("", { "last-event-id": others[0]?.id ?? "" });
    await ledger.fold();
    const isBack = ({ event, data }: Event) => event === "state" && data.state === "current";
    while (!reader.changes().some(isBack)) await systemClock.sleep(10);
    // A trade comes last: whatever was told too often or not at all is before it.
    expect(reader.changes().map(({ event }) => event)).not.toContain("trades");
    await ledger.play("trade-status");
    for (const each of [reader, resumed]) await each.hears("trades");
    const isMeant = ({ event }: Event) => event !== "state" && event !== "trades";
    const told = reader.changes().filter(isMeant);
    expect(told.map(({ event }) => event)).toContain("withdrawals");
    const again = resumed.changes().filter(isMeant);
    const rest = told.slice(told.findIndex(({ id }) => id === others[0]?.id) + 1);
    expect(again.map(({ data }) => data)).toEqual(rest.map(({ data }) => data));
  });
});

const statesAndChanges = (events: readonly Event[]) =>
  [true, false].map((isState) => events.filter(({ event }) => (event === "state") === isState)) as [
    Event[],
    Event[],
  ];

describe("a reader", () => {
  test.each([
    ["?after=x", {}, "after"],
    ["?after=1~balances", {}, "after"],
    ["?model=runs", {}, "model"],
    ["?models=trades", {}, "models"],
    ["", { "last-event-id": "abc" }, "last-event-id"],
    ["?after=100000", {}, "position 100000"],
  ])("that asks for %s is refused", async (query, headers, named) => {
    const { status, body } = await gateway.send("GET", `/v1/changes${query}`, { headers });
    expect([status, body.code]).toEqual([400, "invalid_query"]);
    expect(body.detail).toContain(named);
  });

  test("that sends HEAD gets no body", async () => {
    const response = await fetch(`${address}/v1/changes`, { method: "HEAD" });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(await response.text()).toBe("");
  });

  test("beyond the maximum is refused, until another one has disconnected", async () => {
    await gateway.stop();
    await start({ COUNTERFOIL_CHANGE_STREAMS: "2" });
    const [first] = [await read(), await read()];
    const { status, body, headers } = await gateway.send("GET", "/v1/changes");
    expect([status, body.code, headers["retry-after"]]).toEqual([503, "overloaded", "1"]);
    first.close();
    for (let answer = 503; answer !== 200; ) {
      const third = await read();
      answer = third.response.status;
    }
  });

  test("is disconnected at once, after a complete event, when the service stops", async () => {
    await ledger.play(USE_CASES);
    const reader = await read("?after=0");
    await reader.isLive();
    const startedAt = performance.now();
    await gateway.stop();
    await reader.reading;
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(reader.isEnded()).toBe(true);
    expect(reader.raw().endsWith("\n\n")).toBe(true);
  });

  test("without a key is disconnected when the first key is created; with one, when it is revoked", async () => {
    const nobody = await read();
    await nobody.isLive();
    const { keyId, headers } = await gateway.newKey();
    await nobody.reading;
    const holder = await read("", headers);
    await holder.isLive();
    const startedAt = performance.now();
    await revokeKey(
      { stream: ledger.stream, keys, clock: ledger.clock, hashing: nodeHashing },
      { id: keyId, actor: "a test" },
    );
    await holder.reading;
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(holder.isEnded()).toBe(true);
  });
});
