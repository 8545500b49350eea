import { createServer } from "node:net";
import type { Listener } from "@counterfoil/http/listener";
import { serveModels } from "@counterfoil/processing/queries/serving";
import { createMemoryKeyStore } from "@counterfoil/processing/testing/memory-key-store";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { Registry } from "prom-client";

import { createGateway, type GatewayDeps, startGateway } from "./gateway.ts";
import { configOf, NO_KEY_FILE, NO_REBUILDS, testHeads } from "./testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "./testing/test-ledger.ts";

let ledger: TestLedger;
const started: Listener[] = [];

beforeEach(async () => {
  ledger = await createTestLedger();
});

afterEach(async () => {
  for (const gateway of started.splice(0)) await gateway.stop();
});

const unusedAction = async () => Promise.reject(new Error());

function depsOf(environment: Readonly<Record<string, string>> = {}): GatewayDeps {
  return {
    ...ledger,
    engine: "memory",
    config: configOf(environment),
    models: serveModels(ledger),
    logger: pino({ level: "silent" }),
    registry: new Registry(),
    keys: createMemoryKeyStore(),
    operatorActions: { acknowledge: unusedAction, dismiss: unusedAction, retry: unusedAction },
    heads: testHeads(ledger, NO_KEY_FILE),
    rebuilds: NO_REBUILDS,
  };
}

async function start(deps: GatewayDeps) {
  const gateway = await startGateway(deps);
  started.push(gateway);
  return gateway;
}

describe("the gateway", () => {
  test("listens where the configuration says and answers over a socket", async () => {
    await ledger.play("balances-feed-use-cases");
    const { address } = await start(depsOf());
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const answer = await fetch(`${address}/v1/balances?asset=USD`);
    expect(await answer.json()).toMatchObject({ position: "25", data: [{ balance: "100000" }] });
  });

  test("names the address and the variable where the port is taken", async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as { port: number };
    const deps = depsOf({ COUNTERFOIL_HTTP_PORT: String(port) });
    await expect(startGateway(deps)).rejects.toMatchObject({
      code: "port_in_use",
      message: expect.stringMatching(
        new RegExp(
          `^127.0.0.1:${port} .*COUNTERFOIL_HTTP_PORT to a free port; .*every process needs its own$`,
        ),
      ),
    });
    await new Promise((done) => server.close(done));
  });

  test("names the variable where the address is none of this computer's", async () => {
    const environment = {
      COUNTERFOIL_HTTP_HOST: "192.0.2.1",
      COUNTERFOIL_ALLOW_UNAUTHENTICATED: "true",
    };
    await expect(startGateway(depsOf(environment))).rejects.toMatchObject({
      code: "configuration_invalid",
      message: expect.stringContaining("COUNTERFOIL_HTTP_HOST"),
    });
  });

  test("takes other roles' routes on the same port", async () => {
    const gateway = await createGateway({
      ...depsOf(),
      register: async (app) => {
        app.post("/webhooks/test", async () => ({ taken: true }));
      },
    });
    const answer = await gateway.app.inject({ method: "POST", url: "/webhooks/test" });
    expect(answer.json()).toEqual({ taken: true });
    await gateway.stop();
  });

  test("stops, and takes nothing more", async () => {
    const gateway = await startGateway(depsOf());
    await fetch(`${gateway.address}/healthz`);
    await gateway.stop();
    await expect(fetch(`${gateway.address}/healthz`)).rejects.toThrow();
  });
});
