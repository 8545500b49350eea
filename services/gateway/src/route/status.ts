import { oneOf } from "@counterfoil/contracts/http";
import { rebuildProgress, statusRecord } from "@counterfoil/contracts/record";
import { Problem } from "@counterfoil/http/problem";
import { readStatus } from "@counterfoil/processing/queries/status";
import { z } from "zod";
import type { Sources } from "../deps.ts";
import { oneBody } from "../paging.ts";
import { modelParam, parameters } from "../parameter.ts";
import { type Route, route } from "../route.ts";

const query = parameters({});
const params = z.object({ name: modelParam.meta({ description: "The projection" }) });
const REBUILD = "/v1/projections/:name/rebuild";

export function statusRoutes(sources: Sources): readonly Route[] {
  const { rebuilds, config, engine } = sources;
  const installation = {
    ledger: config.COUNTERFOIL_LEDGER,
    environment: config.COUNTERFOIL_ENVIRONMENT,
    engine,
  };
  return [
    route({
      url: "/v1/status",
      tag: "operations",
      summary: "The head of the stream, and how far each projection has come",
      query,
      answer: oneOf(statusRecord),
      problems: ["stream_unavailable"],
      handle: async () => {
        const status = await readStatus(sources, installation);
        return oneBody(status, Number(status.head));
      },
    }),
    route({
      method: "POST",
      url: REBUILD,
      tag: "operations",
      summary: "Builds the projection's next generation from the stream",
      query,
      params,
      status: 202,
      answer: oneOf(rebuildProgress),
      problems: ["not_found", "rebuild_running", "stream_unavailable", "model_unavailable"],
      handle: async ({ params: { name } }, reply) => {
        const progress = await rebuilds.start(name);
        reply.code(202);
        return oneBody(progress, Number(progress.position));
      },
    }),
    route({
      url: REBUILD,
      tag: "operations",
      summary: "How the last rebuild that was started here is getting on",
      query,
      params,
      answer: oneOf(rebuildProgress),
      problems: ["not_found"],
      handle: async ({ params: { name } }) => {
        const progress = rebuilds.progress(name);
        if (progress !== null) return oneBody(progress, Number(progress.position));
        throw new Problem("not_found", `no rebuild of ${name} was started in this process`);
      },
    }),
  ];
}
