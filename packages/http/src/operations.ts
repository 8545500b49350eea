import type { KeyRole } from "@counterfoil/contracts/service-fact";
import { type Clock, withTimeout } from "@counterfoil/processing/ports/clock";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Histogram, type Registry } from "prom-client";
import { Problem } from "./problem.ts";

/**
 * What a route requires, checked by the gateway's guard: a key of this role or of an `operator`, which
 * may do everything; `metrics`: a key without a platform, except on loopback; null: nothing.
 */
export type Needs = KeyRole | "metrics" | null;

declare module "fastify" {
  interface FastifyContextConfig {
    needs?: Needs;
  }
}

/** Refuses unauthorised requests; installed on a listener before its routes. */
export type Guard = (app: FastifyInstance) => void;

/**
 * Mounts `/healthz`, `/readyz` and `/metrics` on a listener without other routes. They contain no
 * customer data. The gateway has its own routes for them.
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

/** Responds with the metrics in the text format of Prometheus. */
export async function sendMetrics(reply: FastifyReply, registry: Registry): Promise<FastifyReply> {
  return reply.type(registry.contentType).send(await registry.metrics());
}

/** Histogram buckets, from a read by id to a read that waits for a position. */
const RESPONSE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * The documentation pages are not measured: they have many paths and nobody needs their latency.
 */
const UNMEASURED = /^\/docs(?:\/|$)/;

/** Measures the responses of a listener. Two listeners of one process share the histogram. */
export function measureAnswers(app: FastifyInstance, registry: Registry): void {
  const name = "http_request_duration_seconds";
  const answers =
    (registry.getSingleMetric(name) as Histogram | undefined) ??
    new Histogram({
      name,
      help: "From a request to its answer",
      labelNames: ["method", "route", "status"],
      buckets: RESPONSE_SECONDS,
      registers: [registry],
    });
  app.addHook("onResponse", async ({ method, routeOptions }, { statusCode, elapsedTime }) => {
    const route = routeOptions.url ?? "none";
    if (UNMEASURED.test(route)) return;
    answers.observe({ method, route, status: statusCode }, elapsedTime / 1000);
  });
}

/** Whether a process is ready for requests; it may be alive without being ready. */
export type Readiness = Readonly<{
  /** @throws Problem not_ready, or what the role's own check throws */
  assert: () => Promise<void>;
  /** Makes it not ready for good: received requests are answered, new ones should go elsewhere. */
  drain: () => void;
  isDraining: () => boolean;
}>;

/** The timeout of the check, so that a probe does not wait for a server that does not respond. */
const CHECK_TIMEOUT_MS = 2_000;

const STOPPING = new Problem("not_ready", "the service is stopping");
const TIMED_OUT = new Problem("not_ready", "what the service needs has not answered for 2 s");

function throwTimedOut(): never {
  throw TIMED_OUT;
}

/** @param check throws if something that the role depends on is unavailable */
export function createReadiness(check: () => Promise<void>, clock: Clock): Readiness {
  let isDraining = false;
  return {
    async assert() {
      if (isDraining) throw STOPPING;
      await withTimeout(check(), { ms: CHECK_TIMEOUT_MS, late: throwTimedOut }, clock);
    },
    drain() {
      isDraining = true;
    },
    isDraining: () => isDraining,
  };
}
