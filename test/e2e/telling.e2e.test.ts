import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import type { EventRecord } from "@counterfoil/contracts/record";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Api, createApi, whenFolded } from "./support/api.ts";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  type LogLine,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

let env: Environment;
let service: ReturnType<typeof startRole>;
let address: string;
let api: Api;
/** The log of every service that ran. */
let logged = "";
const unreadable: string[] = [];
const SECRETS = "the secret of body";

beforeAll(async () => {
  env = configOf(newFolder());
  await start();
  for (const number of [1, 2, 3, 4]) {
    const body = JSON.stringify({ sky: `${SECRETS} ${number}` });
    const sent = await send("weather.changed", body);
    unreadable.push(sent.delivery_id);
  }
  const { position } = await send("account_balance.changed", report(1, "1"));
  await send("account_balance.changed", report(4, "4"));
  await whenFolded(api, Number(position) + 1);
});

afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

async function start(): Promise<void> {
  service = startRole(["start"], env);
  address = await addressOf(service);
  api = createApi(address);
}

async function restart(): Promise<void> {
  logged += service.log();
  expect(await stopRole(service)).toBe(0);
  await start();
  await whenFolded(api);
}

async function send(payloadType: string, body: string) {
  const sent = await sendWebhook(address, { provider: "zerohash", payloadType, body });
  if (sent === null) throw new Error(`${payloadType} was not acknowledged`);
  return sent;
}

/** An account's run, which moved it by 1. */
function report(run: number, balance: string): string {
  const at = Date.UTC(2025, 5, 1) + run * 1000;
  return JSON.stringify({
    ...{ participant_code: "P1", account_group: "G1", account_label: "general" },
    ...{ account_type: "available", asset: "USD", balance },
    ...{ run_id: `${run}`, run_type: "deposit", timestamp: at },
    movements: [
      {
        ...{ account_id: "a-1", change: "1", movement_id: `m-${run}` },
        ...{ movement_type: "deposit", movement_timestamp: at },
      },
    ],
  });
}

const lines = (): readonly LogLine[] =>
  `${logged}${service.log()}`
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
const warnings = (isMeant: (line: LogLine) => boolean) =>
  lines().filter((line) => line.level === "warn" && isMeant(line));
const ofQuarantine = () => warnings((line) => "delivery_id" in line);
const ofAnomalies = () => warnings((line) => "anomaly_id" in line);

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

async function json(...args: readonly string[]) {
  const { code, stdout, stderr } = await runCommand([...args, "--json"], env);
  if (stdout === "") throw new Error(stderr);
  return { code, answer: JSON.parse(stdout) };
}

/** What is newest on the stream of a type. */
async function lastEvent(type: string) {
  return (await api.get<readonly EventRecord[]>("/v1/events", { types: type })).at(-1);
}

test("four unreadable webhooks are four lines, with their ids and nothing of their bodies", () => {
  expect(ofQuarantine().map((line) => line.delivery_id)).toEqual(unreadable);
  expect(ofQuarantine()[0]).toMatchObject({
    ...{ provider: "zerohash", channel: "webhook", payload_type: "weather.changed" },
  });
  expect(lines().filter((line) => JSON.stringify(line).includes(SECRETS))).toEqual([]);
});

test("a gap is one line, with the account and the kind", async () => {
  await service.whenLogged((line) => "anomaly_id" in line);
  expect(ofAnomalies()).toMatchObject([
    { kind: "gap", model: "balances", subject: expect.stringContaining("P1") },
  ]);
});

test("status says what a person is needed for, and what to do, and ends with 1", async () => {
  const { code, answer } = await json("status");
  expect(code).toBe(1);
  expect(answer).toEqual(await api.get<StatusRecord>("/v1/status"));
  expect(answer.quarantined).toEqual({ open: 4, unacknowledged: 4 });
  expect(answer.anomalies).toEqual([
    { model: "balances", kind: "gap", open: 1, unacknowledged: 1 },
  ]);
  expect(answer.last_deliveries).toMatchObject([{ provider: "zerohash", channel: "webhook" }]);
  const { stdout } = await runCommand(["status"], env);
  expect(stdout).toContain("4 deliveries that nobody could read");
  expect(stdout).toContain("quarantine list");
  expect(stdout).toContain("1 × gap in balances");
});

test("verify reports both, and only --strict ends with 1", async () => {
  const { code, answer } = await json("verify");
  expect([code, answer.findings]).toEqual([0, []]);
  expect(answer.open).toEqual([
    { what: "gap", open: 1, unacknowledged: 1 },
    { what: "quarantined", open: 4, unacknowledged: 4 },
  ]);
  expect((await json("verify", "--strict")).code).toBe(1);
});

test("metrics count them", async () => {
  expect(await metric("counterfoil_quarantined_deliveries")).toBe(4);
  expect(await metric('counterfoil_open_anomalies{kind="gap"}')).toBe(1);
  expect(await metric('counterfoil_model_unreadable{model="balances"}')).toBe(0);
});

test("none is told again by a rebuild or after a restart, and the last delivery is still known", async () => {
  const seconds =
    'counterfoil_last_delivery_timestamp_seconds{provider="zerohash",channel="webhook"}';
  const before = await metric(seconds);
  expect((await json("rebuild", "balances", "--actor", "Ann")).code).toBe(0);
  await whenFolded(api);
  await restart();
  expect(await metric(seconds)).toBe(before);
  expect([ofQuarantine().length, ofAnomalies().length]).toEqual([4, 1]);
  const acted = await lastEvent("OperatorActed");
  expect(acted?.data).toEqual({ action: "rebuild", target: "balances", actor: "Ann" });
});

test("dismissed and acknowledged with a note they are silent, and the note is on the stream", async () => {
  const note = "the sky is none of ours";
  for (const id of unreadable) {
    const { answer } = await json("quarantine", "dismiss", id, "--note", note, "--actor", "Ann");
    expect(answer).toMatchObject({ delivery_id: id, acknowledged_by: "Ann", note });
  }
  const [gap] = (await json("anomalies", "list")).answer;
  const word = ["--note", "asked the provider", "--actor", "Ann"];
  expect((await json("anomalies", "acknowledge", gap.id, ...word)).code).toBe(0);
  expect((await lastEvent("AnomalyAcknowledged"))?.data).toMatchObject({
    ...{ anomaly_id: gap.id, note: "asked the provider", actor: "Ann" },
  });
  expect((await lastEvent("QuarantineDismissed"))?.data).toMatchObject({ note, actor: "Ann" });
  await whenFolded(api);
  const { code, answer } = await json("status");
  expect([code, answer.needs_a_person]).toEqual([0, []]);
  expect(await metric("counterfoil_quarantined_deliveries")).toBe(0);
  expect(await metric('counterfoil_unacknowledged_anomalies{kind="gap"}')).toBe(0);
  expect(await metric('counterfoil_open_anomalies{kind="gap"}')).toBe(1);
  expect((await json("quarantine", "list")).answer).toEqual([]);
  expect((await json("anomalies", "list")).answer).toMatchObject([{ acknowledged_by: "Ann" }]);
});

test("what changes afterwards needs a person again", async () => {
  await send("account_balance.changed", report(2, "2"));
  await whenFolded(api);
  const { code, answer } = await json("status");
  expect(code).toBe(1);
  expect(answer.needs_a_person).toHaveLength(1);
});

test("a name or a note that says nothing is refused, and so is what is not there", async () => {
  const asked = ["quarantine", "dismiss", unreadable[0] ?? ""];
  expect((await runCommand(asked, env)).code).toBe(2);
  expect((await runCommand([...asked, "--note", " "], env)).code).toBe(2);
  expect((await runCommand([...asked, "--note", "x", "--actor", ""], env)).code).toBe(2);
  const nobody = await runCommand(["anomalies", "acknowledge", "gap:x", "--note", "x"], env);
  expect(nobody.code).toBe(2);
  expect(nobody.stderr).toContain("not_found");
});
