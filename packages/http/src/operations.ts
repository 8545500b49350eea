import type { KeyRole } from "@counterfoil/contracts/service-fact";
import { type Clock, withTimeout } from "@counterfoil/processing/ports/clock";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Histogram, type Registry } from "prom-client";
import { Problem } from "./problem.ts";

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

/** Whether a process should be sent anything, which is more than that it is alive. */
export type Readiness = Readonly<{
  /** @throws Problem not_ready, or what the role's own check throws */
  assert: () => Promise<void>;
  /** From now on it is not: what has been sent is answered, and whoever asks sends elsewhere. */
  drain: () => void;
  isDraining: () => boolean;
}>;

/** Whoever asks must not wait for a server that is silent. */
const PATIENCE_MS = 2_000;

const STOPPING = new Problem("not_ready", "the service is stopping");
const SILENT = new Problem("not_ready", "what the service needs has not answered for 2 s");

function throwSilent(): never {
  throw SILENT;
}

/** @param check what the role needs to do its work; throws where it is not there */
export function createReadiness(check: () => Promise<void>, clock: Clock): Readiness {
  let isDraining = false;
  return {
    async assert() {
      if (isDraining) throw STOPPING;
      await withTimeout(check(), { ms: PATIENCE_MS, late: throwSilent }, clock);
    },
    drain() {
      isDraining = true;
    },
    isDraining: () => isDraining,
  };
}
