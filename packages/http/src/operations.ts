import type { FastifyInstance, FastifyReply } from "fastify";
import type { Registry } from "prom-client";
import type { Readiness } from "./readiness.ts";

/**
 * `/healthz`, `/readyz` and `/metrics` of a listener that answers nobody else. Nothing here is about a
 * customer. The gateway has routes of its own for them.
 */
export function mountOperations(
  app: FastifyInstance,
  registry: Registry,
  readiness: Readiness,
): void {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async () => {
    await readiness.assert();
    return { status: "ready" };
  });
  app.get("/metrics", (_request, reply) => sendMetrics(reply, registry));
}

/** Answers with the metrics in the text format of Prometheus. */
export async function sendMetrics(reply: FastifyReply, registry: Registry): Promise<FastifyReply> {
  return reply.type(registry.contentType).send(await registry.metrics());
}
