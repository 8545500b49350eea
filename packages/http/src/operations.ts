import type { KeyRole } from "@counterfoil/contracts/key-fact";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Histogram, type Registry } from "prom-client";
import type { Readiness } from "./readiness.ts";

/**
 * What a route needs: a key of this role, or of an `operator`, which may do everything; `metrics` a
 * key without a platform, beyond loopback alone; null nothing. The gateway's guard asks for it.
 */
export type Needs = KeyRole | "metrics" | null;

declare module "fastify" {
  interface FastifyContextConfig {
    needs?: Needs;
  }
}

/** Lets nobody past who must not; on a listener before its routes. */
export type Guard = (app: FastifyInstance) => void;

/**
 * `/healthz`, `/readyz` and `/metrics` of a listener that answers nobody else. Nothing here is about a
 * customer. The gateway has routes of its own for them.
 */
export function mountOperations(
  app: FastifyInstance,
  registry: Registry,
  readiness: Readiness,
): void {
  measureAnswers(app, registry);
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async () => {
    await readiness.assert();
    return { status: "ready" };
  });
  app.get("/metrics", { config: { needs: "metrics" } }, (_request, reply) =>
    sendMetrics(reply, registry),
  );
}

/** Answers with the metrics in the text format of Prometheus. */
export async function sendMetrics(reply: FastifyReply, registry: Registry): Promise<FastifyReply> {
  return reply.type(registry.contentType).send(await registry.metrics());
}

/** From a point read to one that waits for a position. */
const ANSWER_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Of pages for people nobody asks how long they take, and they have many addresses. */
const UNMEASURED = /^\/docs(?:\/|$)/;

/** Measures what a listener answers. Two listeners of one process share the histogram. */
export function measureAnswers(app: FastifyInstance, registry: Registry): void {
  const name = "http_request_duration_seconds";
  const answers =
    (registry.getSingleMetric(name) as Histogram | undefined) ??
    new Histogram({
      name,
      help: "From a request to its answer",
      labelNames: ["method", "route", "status"],
      buckets: ANSWER_SECONDS,
      registers: [registry],
    });
  app.addHook("onResponse", async ({ method, routeOptions }, { statusCode, elapsedTime }) => {
    const route = routeOptions.url ?? "none";
    if (UNMEASURED.test(route)) return;
    answers.observe({ method, route, status: statusCode }, elapsedTime / 1000);
  });
}
