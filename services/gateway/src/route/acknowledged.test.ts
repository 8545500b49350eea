import { nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import { anomalyRecord, quarantinedRecord } from "@counterfoil/contracts/operations-record";
import { SECOND } from "@counterfoil/core/exact/time";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import {
  AlreadyClosed,
  acknowledgeAnomaly,
  dismissQuarantined,
  NothingThere,
  recordAction,
} from "@counterfoil/processing/operator";
import { readOpened } from "@counterfoil/processing/projection/projector";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { readAttention } from "@counterfoil/processing/queries/status";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { zeroHashWebhook } from "@counterfoil/simulator/scenarios/scenario";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID, balanceWebhook } from "../testing/balance-webhook.ts";
import { expectList } from "../testing/expectation.ts";
import { quarantineRetried } from "../testing/quarantine-retried.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger);
});

const WORD = { note: "the provider sends it tomorrow", actor: "Ann" };
const BY_ANN = { acknowledged_by: "Ann", note: WORD.note };
const NOBODY = { acknowledged_at: null, acknowledged_by: null, note: null };

const ruleNow = () => stuckRule(ledger.clock.now(), 86_400);

async function acknowledge(id: string) {
  const { models } = gateway;
  const operating = { ...ledger, hashing, models, rule: ruleNow(), platform: null };
  const position = await acknowledgeAnomaly(operating, { id, ...WORD });
  await ledger.fold();
  return position;
}

const dismiss = (id: string) =>
  dismissQuarantined({ ...ledger, hashing, translations: TRANSLATIONS }, { id, ...WORD });

async function list(path: string, schema: typeof anomalyRecord | typeof quarantinedRecord) {
  await ledger.fold();
  const answer = await gateway.get(path);
  expectList(answer, schema);
  return answer.body.data;
}
const anomalies = (parameters = "") => list(`/v1/anomalies?${parameters}`, anomalyRecord);
const quarantine = (parameters = "") => list(`/v1/quarantine?${parameters}`, quarantinedRecord);

const counts = () => readAttention(gateway.models, "balances", ruleNow());
const report = (run: number, balance: string, account: Readonly<{ asset?: string }> = {}) => {
  const accountId = `a-${account.asset ?? "USD"}`;
  const stated = { run, at: run * 1000, balance, change: "1", account, accountId };
  return ledger.deliver(balanceWebhook(stated));
};

/** Runs 1 and 4 with what is between missing. */
async function openGap(account = {}) {
  await report(1, "1", account);
  await report(4, "4", account);
}

describe("an anomaly that somebody acknowledged", () => {
  test("shows who and why, is listed after the others, and is counted separately", async () => {
    await openGap();
    await openGap({ asset: "EUR" });
    const [euro, dollar] = await anomalies("kind=gap");
    expect([euro, dollar]).toMatchObject([NOBODY, NOBODY]);
    const position = await acknowledge(euro.id);
    expect(await anomalies("kind=gap")).toMatchObject([
      { id: dollar.id, ...NOBODY },
      { id: euro.id, ...BY_ANN, closed_position: null },
    ]);
    expect(await anomalies("open=true&limit=1")).toMatchObject([{ id: dollar.id }]);
    expect((await counts()).anomalies).toEqual([
      { model: "balances", kind: "gap", open: 2, unacknowledged: 1 },
    ]);
    const [event] = await ledger.stream.read({ after: position - 1, limit: 1 });
    expect(event?.type).toBe("AnomalyAcknowledged");
    expect(JSON.parse(event?.data ?? "")).toMatchObject({ anomaly_id: euro.id, ...WORD });
  });

  test("tells a platform when, but not by whom and why: others may see the same anomaly", async () => {
    await openGap();
    const [gap] = await anomalies("kind=gap");
    await acknowledge(gap.id);
    const { position } = await ledger.stream.head();
    const { headers } = await gateway.newKey({ platform: "P1" });
    const seen = { ...NOBODY, acknowledged_at: expect.any(String) };
    const ofPlatform = async (path: string) =>
      (await gateway.send("GET", path, { headers })).body.data;
    expect(await ofPlatform("/v1/anomalies")).toMatchObject([{ id: gap.id, ...seen }]);
    for (const moment of ["", `?at_position=${position}`]) {
      const path = `/v1/anomalies/${encodeURIComponent(gap.id)}${moment}`;
      expect(await ofPlatform(path)).toMatchObject(seen);
    }
  });

  test("needs a person again when it changes, but not when others change", async () => {
    await openGap();
    const [gap] = await anomalies("kind=gap");
    await acknowledge(gap.id);
    await openGap({ asset: "EUR" });
    expect((await anomalies(`subject=${ACCOUNT_ID}`))[0]).toMatchObject(BY_ANN);
    // Run 2 fills a part of it: what is missing is another amount, behind another run.
    await report(2, "2");
    const now = await anomalies(`subject=${ACCOUNT_ID}&open=true`);
    expect(now).toMatchObject([{ detail: { missing_amount: "1" }, ...NOBODY }]);
    await report(3, "3");
    expect(await anomalies(`subject=${ACCOUNT_ID}&open=true`)).toEqual([]);
    expect((await counts()).anomalies).toMatchObject([{ kind: "gap", open: 1, unacknowledged: 1 }]);
  });

  test("says nothing of another one of the same account", async () => {
    await openGap();
    await ledger.fold();
    const [gap] = await anomalies("kind=gap");
    const operating = {
      ...ledger,
      hashing,
      models: gateway.models,
      rule: ruleNow(),
      platform: null,
    };
    // Two copies that say otherwise are two contradictions.
    await report(4, "5");
    const [before] = await anomalies("kind=contradiction");
    await acknowledgeAnomaly(operating, { id: before.id, ...WORD });
    await report(4, "6");
    await ledger.fold();
    expect((await anomalies(`subject=${ACCOUNT_ID}&kind=gap`))[0].id).toBe(gap.id);
    expect(await anomalies("kind=contradiction")).toMatchObject([NOBODY, BY_ANN]);
  });

  test("that is closed, or not there, is refused", async () => {
    await openGap();
    const [gap] = await anomalies("kind=gap");
    await report(2, "2");
    await report(3, "3");
    await ledger.fold();
    await expect(acknowledge(gap.id)).rejects.toThrow(AlreadyClosed);
    await expect(acknowledge("gap:nobody:1..2")).rejects.toThrow(NothingThere);
    await expect(acknowledge("stuck:nobody:pending")).rejects.toThrow(NothingThere);
  });

  test("is the same after a rebuild, with equal digests", async () => {
    await openGap();
    const [gap] = await anomalies("kind=gap");
    await acknowledge(gap.id);
    const live = await gateway.models.snapshot("balances", async (_rows, at) => at);
    const again = await ledger.build("balances", 2);
    await again.fold(await ledger.stream.read({ after: 0, limit: 1000 }));
    expect(again.checkpoint).toEqual(live);
  });
});

describe("a record that is stuck", () => {
  test("may be acknowledged while it stays where it is", async () => {
    const steps = SCENARIOS.get("balances-feed-use-cases")?.steps.slice(0, 3) ?? [];
    for (const step of steps) await ledger.deliver(step);
    const [stuck] = await anomalies("kind=stuck");
    await acknowledge(stuck.id);
    expect(await anomalies("kind=stuck")).toMatchObject([{ id: stuck.id, ...BY_ANN }]);
    expect(await anomalies(`subject=${stuck.subject}`)).toMatchObject([{ id: stuck.id }]);
    const { stuck: counted } = await readAttention(gateway.models, "withdrawals", ruleNow());
    expect(counted).toEqual([
      { model: "withdrawals", stage: "pending", open: 1, unacknowledged: 0 },
    ]);
  });
});

describe("a quarantined delivery that somebody dismissed", () => {
  const unreadable = async (sky: string) =>
    (await ledger.deliver(zeroHashWebhook("weather.changed", { sky }))).deliveryId;
  const append = async (deliveryId: string, outcome: "unreadable" | "resolved") => {
    const { position } = await ledger.stream.head();
    await ledger.stream.append(position, [quarantineRetried(deliveryId, { outcome })]);
  };

  test("is removed from list and count, with who and why on the stream", async () => {
    const [red, grey] = [await unreadable("red"), await unreadable("grey")];
    expect(await dismiss(red)).toMatchObject({ delivery_id: red, ...BY_ANN });
    expect(await quarantine()).toMatchObject([{ delivery_id: grey, ...NOBODY }]);
    expect(await quarantine("open=true")).toHaveLength(1);
    expect(await quarantine("dismissed=true")).toMatchObject([
      { delivery_id: grey },
      { delivery_id: red, ...BY_ANN, resolved_position: null },
    ]);
    expect((await counts()).ledger?.quarantined).toEqual({ open: 2, unacknowledged: 1 });
    const { position } = await ledger.stream.head();
    const [event] = await ledger.stream.read({ after: position - 1, limit: 1 });
    expect(event?.type).toBe("QuarantineDismissed");
    expect(JSON.parse(event?.data ?? "")).toEqual({ delivery_id: red, attempts: 1, ...WORD });
    // Once more says nothing new.
    await dismiss(red);
    expect((await ledger.stream.head()).position).toBe(position);
  });

  test("is open again where one more attempt fails, and may be dismissed again", async () => {
    const red = await unreadable("red");
    await dismiss(red);
    await append(red, "unreadable");
    expect(await quarantine()).toMatchObject([{ delivery_id: red, attempts: 2, ...NOBODY }]);
    expect((await counts()).ledger?.quarantined).toEqual({ open: 1, unacknowledged: 1 });
    await dismiss(red);
    expect(await quarantine()).toEqual([]);
  });

  test("that was read since, or never was there, is refused", async () => {
    const red = await unreadable("red");
    await append(red, "resolved");
    await expect(dismiss(red)).rejects.toThrow(AlreadyClosed);
    await expect(dismiss("00000000-0000-5000-8000-000000000000")).rejects.toThrow(NothingThere);
  });
});

test("an operator's action is recorded on the stream before it starts, each time", async () => {
  const action = { action: "rebuild", target: "balances", actor: "Ann" } as const;
  const positions = [
    await recordAction({ ...ledger, hashing }, action),
    await recordAction({ ...ledger, hashing }, action),
  ];
  const events = await ledger.stream.read({ after: (positions[0] ?? 0) - 1, limit: 2 });
  expect(events.map(({ type, data }) => [type, JSON.parse(data)])).toEqual([
    ["OperatorActed", action],
    ["OperatorActed", action],
  ]);
});

describe("anomalies that were opened in a range", () => {
  const opened = async (after: number) => {
    await ledger.fold();
    return gateway.models.snapshot("balances", (rows, { position }) =>
      readOpened(rows, { after, upTo: position }),
    );
  };

  test("are reported once, by their ids; changed or closed ones are not new", async () => {
    await openGap();
    const first = await opened(0);
    expect(first).toMatchObject([{ kind: "gap", subject: ACCOUNT_ID }]);
    const seen = (await ledger.stream.head()).position;
    await acknowledge(first[0]?.anomaly_id ?? "");
    expect(await opened(seen)).toEqual([]);
    // One gap becomes two; a clock that is wrong is told by nobody.
    await report(2, "2");
    ledger.clock.set(ledger.clock.now() + SECOND);
    const more = await opened(seen);
    expect(new Set(more.map(({ kind }) => kind))).toEqual(new Set(["gap"]));
    await report(3, "3");
    expect(await opened((await ledger.stream.head()).position)).toEqual([]);
  });

  test("are not reported if they are closed within it", async () => {
    await openGap();
    await report(2, "2");
    await report(3, "3");
    expect(await opened(0)).toEqual([]);
  });
});
