import { readdirSync } from "node:fs";
import { join } from "node:path";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import type { OutgoingHook } from "@counterfoil/simulator/play-deliveries";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createApi, whenFolded } from "./support/api.ts";
import {
  addressOf,
  endAllProcesses,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { removeFolders } from "./support/folder.ts";
import { type Acknowledgement, postWebhook } from "./support/send.ts";
import { mountSmallDisk } from "./support/small-disk.ts";
import { configOf } from "./support/stand-in.ts";

const disk = mountSmallDisk(48);

afterEach(endAllProcesses);
afterAll(() => {
  disk?.unmount();
  removeFolders();
});

/** Only who may mount has a disk that can be filled. */
const testWithDisk = disk === null ? test.skip : test;

testWithDisk("a full disk answers 503, and what is freed is used without a restart", async () => {
  if (disk === null) return;
  const env = configOf(disk.folder);
  const service = startRole(["start"], env);
  const address = await addressOf(service);
  const { steps } = generateHistory({ seed: "full disk", deposits: 2000, withdrawals: 2000 });
  const webhooks = webhookDeliveries(steps);
  const acknowledged = new Set<string>();

  /** Sends until one is answered with this status; what is refused on the way comes again. */
  async function sendUntil(status: number, left: Iterator<OutgoingHook>): Promise<Response> {
    for (let hook = left.next(); !hook.done; hook = left.next()) {
      const response = await postWebhook(address, hook.value);
      expect([200, 503]).toContain(response.status);
      if (response.status === 200) {
        const { delivery_id } = (await response.clone().json()) as Acknowledgement;
        acknowledged.add(delivery_id);
      }
      if (response.status === status) return response;
    }
    throw new Error(`nothing was answered with ${status}`);
  }

  await sendUntil(200, webhooks);
  disk.fill();
  const refused = await sendUntil(503, webhooks);
  expect(await refused.json()).toMatchObject({ code: "stream_unavailable" });
  expect(refused.headers.get("content-type")).toContain("application/problem+json");
  // The process lives, and readers are answered from what is there.
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
  expect((await fetch(`${address}/v1/status`)).status).toBe(200);
  // What cannot be written is named, and is nowhere by half.
  const head = await fetch(`${address}/v1/head`);
  expect(head.status).toBe(503);
  expect(await head.json()).toMatchObject({ code: "stream_unavailable" });
  for (const command of [["head", "--out", join(disk.folder, "head.json")], ["head"]]) {
    const { code, stderr } = await runCommand(command, env);
    expect([code, stderr]).toEqual([3, expect.stringContaining("free some space")]);
  }
  expect(readdirSync(disk.folder)).not.toContain("head.json");

  disk.free();
  await sendUntil(200, webhooks);
  const api = createApi(address);
  await whenFolded(api);
  const events = await api.get<readonly { id: string }[]>("/v1/events", {
    types: "DeliveryReceived",
    limit: 1000,
  });
  const recorded = events.map(({ id }) => id);
  expect(new Set(recorded).size).toBe(recorded.length);
  // One that was answered with 503 may have been written all the same; none that was acknowledged lacks.
  expect(recorded).toEqual(expect.arrayContaining([...acknowledged]));
  expect(await stopRole(service)).toBe(0);
  const verified = await runCommand(["verify", "--models", "--json"], env);
  expect(JSON.parse(verified.stdout).findings).toEqual([]);

  disk.fill();
  const unbuilt = await runCommand(["verify", "--models"], env);
  expect(unbuilt.code).toBe(3);
  expect(unbuilt.stdout).toMatch(/\d+ events checked/);
  expect(unbuilt.stderr).toMatch(/balances could not be folded again.*free some space/);
  const models = readdirSync(join(disk.folder, "models"));
  expect(models.filter((name) => name.includes("scratch"))).toEqual([]);
});
