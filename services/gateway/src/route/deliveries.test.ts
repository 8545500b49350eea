import { createHash } from "node:crypto";
import { nodeHashing } from "@counterfoil/adapters/node/hashing";
import { deliveryRecord } from "@counterfoil/contracts/delivery-record";
import { eventId } from "@counterfoil/core/identity";
import { SCENARIOS } from "@counterfoil/simulator/scenarios/registry";
import { feedSnapshot, zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { balanceWebhook } from "../testing/balance-webhook.ts";
import { expectOne, expectProblem } from "../testing/expectation.ts";
import { quarantineRetried } from "../testing/quarantine-retried.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
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

  test("that was divided has the facts of all its parts", async () => {
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
    const types = Map.groupBy(typesOf(data), (type) => type);
    expect([...types].map(([type, each]) => [type, each.length])).toEqual([
      ["DeliveryDivided", 1],
      ["BalanceReported", 2500],
      ["DeliveryCompleted", 1],
    ]);
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
