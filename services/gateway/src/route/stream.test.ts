import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { deliveryRecord, deliverySummary, eventDetail } from "@counterfoil/contracts/audit";
import { type EventRecord, eventRecord } from "@counterfoil/contracts/record";
import { parseTime } from "@counterfoil/core/exact/time";
import { eventId } from "@counterfoil/core/identity";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { feedSnapshot, zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { balanceWebhook } from "../testing/balance-webhook.ts";
import { expectList, expectOne, expectProblem } from "../testing/expectation.ts";
import { quarantineRetried } from "../testing/quarantine-retried.ts";
import { createTestGateway, type TestGateway, testHeads } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
});

// biome-ignore lint/suspicious/noExplicitAny: looked into freely
async function listed(url: string): Promise<any[]> {
  const answer = await gateway.get(url);
  expectList(answer, eventRecord);
  return answer.body.data;
}

/** All pages of a list: the ids of what they hold. */
async function paged(url: string, id = "id"): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ""; ; ) {
    const { status, body } = await gateway.get(url + cursor);
    expect(status).toBe(200);
    for (const record of body.data) ids.push(record[id]);
    if (body.next_cursor === null) return ids;
    cursor = `&cursor=${body.next_cursor}`;
  }
}

describe("events", () => {
  beforeEach(() => ledger.play("balances-feed-use-cases"));

  const positions = async (parameters: string) =>
    (await listed(`/v1/events?${parameters}`)).map(({ position }) => Number(position));

  test("are the stream in its order", async () => {
    const events = await listed("/v1/events");
    const stored = await ledger.stream.read({ after: 0, limit: 1000 });
    expect(events.map(({ hash }) => hash)).toEqual(stored.map(({ hash }) => hash));
    expect(events[0]).toMatchObject({
      position: "1",
      type: "LedgerOpened",
      subject: "ledger",
      occurred_at: null,
      recorded_at: "2026-01-01T00:00:00Z",
      data: { name: "default", format: 1, environment: "test" },
    });
  });

  test.each([
    ["after=23", [24, 25]],
    ["after=25", []],
    ["after=1000", []],
    ["after=0&limit=2", [1, 2]],
    ["types=DeliveryReceived&limit=2", [3, 7]],
    ["types=LedgerOpened,FeedOpened", [1, 2]],
    ["types=LedgerOpened&after=1", []],
    ["types=ModelActivated", []],
    ["type=LedgerOpened&type=FeedOpened", [1, 2]],
    ["type=LedgerOpened&types=FeedOpened", [1, 2]],
    ["order=desc&limit=2", [25, 24]],
    ["order=desc&after=23", [25, 24]],
    ["order=desc&type=FeedOpened&type=LedgerOpened", [2, 1]],
    ["order=desc&type=DeliveryReceived&limit=1", [22]],
    ["subject=ledger", [1, 2]],
    ["subject=ledger&type=FeedOpened", [2]],
    ["subject=ledger&type=RunRecorded", []],
    ["correlation_id=nobody", []],
    ["since=2027-01-01T00:00:00Z", []],
    ["until=2025-01-01T00:00:00Z", []],
    ["since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00.000000001Z", [1, 2, 3, 4, 5, 6]],
  ])("%s", async (parameters, expected) => {
    expect(await positions(parameters)).toEqual(expected);
  });

  test.each(["asc", "desc"])("of a time are those that were recorded then, %s", async (order) => {
    const all = await listed("/v1/events");
    for (const { recorded_at } of all) {
      const at = parseTime(recorded_at) ?? 0n;
      const isBefore = (time: string) => (parseTime(time) ?? 0n) < at;
      const since = all.filter((event) => !isBefore(event.recorded_at));
      const until = all.filter((event) => isBefore(event.recorded_at));
      for (const [name, expected] of Object.entries({ since, until })) {
        if (order === "desc") expected.reverse();
        expect(await listed(`/v1/events?${name}=${recorded_at}&order=${order}`)).toEqual(expected);
      }
    }
  });

  test.each([
    "",
    "&type=MovementRecorded",
    "&type=MovementRecorded&type=FeedOpened",
    "&until=2026-01-01T00:00:00.004Z",
  ])("page in both orders alike, each once:%s", async (filter) => {
    const expected = (await listed(`/v1/events?limit=1000${filter}`)).map(({ id }) => id);
    for (const limit of [1, 2, 7, 100]) {
      const there = await paged(`/v1/events?limit=${limit}${filter}`);
      const back = await paged(`/v1/events?limit=${limit}${filter}&order=desc`);
      expect([there, back.reverse()]).toEqual([expected, expected]);
    }
  });

  test.each(["asc", "desc"])("of a subject, with an index or without, %s", async (order) => {
    const all = await listed("/v1/events");
    const subjects = [...new Set(all.map(({ subject }) => subject))];
    const ids = async (subject: string) =>
      paged(`/v1/events?limit=3&order=${order}&subject=${encodeURIComponent(subject)}`);
    const expected = (subject: string) => {
      const own = all.filter((event) => event.subject === subject).map(({ id }) => id);
      return order === "asc" ? own : own.reverse();
    };
    for (const subject of subjects) expect(await ids(subject)).toEqual(expected(subject));
    const folder = mkdtempSync(join(tmpdir(), "counterfoil-subject-"));
    await testHeads(ledger, join(folder, "head.key")).make();
    rmSync(folder, { recursive: true });
    for (const subject of subjects) expect(await ids(subject)).toEqual(expected(subject));
    // What was appended since is not in the index.
    await ledger.deliver(balanceWebhook({ run: 99, at: 0, balance: "1", change: "1" }));
    const more = (await listed("/v1/events")).slice(all.length);
    all.push(...more);
    for (const { subject } of all) expect(await ids(subject)).toEqual(expected(subject));
    expect(await ids("nobody")).toEqual([]);
  });

  test("page on to the head, and from there when more has come", async () => {
    const first = await gateway.get("/v1/events?types=MovementRecorded&limit=3");
    expect(first.body).toMatchObject({ position: "25" });
    const url = `/v1/events?types=MovementRecorded&limit=3&cursor=${first.body.next_cursor}`;
    const second = await gateway.get(url);
    expect(second.body.next_cursor).toBeNull();
    expect([...first.body.data, ...second.body.data]).toHaveLength(6);
    expectProblem(await gateway.get(url.replace("Movement", "Run")), "invalid_cursor");
  });

  test.each(["types=Nothing", "types=", "types=RunRecorded,", "after=x"])(
    "refuse %s",
    async (parameters) => {
      expectProblem(await gateway.get(`/v1/events?${parameters}`), "invalid_query");
    },
  );
});

describe("deliveries", () => {
  beforeEach(async () => {
    await ledger.play("balances-feed-use-cases");
    const webhook = balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" });
    await ledger.deliver(webhook);
    const text = "text" in webhook ? webhook.text : webhook.body;
    await ledger.deliver({ ...webhook, body: `${text} ` } as typeof webhook);
    for (const rain of ["1", "2", "3"]) {
      await ledger.deliver(zeroHashWebhook("weather.changed", { rain }));
    }
    await ledger.fold();
  });

  // biome-ignore lint/suspicious/noExplicitAny: looked into freely
  async function deliveries(parameters = ""): Promise<any[]> {
    const answer = await gateway.get(`/v1/deliveries?${parameters}`);
    expectList(answer, deliverySummary);
    return answer.body.data;
  }

  test("are all of them, the newest first", async () => {
    const received = await listed("/v1/events?type=DeliveryReceived&order=desc");
    const ids = (await deliveries()).map(({ delivery_id }) => delivery_id);
    expect(ids).toEqual(received.map(({ id }) => id));
    const forwards = await deliveries("order=asc");
    expect(forwards.map(({ delivery_id }) => delivery_id)).toEqual(ids.toReversed());
  });

  test.each([
    ["channel=webhook", 5],
    ["channel=feed&channel=webhook", null],
    ["provider=layer1", 0],
    ["payload_type=weather.changed", 3],
    ["payload_type=weather.changed&payload_type=account_balance.changed", 5],
    ["outcome=quarantined", 3],
    ["outcome=repeated", 1],
    ["outcome=dismissed", 0],
    ["outcome=dismissed&outcome=quarantined&outcome=repeated", 4],
    [`key_id=${"0".repeat(64)}`, 0],
    ["until=2026-01-01T00:00:00Z", 0],
  ])("%s", async (filter, count) => {
    const all = await deliveries();
    const asked = new URLSearchParams(filter);
    const names = [...new Set(asked.keys())].filter((name) => name in (all[0] ?? {}));
    const expected = all.filter((each) =>
      names.every((name) => asked.getAll(name).includes(each[name])),
    );
    const found = await deliveries(filter);
    if (!filter.startsWith("until")) expect(found).toEqual(expected);
    expect(found).toHaveLength(count ?? all.length);
  });

  test.each(["", "&outcome=quarantined", "&outcome=recorded", "&channel=webhook"])(
    "page in both orders alike:%s",
    async (filter) => {
      const id = "delivery_id";
      const expected = (await deliveries(`limit=1000${filter}`)).map((each) => each[id]);
      for (const limit of [1, 2, 3]) {
        const back = await paged(`/v1/deliveries?limit=${limit}${filter}`, id);
        const there = await paged(`/v1/deliveries?limit=${limit}${filter}&order=asc`, id);
        expect([back, there.reverse()]).toEqual([expected, expected]);
      }
    },
  );

  test("tell one that was dismissed", async () => {
    const [newest] = await deliveries("outcome=quarantined");
    const { headers } = await gateway.newKey({ role: "operator" });
    const url = `/v1/quarantine/${newest.delivery_id}/dismiss`;
    const payload = { note: "only the weather" };
    expect((await gateway.send("POST", url, { headers, payload })).status).toBe(200);
    await ledger.fold();
    const dismissed = await gateway.send("GET", "/v1/deliveries?outcome=dismissed", { headers });
    expect(dismissed.body.data).toEqual([{ ...newest, outcome: "dismissed" }]);
    const left = await gateway.send("GET", "/v1/deliveries?outcome=quarantined", { headers });
    expect(left.body.data).toHaveLength(2);
  });

  test.each(["outcome=lost", "channel=pigeon", "order=up", "since=yesterday", "key_id="])(
    "refuse %s",
    async (filter) => {
      expectProblem(await gateway.get(`/v1/deliveries?${filter}`), "invalid_query");
    },
  );
});

describe("a filter that hardly matches", () => {
  test.each([
    ["/v1/events?subject=nobody", 12_000],
    ["/v1/events?correlation_id=nobody&order=desc", 12_000],
    ["/v1/deliveries?payload_type=nobody", 12_000],
  ])("reads a bounded part for a page, and goes on from there: %s", async (url, count) => {
    const { position } = await ledger.stream.head();
    const filler = quarantineRetried("d", { outcome: "resolved" });
    const ids = Array.from({ length: count }, (_, at) => eventId([String(at)], nodeHashing));
    const events = ids.map((id) => ({ ...filler, id, type: "DeliveryReceived", data: RECEIVED }));
    await ledger.stream.append(position, events);
    let read = 0;
    const stream: typeof ledger.stream = {
      ...ledger.stream,
      read: async (query) => {
        const page = await ledger.stream.read(query);
        read += page.length;
        return page;
      },
    };
    const gateway = await createTestGateway({ ...ledger, stream });
    const first = await gateway.get(url);
    expect(first.body.data).toEqual([]);
    expect(first.body.next_cursor).not.toBeNull();
    expect(read).toBeLessThan(count);
    let pages = 1;
    for (let cursor = first.body.next_cursor; cursor !== null; pages += 1) {
      const { body } = await gateway.get(`${url}&cursor=${cursor}`);
      expect(body.data).toEqual([]);
      cursor = body.next_cursor;
    }
    expect(pages).toBeLessThan(5);
    expect(read).toBeGreaterThanOrEqual(count);
  });
});

const RECEIVED = JSON.stringify({
  ...{ provider: "zerohash", channel: "webhook", payload_type: "a" },
  ...{ verdict: { signature: "valid" }, sha256: "0".repeat(64), length: 1 },
  ...{ received_at: "2026-01-01T00:00:00Z", translation: 1 },
});

describe("one event", () => {
  beforeEach(() => ledger.play("balances-feed-use-cases"));

  test("is the one of the list, by its id and by its position", async () => {
    for (const event of await listed("/v1/events")) {
      const byId = await gateway.get(`/v1/events/${event.id}`);
      expectOne(byId, eventDetail);
      expect(byId.body.data).toMatchObject(event);
      expect((await gateway.get(`/v1/events/${event.position}`)).body).toEqual(byId.body);
    }
  });

  test("names its delivery, which is its own where it is the arrival", async () => {
    for (const { position, type, causation_id, id } of await listed("/v1/events")) {
      const { body } = await gateway.get(`/v1/events/${position}`);
      const delivery = type === "DeliveryReceived" ? id : causation_id;
      expect(body.data.delivery?.delivery_id ?? null).toBe(delivery);
      if (delivery === null) continue;
      const { received } = (await gateway.get(`/v1/deliveries/${delivery}`)).body.data;
      expect(body.data.delivery).toMatchObject({
        ...{ provider: "zerohash", channel: "feed", payload_type: "feed", outcome: "recorded" },
        ...{ signature: "none", scheme: null, key_id: null },
        ...{ length: received.data.length, position: received.position },
      });
    }
  });

  test("has what later events say of it", async () => {
    const { position } = await ledger.stream.head();
    const [fact] = await listed("/v1/events?types=RunRecorded&limit=1");
    const data = { event_id: fact.id, event_type: fact.type, channel: "webhook" };
    const seen = {
      ...quarantineRetried("d", { outcome: "resolved" }),
      ...{ type: "FactSeen", data: JSON.stringify(data), about: fact.id },
    };
    await ledger.stream.append(position, [seen]);
    const { body } = await gateway.get(`/v1/events/${fact.id}`);
    expect(body.data.amendments).toMatchObject([{ position: String(position + 1), data }]);
  });

  test.each(["0", "26", "999999999999999999999", "nothing", "%00"])(
    "%s is not found",
    async (id) => {
      expectProblem(await gateway.get(`/v1/events/${id}`), "not_found");
    },
  );
});

describe("what became of a delivery", () => {
  const outcomeOf = async (deliveryId: string) =>
    (await gateway.get(`/v1/events/${deliveryId}`)).body.data.delivery.outcome;

  test("recorded, or repeated where everything was known, also by another way", async () => {
    const webhook = balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" });
    const first = await ledger.deliver(webhook);
    const text = "text" in webhook ? webhook.text : webhook.body;
    const again = await ledger.deliver({ ...webhook, body: `${text} ` } as typeof webhook);
    expect(await outcomeOf(first.deliveryId)).toBe("recorded");
    expect(await outcomeOf(again.deliveryId)).toBe("repeated");
  });

  test("recorded also where a snapshot lists nothing: that says that nothing is held", async () => {
    const text = JSON.stringify({ messageType: "initial-balance", body: [] });
    const { deliveryId } = await ledger.deliver({ kind: "feed-snapshot", text });
    expect(await outcomeOf(deliveryId)).toBe("recorded");
  });

  test("quarantined, dismissed, and recorded once somebody could read it", async () => {
    const [first, second] = [
      await ledger.deliver(zeroHashWebhook("weather.changed", {})),
      await ledger.deliver(zeroHashWebhook("weather.changed", { rain: "1" })),
    ];
    await ledger.fold();
    expect(await outcomeOf(first.deliveryId)).toBe("quarantined");
    const { headers } = await gateway.newKey({ role: "operator" });
    const payload = { note: "only the weather" };
    const url = `/v1/quarantine/${first.deliveryId}/dismiss`;
    expect((await gateway.send("POST", url, { headers, payload })).status).toBe(200);
    const dismissed = await gateway.send("GET", `/v1/events/${first.deliveryId}`, { headers });
    expect(dismissed.body.data.delivery.outcome).toBe("dismissed");
    const { position } = await ledger.stream.head();
    const retried = quarantineRetried(second.deliveryId, { outcome: "resolved" });
    await ledger.stream.append(position, [retried]);
    const resolved = await gateway.send("GET", `/v1/events/${second.deliveryId}`, { headers });
    expect(resolved.body.data.delivery.outcome).toBe("recorded");
  });
});

const typesOf = ({ facts }: { facts: readonly { type: string }[] }) =>
  facts.map(({ type }) => type);

describe("a delivery", () => {
  test("has the facts that it caused, and no others", async () => {
    const [, , pending] = await ledger.play("balances-feed-use-cases");
    const answer = await gateway.get(`/v1/deliveries/${pending?.deliveryId}`);
    expectOne(answer, deliveryRecord);
    const { data } = answer.body;
    expect(data.received).toMatchObject({ type: "DeliveryReceived", id: pending?.deliveryId });
    expect(typesOf(data)).toEqual(["RunRecorded", "MovementRecorded", "BalanceReported"]);
    expect(data.body_url).toBe(`/v1/deliveries/${pending?.deliveryId}/body`);
  });

  test("has its exact bytes", async () => {
    const receipts = await ledger.play("balances-feed-use-cases");
    for (const [at, step] of (SCENARIOS.get("balances-feed-use-cases")?.steps ?? []).entries()) {
      const { deliveryId } = receipts[at] ?? {};
      const answer = await gateway.get(`/v1/deliveries/${deliveryId}/body`);
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("application/octet-stream");
      expect(answer.raw.equals(Buffer.from("text" in step ? step.text : step.body))).toBe(true);
      const { body } = await gateway.get(`/v1/deliveries/${deliveryId}`);
      const digest = createHash("sha256").update(answer.raw).digest("hex");
      expect(body.data.received.data.sha256).toBe(digest);
    }
  });

  test("that was divided has its first facts, and the list of events has the others", async () => {
    const accounts = Array.from({ length: 2500 }, (_, at) => ({
      account_id: `a-${at}`,
      participant_code: `P${at}`,
      account_group: "G",
      account_label: "general",
      account_type: "available",
      asset: "USD",
      balance: String(at),
    }));
    const { deliveryId } = await ledger.deliver(feedSnapshot(accounts));
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    const { data } = (await gateway.get(`/v1/deliveries/${deliveryId}`)).body;
    expect(data.has_more).toBe(true);
    const positions = data.facts.map(({ position }: EventRecord) => Number(position));
    expect(positions).toEqual(Array.from({ length: 1000 }, (_, at) => positions[0] + at));
    const typesFrom = new Map<string, number>();
    for (let after = positions.at(-1), isEnd = false; !isEnd; ) {
      const page = (await gateway.get(`/v1/events?after=${after}&limit=1000`)).body;
      for (const event of page.data as EventRecord[]) {
        if (event.causation_id !== deliveryId) continue;
        typesFrom.set(event.type, (typesFrom.get(event.type) ?? 0) + 1);
      }
      after = Number(page.data.at(-1)?.position);
      isEnd = page.next_cursor === null;
    }
    expect(typesOf(data).slice(0, 2)).toEqual(["DeliveryDivided", "BalanceReported"]);
    expect([...typesFrom]).toEqual([
      ["BalanceReported", 1501],
      ["DeliveryCompleted", 1],
    ]);
  });

  test("that was divided shows a platform what is its own, wherever it is", async () => {
    const accounts = Array.from({ length: 1500 }, (_, at) => ({
      account_id: `a-${at}`,
      participant_code: at === 1400 ? "OWN1" : `P${at}`,
      account_group: at === 1400 ? "OWNER" : "G",
      account_label: "general",
      account_type: "available",
      asset: "USD",
      balance: String(at),
    }));
    const { deliveryId } = await ledger.deliver(feedSnapshot(accounts));
    const url = `/v1/deliveries/${deliveryId}`;
    const owner = await gateway.newKey({ platform: "OWNER" });
    const { data } = (await gateway.send("GET", url, owner)).body;
    expect(data).toMatchObject({ has_more: false, facts: [{ type: "BalanceReported" }] });
    expect(data.received.data).not.toHaveProperty("sha256");
    const other = await gateway.newKey({ platform: "OTHER" });
    expect((await gateway.send("GET", url, other)).status).toBe(404);
  });

  test("that was quarantined has what its retry found", async () => {
    const { deliveryId } = await ledger.deliver(zeroHashWebhook("weather.changed", {}));
    await ledger.deliver(balanceWebhook({ run: 1, at: 0, balance: "1", change: "1" }));
    const retried = quarantineRetried(deliveryId, { outcome: "resolved" });
    const fact = { ...retried, type: "NotificationRecorded", data: "{}" };
    const facts = ["a", "b"].map((name) => ({ ...fact, id: eventId([name], nodeHashing) }));
    const { position } = await ledger.stream.head();
    await ledger.stream.append(position, [retried, ...facts]);
    const answer = await gateway.get(`/v1/deliveries/${deliveryId}`);
    expectOne(answer, deliveryRecord);
    expect(typesOf(answer.body.data)).toEqual([
      "DeliveryQuarantined",
      "QuarantineRetried",
      "NotificationRecorded",
      "NotificationRecorded",
    ]);
  });

  test("whose bytes were erased says so", async () => {
    const erased = { ...ledger.stream, body: async () => null };
    const { deliveryId } = await ledger.deliver(zeroHashWebhook("weather.changed", {}));
    const gateway = await createTestGateway({ ...ledger, stream: erased });
    expectProblem(await gateway.get(`/v1/deliveries/${deliveryId}/body`), "body_gone");
    expect((await gateway.get(`/v1/deliveries/${deliveryId}`)).status).toBe(200);
  });

  test.each(["", "/body"])("that never came is not found%s", async (rest) => {
    await ledger.play("balances-feed-use-cases");
    expectProblem(await gateway.get(`/v1/deliveries/nobody${rest}`), "not_found");
    const [, , , fact] = await ledger.stream.read({ after: 0, limit: 4 });
    expectProblem(await gateway.get(`/v1/deliveries/${fact?.id}${rest}`), "not_found");
    expectProblem(await gateway.get(`/v1/deliveries/${fact?.id}${rest}?a=1`), "invalid_query");
  });
});
