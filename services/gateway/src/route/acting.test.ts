import { zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID, balanceWebhook } from "../testing/balance-webhook.ts";
import { expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;
let operator: Readonly<Record<string, string>>;
let operatorId: string;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
  const key = await gateway.newKey({ role: "operator", name: "desk" });
  [operator, operatorId] = [key.headers, key.keyId];
});

const say = (url: string, payload: unknown, headers = operator) =>
  gateway.send("POST", url, {
    headers: { ...headers, "content-type": "application/json" },
    payload: JSON.stringify(payload),
  });

async function openGap(): Promise<string> {
  await ledger.deliver(balanceWebhook({ run: 1, at: 1000, balance: "10", change: "10" }));
  await ledger.deliver(balanceWebhook({ run: 3, at: 3000, balance: "16", change: "1" }));
  await ledger.fold();
  return `gap:${ACCOUNT_ID}:1..3`;
}

const acknowledgeUrl = (id: string) => `/v1/anomalies/${encodeURIComponent(id)}/acknowledge`;
const NOTE = { note: "the provider sends it tomorrow" };

describe("an operator's action over HTTP", () => {
  test("acknowledges an anomaly, in the name of the key", async () => {
    const id = await openGap();
    const { status, body } = await say(acknowledgeUrl(id), NOTE);
    const actor = `key:${operatorId} (desk)`;
    expect([status, body.data]).toEqual([200, { anomaly_id: id, ...NOTE, actor }]);
    const [event] = await ledger.stream.read({ after: Number(body.position) - 1, limit: 1 });
    expect(event?.type).toBe("AnomalyAcknowledged");
    await ledger.fold();
    const listed = await gateway.send("GET", "/v1/anomalies?open=true", { headers: operator });
    expect(listed.body.data).toMatchObject([{ id, acknowledged_by: actor, ...NOTE }]);
  });

  test("dismisses a delivery", async () => {
    const { deliveryId } = await ledger.deliver(zeroHashWebhook("payment_status_changed", {}));
    await ledger.fold();
    const url = `/v1/quarantine/${deliveryId}/dismiss`;
    const { status, body } = await say(url, NOTE);
    expect([status, body.data]).toMatchObject([200, { delivery_id: deliveryId, ...NOTE }]);
    await ledger.fold();
    const listed = await gateway.send("GET", "/v1/quarantine", { headers: operator });
    expect(listed.body.data).toEqual([]);
  });

  test("retries a delivery, and answers with the outcome", async () => {
    const { deliveryId } = await ledger.deliver(zeroHashWebhook("payment_status_changed", {}));
    await ledger.fold();
    const retry = (id: string, headers = operator) =>
      gateway.send("POST", `/v1/quarantine/${id}/retry`, { headers });
    const { status, body } = await retry(deliveryId);
    expect([status, body.data]).toMatchObject([
      200,
      { delivery_id: deliveryId, outcome: "unreadable", detail: expect.any(String) },
    ]);
    const appended = await ledger.stream.read({ after: Number(body.position) - 2, limit: 2 });
    expect(appended.map(({ type }) => type)).toEqual(["OperatorActed", "QuarantineRetried"]);
    // This translation reads no more of it than it did.
    expect((await retry(deliveryId)).body.data.outcome).toBe("tried");
    expectProblem(await retry("nobody"), "not_found");
    const scoped = await gateway.newKey({ role: "operator", platform: "G1" });
    expectProblem(await retry(deliveryId, scoped.headers), "not_found");
    const reader = await gateway.newKey({ role: "reader" });
    expectProblem(await retry(deliveryId, reader.headers), "wrong_role");
  });

  test.each([
    ["no note", {}, "note: found nothing, expected a text"],
    [
      "an empty note",
      { note: "  " },
      "note: found another text, expected a text of 1 or more characters",
    ],
    [
      "a note that is too long",
      { note: "x".repeat(2001) },
      "expected a text of at most 2000 characters",
    ],
    ["an actor of its own", { ...NOTE, actor: "somebody else" }, "the body: found actor, expected"],
    ["no object", "a note", "the body"],
  ])("needs a note and nothing else: %s", async (_, payload, named) => {
    const id = await openGap();
    const answer = await say(acknowledgeUrl(id), payload);
    expectProblem(answer, "malformed_request");
    expect(answer.body.detail).toContain(named);
  });

  test("is refused for unknown and closed subjects", async () => {
    const id = await openGap();
    expectProblem(await say(acknowledgeUrl("gap:nowhere:1..2"), NOTE), "not_found");
    expectProblem(await say("/v1/quarantine/nothing/dismiss", NOTE), "not_found");
    await ledger.deliver(balanceWebhook({ run: 2, at: 2000, balance: "15", change: "5" }));
    await ledger.fold();
    expectProblem(await say(acknowledgeUrl(id), NOTE), "already_closed");
  });

  test("is refused for a reader, without a key, and for a platform that does not see it", async () => {
    const id = await openGap();
    const { deliveryId } = await ledger.deliver(zeroHashWebhook("payment_status_changed", {}));
    await ledger.fold();
    const reader = await gateway.newKey({ role: "reader" });
    expectProblem(await say(acknowledgeUrl(id), NOTE, reader.headers), "wrong_role");
    expectProblem(await say(acknowledgeUrl(id), NOTE, {}), "unauthenticated");
    const stranger = await gateway.newKey({ role: "operator", platform: "STRANGER" });
    expectProblem(await say(acknowledgeUrl(id), NOTE, stranger.headers), "not_found");
    const dismissUrl = `/v1/quarantine/${deliveryId}/dismiss`;
    expectProblem(await say(dismissUrl, NOTE, stranger.headers), "not_found");
  });
});
