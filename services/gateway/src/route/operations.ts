import { sendMetrics } from "@counterfoil/http/operations";
import { MODELS } from "@counterfoil/processing/queries/status";
import type { Registry } from "prom-client";
import { z } from "zod";
import type { Sources } from "../deps.ts";
import { type Route, route } from "../route.ts";

const word = (text: string) => z.object({ status: z.literal(text) });
/** Probes add parameters of their own, against caches. */
const query = z.object({});

export function operationRoutes(sources: Sources, registry: Registry): readonly Route[] {
  const { stream, models } = sources;
  return [
    route({
      url: "/healthz",
      tag: "operations",
      summary: "Whether the process is alive",
      query,
      answer: word("ok"),
      handle: async () => ({ status: "ok" }),
    }),
    route({
      url: "/readyz",
      tag: "operations",
      summary: "Whether the stream can be read and every model is served",
      query,
      answer: word("ready"),
      problems: ["stream_unavailable", "model_unavailable"],
      handle: async () => {
        await stream.head();
        for (const model of MODELS) await models.snapshot(model, async () => null);
        return { status: "ready" };
      },
    }),
    route({
      url: "/metrics",
      tag: "operations",
      summary: "Metrics for Prometheus",
      query,
      answer: z.string(),
      mediaType: "text/plain",
      handle: async (_request, reply) => sendMetrics(reply, registry),
    }),
  ];
}
