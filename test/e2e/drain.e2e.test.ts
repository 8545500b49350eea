import { Agent, request } from "node:http";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createApi, until } from "./support/api.ts";
import {
  addressOf,
  endAllProcesses,
  type LogLine,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { recordedDeliveries } from "./support/recorded-deliveries.ts";
import { signedHeaders } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

type Outcome = Readonly<{ id: string | null; error: string | null }>;

/** Posts over kept connections, as providers do; what became of it. */
function post(address: string, hook: Parameters<typeof signedHeaders>[0], agent: Agent) {
  return new Promise<Outcome>((resolve) => {
    const asked = request(`${address}/webhooks/${hook.provider}`, {
      method: "POST",
      agent,
      headers: signedHeaders(hook),
    });
    asked.on("error", (error: NodeJS.ErrnoException) =>
      resolve({ id: null, error: error.code ?? error.message }),
    );
    asked.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const { delivery_id } = JSON.parse(Buffer.concat(chunks).toString());
        resolve({ id: response.statusCode === 200 ? delivery_id : null, error: null });
      });
    });
    asked.end(hook.body);
  });
}

test("SIGTERM under load: no answered webhook is lost, and no open request is cut", async () => {
  const env = { ...configOf(newFolder()), COUNTERFOIL_DRAIN_FOR: "4s" };
  const service = startRole(["start"], env);
  const address = await addressOf(service);
  const { steps } = generateHistory({ seed: "drain", deposits: 1_500, withdrawals: 1_500 });
  const webhooks = webhookDeliveries(steps);
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const outcomes: Outcome[] = [];
  let isOver = false;
  const senders = Array.from({ length: 16 }, async () => {
    for (let next = webhooks.next(); !next.done && !isOver; next = webhooks.next()) {
      const outcome = await post(address, next.value, agent);
      outcomes.push(outcome);
      if (outcome.error !== null) return;
    }
  });
  while (outcomes.length < 200) await new Promise((resolve) => setTimeout(resolve, 10));

  const askedAt = performance.now();
  service.signal("SIGTERM");
  await service.whenLogged(({ msg }: LogLine) => String(msg).startsWith("stopping"));
  const ready = await fetch(`${address}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({ code: "not_ready" });
  // A balancer takes a while to notice: until then everything is taken as before.
  const before = outcomes.length;
  while (outcomes.length < before + 100) await new Promise((resolve) => setTimeout(resolve, 10));
  isOver = true;
  await Promise.all(senders);
  expect(outcomes.filter(({ id }) => id === null)).toEqual([]);
  expect(await service.ended).toBe(0);
  expect(performance.now() - askedAt).toBeLessThan(10_000);
  agent.destroy();

  const again = startRole(["start"], env);
  const api = createApi(await addressOf(again));
  const { head } = await api.get<{ head: string }>("/v1/status", {});
  const recorded = await recordedDeliveries(api, Number(head));
  const answered = outcomes.flatMap(({ id }) => (id === null ? [] : [id]));
  expect(recorded).toEqual(expect.arrayContaining(answered));
  expect(await stopRole(again)).toBe(0);
});

const isStarting = ({ msg }: LogLine) => msg === "starting";

test.each(["gateway", "projector"])(
  "a %s that waits for its ledger is alive and not ready; then both",
  async (name) => {
    const env = configOf(newFolder());
    const role = startRole([name], env);
    const { address } = await role.whenLogged(isStarting);
    const statusOf = async (path: string) => (await fetch(`${address}${path}`)).status;
    expect([await statusOf("/healthz"), await statusOf("/readyz")]).toEqual([200, 503]);
    const service = startRole(["start"], env);
    await addressOf(service);
    expect(await addressOf(role)).toBe(address);
    await until(
      `${name} is ready`,
      () => statusOf("/readyz"),
      (status) => status === 200,
    );
    expect(await statusOf("/healthz")).toBe(200);
    expect([await stopRole(role), await stopRole(service)]).toEqual([0, 0]);
  },
);
