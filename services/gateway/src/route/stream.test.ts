import { eventRecord, quarantinedRecord } from "@counterfoil/contracts/record";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { expectList, expectProblem } from "../testing/expectation.ts";
import { quarantineRetried } from "../testing/quarantine-retried.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
});

// biome-ignore lint/suspicious/noExplicitAny: looked into freely
async function listed(url: string, record = eventRecord as any): Promise<any[]> {
  const answer = await gateway.get(url);
  expectList(answer, record);
  return answer.body.data;
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
  ])("%s", async (parameters, expected) => {
    expect(await positions(parameters)).toEqual(expected);
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

describe("quarantine", () => {
  const quarantined = (parameters = "") =>
    listed(`/v1/quarantine?${parameters}`, quarantinedRecord);

  test("is empty where everything could be read", async () => {
    await ledger.play("balances-feed-use-cases");
    expect(await quarantined()).toEqual([]);
  });

  test("has what could not be read, with its reason", async () => {
    const { deliveryId } = await ledger.deliver(zeroHashWebhook("weather.changed", { sky: "red" }));
    expect(await quarantined()).toMatchObject([
      {
        delivery_id: deliveryId,
        provider: "zerohash",
        channel: "webhook",
        payload_type: "weather.changed",
        received_at: "2026-01-01T00:00:00Z",
        attempts: 1,
        position: "3",
        resolved_position: null,
      },
    ]);
  });

  test("counts attempts, and tells what was resolved", async () => {
    const ids: string[] = [];
    for (const sky of ["red", "grey", "blue"]) {
      ids.push((await ledger.deliver(zeroHashWebhook("weather.changed", { sky }))).deliveryId);
    }
    const append = async (event: NewEvent) =>
      ledger.stream.append((await ledger.stream.head()).position, [event]);
    await append(quarantineRetried(ids[0] ?? "", { outcome: "unreadable", reason: "still so" }));
    await append(quarantineRetried(ids[1] ?? "", { outcome: "resolved" }));
    const [blue, grey, red] = await quarantined();
    expect(blue).toMatchObject({ delivery_id: ids[2], attempts: 1, resolved_position: null });
    expect(grey).toMatchObject({ delivery_id: ids[1], attempts: 2, resolved_position: "9" });
    expect(red).toMatchObject({ attempts: 2, reason: "still so", resolved_position: null });
    expect(await quarantined("open=true")).toEqual([blue, red]);
    expect(await quarantined("open=false")).toEqual([grey]);
    const first = await gateway.get("/v1/quarantine?open=true&limit=1");
    const cursor = first.body.next_cursor;
    expect(await quarantined(`open=true&limit=1&cursor=${cursor}`)).toEqual([red]);
    expectProblem(await gateway.get(`/v1/quarantine?cursor=${cursor}`), "invalid_cursor");
  });
});
