import { listOf, oneOf } from "@counterfoil/contracts/http";
import {
  type ProjectionRecord,
  projectionRecord,
  type RebuildProgress,
  rebuildProgress,
  statusRecord,
} from "@counterfoil/contracts/operations-record";
import { type Readiness, sendMetrics } from "@counterfoil/http/operations";
import { Problem } from "@counterfoil/http/problem";
import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import type { Platform } from "@counterfoil/processing/queries/platform";
import { expectedOf, MODELS, readStatus, statusFor } from "@counterfoil/processing/queries/status";
import type { Registry } from "prom-client";
import { z } from "zod";
import { modelParam, parameters } from "../parameter.ts";
import { oneBody, type Sources } from "../reading.ts";
import { type Route, route } from "../route.ts";

/** Routes for status, projections, rebuilds, health and metrics. */
export function operationRoutes(
  sources: Sources,
  registry: Registry,
  readiness: Readiness,
): readonly Route[] {
  return [
    statusRoute(sources),
    projectionsRoute(sources),
    ...rebuildRoutes(sources),
    rollbackRoute(sources),
    ...healthRoutes(readiness),
    metricsRoute(registry),
    openApiRoute,
  ];
}

function statusRoute(sources: Sources): Route {
  const { config, engine } = sources;
  const expected = expectedOf(config);
  const installation = {
    ledger: config.COUNTERFOIL_LEDGER,
    environment: config.COUNTERFOIL_ENVIRONMENT,
    engine,
  };
  return route({
    operation: "getStatus",
    url: "/v1/status",
    tag: "operations",
    isRevalidated: true,
    summary: "The status of the ledger: the position of each part, and what needs a person",
    description:
      "A platform's key receives `scope: platform` and the positions. What counts over the whole ledger is withheld from it: empty, null or zero, whatever is open.",
    query: parameters({}),
    answer: oneOf(statusRecord),
    problems: ["stream_unavailable"],
    handle: async ({ caller }) => {
      const read = await readStatus({ ...sources, expected }, installation);
      const status = statusFor(read, caller.platform);
      return oneBody(status, Number(status.head));
    },
  });
}

const NO_DIGEST = "0".repeat(64);

function projectionsRoute({ stream, models, rebuilds }: Sources): Route {
  return route({
    operation: "listProjections",
    url: "/v1/projections",
    tag: "operations",
    isRevalidated: true,
    summary: "The projections with their kept generations, and the last rebuild of each",
    description: "For a platform's key digests are zeros, since they cover all platforms.",
    query: parameters({}),
    answer: listOf(projectionRecord),
    problems: ["stream_unavailable", "model_unavailable"],
    handle: async ({ caller: { platform } }) => {
      const seesAll = platform === null;
      const records = MODELS.map(async (name): Promise<ProjectionRecord> => {
        // One model that cannot be read does not hide the others' generations.
        const served = await models.info(name).catch(nullIfUnavailable);
        const kept = await rebuilds.generations(name);
        const generations = kept.map(({ generation, modelVersion, checkpoint }) => ({
          generation,
          model_version: modelVersion,
          position: String(checkpoint.position),
          digest: seesAll ? checkpoint.digest : NO_DIGEST,
          state_digest: seesAll ? checkpoint.state_digest : NO_DIGEST,
          is_live: generation === served?.generation,
        }));
        return { name, generations, rebuild: progressFor(platform, rebuilds.progress(name)) };
      });
      // Awaited together: a rejection that nobody awaits would end the process.
      const [data, { position }] = await Promise.all([Promise.all(records), stream.head()]);
      return { data, position: String(position), next_cursor: null };
    },
  });
}

function nullIfUnavailable(error: unknown): null {
  if (error instanceof ModelUnavailable) return null;
  throw error;
}

/** Removes the detail for a platform: the rows that differ may belong to another one. */
const progressFor = (
  platform: Platform,
  progress: RebuildProgress | null,
): RebuildProgress | null =>
  progress === null || platform === null ? progress : { ...progress, detail: null };

function rollbackRoute({ rebuilds }: Sources): Route {
  return route({
    operation: "rollBackProjection",
    method: "POST",
    url: "/v1/projections/:name/rollback",
    tag: "operations",
    summary: "Catches a kept generation of the projection up and makes it the live one again",
    description: "Its progress is reported like that of a rebuild.",
    query: parameters({}),
    params: rebuild.params,
    body: z.strictObject({ generation: z.int().positive() }),
    answer: rebuild.answer,
    status: 202,
    problems: ["not_found", "rebuild_running", "stream_unavailable", "model_unavailable"],
    handle: async ({ params: { name }, body: { generation }, caller }, reply) => {
      if (caller.platform !== null) throw new Problem("wrong_role", ALL_PLATFORMS);
      const kept = await rebuilds.generations(name);
      if (!kept.some((one) => one.generation === generation)) {
        const numbers = kept.map((one) => one.generation).join(", ");
        throw new Problem("not_found", `${name} has no generation ${generation}; kept: ${numbers}`);
      }
      const progress = await rebuilds.rollBack(name, caller.actor, generation);
      reply.code(202);
      return oneBody(progress, Number(progress.position));
    },
  });
}

const rebuild = {
  url: "/v1/projections/:name/rebuild",
  tag: "operations",
  query: parameters({}),
  params: z.object({ name: modelParam.meta({ description: "The projection" }) }),
  answer: oneOf(rebuildProgress),
} as const;

function rebuildRoutes({ rebuilds }: Sources): readonly Route[] {
  return [
    route({
      ...rebuild,
      operation: "startRebuild",
      method: "POST",
      summary: "Builds the projection's next generation from the stream",
      status: 202,
      problems: ["not_found", "rebuild_running", "stream_unavailable", "model_unavailable"],
      handle: async ({ params: { name }, caller }, reply) => {
        if (caller.platform !== null) throw new Problem("wrong_role", ALL_PLATFORMS);
        const progress = await rebuilds.start(name, caller.actor);
        reply.code(202);
        return oneBody(progress, Number(progress.position));
      },
    }),
    route({
      ...rebuild,
      operation: "getRebuild",
      isRevalidated: true,
      summary: "The progress of the last rebuild that was started in this process",
      problems: ["not_found"],
      handle: async ({ params: { name }, caller }) => {
        const progress = progressFor(caller.platform, rebuilds.progress(name));
        if (progress !== null) return oneBody(progress, Number(progress.position));
        throw new Problem("not_found", `no rebuild of ${name} was started in this process`);
      },
    }),
  ];
}

const ALL_PLATFORMS = "a projection is every platform's: use an operator's key without a platform";

/** Probes add parameters of their own, against caches. */
const anyQuery = z.object({});

const statusBody = (status: string) => z.object({ status: z.literal(status) });

/** Throws unless the stream and every model can be read. */
export async function assertReadable({
  stream,
  models,
}: Pick<Sources, "stream" | "models">): Promise<void> {
  await stream.head();
  for (const model of MODELS) await models.snapshot(model, async () => null);
}

function healthRoutes(readiness: Readiness): readonly Route[] {
  return [
    route({
      operation: "getHealth",
      url: "/healthz",
      tag: "operations",
      summary: "Whether the process is alive",
      query: anyQuery,
      answer: statusBody("ok"),
      handle: async () => ({ status: "ok" }),
    }),
    route({
      operation: "getReadiness",
      url: "/readyz",
      tag: "operations",
      summary:
        "Whether the process accepts requests: its dependencies are available, and it is not stopping",
      query: anyQuery,
      answer: statusBody("ready"),
      problems: ["not_ready", "stream_unavailable", "model_unavailable"],
      handle: async () => {
        await readiness.assert();
        return { status: "ready" };
      },
    }),
  ];
}

function metricsRoute(registry: Registry): Route {
  return route({
    operation: "getMetrics",
    url: "/metrics",
    tag: "operations",
    summary: "Metrics for Prometheus; beyond loopback they need a key without a platform",
    needs: "metrics",
    query: anyQuery,
    answer: z.string(),
    mediaType: "text/plain",
    handle: (_request, reply) => sendMetrics(reply, registry),
  });
}

const openApiRoute: Route = route({
  operation: "getOpenApi",
  url: "/openapi.json",
  tag: "operations",
  summary: "This interface as an OpenAPI document",
  query: anyQuery,
  answer: z.looseObject({ openapi: z.string() }),
  handle: async (_request, reply) => reply.server.swagger(),
});
