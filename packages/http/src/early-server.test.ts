import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { expect, test } from "@jest/globals";
import { pino } from "pino";
import { createListener, openEarlyServer } from "./listener.ts";

const OPTIONS = {
  config: { COUNTERFOIL_MAX_BODY_BYTES: 100 },
  address: { host: "127.0.0.1", port: 0, hostVariable: "HOST", portVariable: "PORT" },
  logger: pino({ level: "silent" }),
  clock: createManualClock(),
};

async function ask(url: string) {
  const answer = await fetch(url);
  return [answer.status, await answer.json(), answer.headers.get("retry-after")];
}

test("a server without an application is alive and not ready", async () => {
  const earlyServer = await openEarlyServer(OPTIONS);
  const url = await earlyServer.open();
  expect(await ask(`${url}/healthz?at=1`)).toEqual([200, { status: "ok" }, null]);
  const starting = expect.objectContaining({
    code: "not_ready",
    detail: "the service is starting",
  });
  expect(await ask(`${url}/readyz`)).toEqual([503, starting, "1"]);
  expect(await ask(`${url}/webhooks/zerohash`)).toEqual([503, starting, "1"]);

  const listener = createListener({ ...OPTIONS, earlyServer });
  listener.app.get("/", async () => ({ here: true }));
  expect(await ask(`${url}/`)).toEqual([503, starting, "1"]);
  expect(await listener.start()).toBe(url);
  expect(await ask(`${url}/`)).toEqual([200, { here: true }, null]);
  await listener.stop();
  await expect(fetch(url)).rejects.toThrow();
});

test("a server that never received a request closes", async () => {
  const earlyServer = await openEarlyServer(OPTIONS);
  const url = await earlyServer.open();
  await earlyServer.close();
  await expect(fetch(url)).rejects.toThrow();
});
