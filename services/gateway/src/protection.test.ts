import { Problem } from "@counterfoil/http/problem";
import { afterEach, expect, test } from "@jest/globals";
import { type FastifyInstance, fastify } from "fastify";
import { memoryShare, protectRoutes } from "./protection.ts";

let app: FastifyInstance;
afterEach(() => app?.close());

test("if the process uses nearly all of its memory limit, one answer is made at a time", async () => {
  const share = 0.97;
  app = fastify();
  const config = { COUNTERFOIL_CORS_ORIGINS: [], COUNTERFOIL_RATE_LIMIT: 0 };
  await protectRoutes(app, config as never, () => share);
  app.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof Problem && error.code === "overloaded" ? 503 : 500).send({}),
  );
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  app.get("/slow", async () => {
    begin();
    await mayEnd;
    return {};
  });
  app.get("/fast", async () => ({}));
  app.get("/stream", (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200);
    reply.raw.write(":");
  });
  const statusOf = async (url: string) => (await app.inject(url)).statusCode;
  const address = await app.listen({ port: 0 });
  const stream = await fetch(`${address}/stream`);
  expect(await statusOf("/fast")).toBe(200);
  const slow = statusOf("/slow");
  await began;
  expect(await statusOf("/fast")).toBe(503);
  end();
  expect(await slow).toBe(200);
  expect(await statusOf("/fast")).toBe(200);
  await stream.body?.cancel();
});

test("the used memory is what was written to", () => {
  const before = memoryShare();
  const held = Buffer.alloc(256 * 1024 * 1024, 1);
  expect(memoryShare()).toBeGreaterThan(before);
  expect([held.length > 0, memoryShare() < 1]).toEqual([true, true]);
});
