import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createTestGateway, type TestGateway } from "./testing/test-gateway.ts";
import { createTestLedger } from "./testing/test-ledger.ts";

/** What a newer program has written, an older gateway shows as it lies there, and nothing more. */
const newer = (event: RecordedEvent): RecordedEvent => ({ ...event, schema_version: 2 });

let gateway: TestGateway;
let delivery: string;

beforeAll(async () => {
  const ledger = await createTestLedger();
  const [receipt] = await ledger.play("trade-status");
  delivery = receipt?.deliveryId ?? "";
  const stream = {
    ...ledger.stream,
    read: async (query: Parameters<typeof ledger.stream.read>[0]) =>
      (await ledger.stream.read(query)).map(newer),
    findByIds: async (ids: readonly string[]) => {
      const { head, known } = await ledger.stream.findByIds(ids);
      const changed = [...known].map(([id, { event, amendments }]) => {
        return [id, { event: newer(event), amendments: amendments.map(newer) }] as const;
      });
      return { head, known: new Map(changed) };
    },
  };
  gateway = await createTestGateway({ ...ledger, stream });
});

afterAll(() => gateway.stop());

test("the stream itself can be read", async () => {
  const { status, body } = await gateway.get("/v1/events");
  expect([status, body.data[0].schema_version]).toEqual([200, 2]);
  expect(body.data[0].data).toMatchObject({ name: "default" });
});

test("routes that need to interpret newer events answer 503, and the gateway keeps running", async () => {
  const { status, body } = await gateway.get(`/v1/deliveries/${delivery}`);
  expect([status, body.code]).toEqual([503, "format_too_new"]);
  expect(body.detail).toMatch(/^a newer version of the program has written the data/);
  expect((await gateway.get("/healthz")).status).toBe(200);
  expect((await gateway.get("/v1/trades")).status).toBe(200);
});
