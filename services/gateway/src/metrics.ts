import type { ModelName } from "@counterfoil/contracts/fact";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { ServedModels } from "@counterfoil/processing/queries/serving";
import { MODELS } from "@counterfoil/processing/queries/status";
import type { FastifyInstance } from "fastify";
import { Gauge, Histogram, type Registry } from "prom-client";

type Measured = Readonly<{
  registry: Registry;
  stream: Pick<EventStream, "head">;
  models: Pick<ServedModels, "snapshot">;
}>;

/** Registers the gateway's metrics; one gateway per registry. */
export function measure(app: FastifyInstance, measured: Measured): void {
  measureAnswers(app, measured.registry);
  measureLag(measured);
}

function measureLag({ registry, stream, models }: Measured): void {
  const lagOf = async (model: ModelName) => {
    const folded = await models.snapshot(model, async (_rows, { position }) => position);
    return Math.max(0, (await stream.head()).position - folded);
  };
  new Gauge({
    name: "counterfoil_projection_lag_events",
    help: "Events of the stream that the served generation of a model has not folded",
    labelNames: ["model"],
    registers: [registry],
    async collect() {
      this.reset();
      for (const model of MODELS) {
        // A model that cannot be read has no lag, and must not fail the other metrics.
        const lag = await lagOf(model).catch(() => Number.NaN);
        this.set({ model }, lag);
      }
    },
  });
}

/** From a point read to one that waits for a position. */
const ANSWER_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

function measureAnswers(app: FastifyInstance, registry: Registry): void {
  const answers = new Histogram({
    name: "counterfoil_http_answer_seconds",
    help: "From a request to its answer",
    labelNames: ["method", "route", "status"],
    buckets: ANSWER_SECONDS,
    registers: [registry],
  });
  app.addHook("onResponse", async ({ method, routeOptions }, { statusCode, elapsedTime }) => {
    const route = routeOptions.url ?? "none";
    answers.observe({ method, route, status: statusCode }, elapsedTime / 1000);
  });
}
