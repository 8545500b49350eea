import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import type { BalanceRecord } from "@counterfoil/contracts/record";
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { createApi, createOperatorApi, digests, until, whenFolded } from "./support/api.ts";
import {
  addressOf,
  endAllProcesses,
  isReady,
  type LogLine,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendScenario } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);

const isWaiting = ({ msg }: LogLine) => msg === "waiting for an ingestor to open the ledger";

test("roles as processes of their own wait for the ingestor, and end in due form", async () => {
  const env = configOf(newFolder());
  const gateway = startRole(["gateway"], env);
  const projector = startRole(["projector"], env);
  await Promise.all([gateway.whenLogged(isWaiting), projector.whenLogged(isWaiting)]);
  const ingestor = startRole(["ingestor"], env);
  const webhooks = await addressOf(ingestor);
  await sendScenario("layer1-deposit", webhooks);

  const api = createApi(await addressOf(gateway));
  await whenFolded(api);
  const { head } = await api.get<StatusRecord>("/v1/status");
  const balances = await api.get<readonly BalanceRecord[]>("/v1/balances", { min_position: head });
  expect(balances.map(({ account_type, balance }) => [account_type, balance])).toEqual([
    ["available", "0.2"],
    ["blockchain", "0.2"],
    ["reserved", "0"],
  ]);

  const metrics = await fetch(`${await addressOf(projector)}/metrics`);
  expect(await metrics.text()).toContain(
    `counterfoil_projection_position{model="balances"} ${head}`,
  );
  expect((await fetch(`${webhooks}/v1/balances`)).status).toBe(404);
  for (const role of [ingestor, gateway, projector]) expect(await stopRole(role)).toBe(0);
});

test("a second projector takes over when the first is killed, and loses nothing", async () => {
  const env = configOf(newFolder());
  const service = startRole(["ingestor"], env);
  const webhooks = await addressOf(service);
  const gateway = startRole(["gateway"], env);
  const api = createApi(await addressOf(gateway));
  const first = startRole(["projector"], env);
  await first.whenLogged(isReady);
  await sendScenario("trade-status", webhooks);
  await whenFolded(api);
  const second = startRole(["projector"], env);
  await second.whenLogged(isReady);

  first.signal("SIGKILL");
  await sendScenario("layer1-withdrawal", webhooks);
  const { head } = await api.get<StatusRecord>("/v1/status");
  const live = await whenFolded(api, Number(head));
  const operator = await createOperatorApi(await addressOf(gateway), env);
  await operator.post("/v1/projections/withdrawals/rebuild");
  const rebuilt = await until(
    "the rebuilt generation",
    () => operator.get<StatusRecord>("/v1/status"),
    ({ projections }) => projections.some(({ generation }) => generation === 2),
  );
  expect(digests(rebuilt)).toEqual(digests(live));
});

test("webhooks alone on a port of their own", async () => {
  const env = { ...configOf(newFolder()), COUNTERFOIL_WEBHOOK_PORT: "0" };
  // Port 0 twice means one listener; another address makes it two.
  const service = startRole(["start"], { ...env, COUNTERFOIL_WEBHOOK_HOST: "127.0.0.2" });
  const { address, webhooks } = await service.whenLogged(isReady);
  expect(address).not.toBe(webhooks);
  expect((await sendScenario("trade-status", String(webhooks))).refused).toBe(0);
  const refused = await sendScenario("trade-status", String(address), { retries: "none" });
  expect(refused.statuses).toEqual({ "404": 3 });
  expect((await fetch(`${webhooks}/v1/status`)).status).toBe(404);
  expect((await fetch(`${webhooks}/healthz`)).status).toBe(200);
  expect(await stopRole(service)).toBe(0);
});
