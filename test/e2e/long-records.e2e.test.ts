import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, expect, jest, test } from "@jest/globals";
import {
  addressOf,
  endAllProcesses,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { allOverHttp } from "./support/http-records.ts";
import { postWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

jest.setTimeout(900_000);
afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

/** Each thread has a heap of its own: what would be kept of long records ends the process here. */
const SMALL = { NODE_OPTIONS: "--max-old-space-size=192" };
const WEBHOOKS = 300;
/** Three hundred of it are the program on its threads, before the first record. */
const PEAK_MIB_MAX = 900;

const trade = (number: number) => ({
  provider: "zerohash" as const,
  payloadType: "trade.status_changed",
  body: JSON.stringify({
    trade_id: `t${number}`,
    trade_state: "accepted",
    timestamp: new Date(Date.UTC(2025, 0, 1) + number).toISOString(),
    comment: `${number} ${"é".repeat(107_000)}`,
  }),
});

/** The most memory that the process has had so far, in MiB. */
function peakOf(pid: number): number {
  const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

test("records of the largest size are taken, listed, rebuilt and verified in little memory", async () => {
  const env = { ...configOf(newFolder()), ...SMALL };
  const service = startRole(["start"], env);
  const address = await addressOf(service);
  const { pid } = service;
  for (let from = 1; from <= WEBHOOKS; from += 10) {
    const some = Array.from({ length: Math.min(10, WEBHOOKS - from + 1) }, (_, at) =>
      trade(from + at),
    );
    const answers = await Promise.all(some.map((each) => postWebhook(address, each)));
    expect(answers.map(({ status }) => status)).toEqual(some.map(() => 200));
  }
  const { head } = (
    (await (await fetch(`${address}/v1/status`)).json()) as { data: { head: string } }
  ).data;
  while ((await fetch(`${address}/v1/trades?limit=1&min_position=${head}`)).status !== 200)
    await wait(100);
  let trades = 0;
  for await (const { fields } of allOverHttp<{ fields?: unknown }>(address, "/v1/trades")) {
    trades += 1;
    void fields;
  }
  expect(trades).toBe(WEBHOOKS);
  for (const path of ["/v1/events", "/v1/anomalies"]) {
    for await (const record of allOverHttp<unknown>(address, path)) expect(record).toBeDefined();
  }
  const whole = await Promise.all(
    Array.from({ length: 16 }, () =>
      fetch(`${address}/v1/trades?limit=1000`).then((answer) =>
        answer.text().then(() => answer.status),
      ),
    ),
  );
  expect(new Set(whole)).toEqual(new Set([200]));
  for (const args of [
    ["rebuild", "trades"],
    ["verify", "--models"],
  ]) {
    const { code, stdout, stderr } = await runCommand(args, env);
    expect([args, code, code === 0 ? "" : stdout + stderr]).toEqual([args, 0, ""]);
  }
  expect(peakOf(Number(pid))).toBeLessThan(PEAK_MIB_MAX);
  expect(await stopRole(service)).toBe(0);
});
