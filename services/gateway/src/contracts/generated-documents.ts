import { nodeHashing } from "@counterfoil/adapters/node/hashing";
import { configSchema } from "@counterfoil/contracts/config";
import { asyncApiDocument } from "@counterfoil/contracts/documents/async-api";
import { schemaDocuments } from "@counterfoil/contracts/documents/schema-documents";
import { createMemoryEventStream } from "@counterfoil/processing/memory/event-stream";
import { createManualClock } from "@counterfoil/processing/memory/manual-clock";
import { createMemoryModelCatalogue } from "@counterfoil/processing/memory/model-catalogue";
import { serveModels } from "@counterfoil/processing/queries/serving";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createGateway } from "../gateway.ts";

type Json = Readonly<Record<string, unknown>>;

/** Everything that is published, by path within `packages/contracts/generated`. */
export async function generatedDocuments(): Promise<ReadonlyMap<string, Json>> {
  return new Map([
    ["openapi.json", await openApiDocument()],
    ["asyncapi.json", asyncApiDocument()],
    ...schemaDocuments(),
  ]);
}

/** What a gateway over an empty ledger answers at /openapi.json. */
async function openApiDocument(): Promise<Json> {
  const clock = createManualClock(0n);
  const stream = createMemoryEventStream({ ledger: "default", hashing: nodeHashing, clock });
  const catalogue = createMemoryModelCatalogue();
  const gateway = await createGateway({
    config: configSchema.parse({}),
    stream,
    engine: "memory",
    models: serveModels({ catalogue, stream, clock }),
    clock,
    logger: pino({ level: "silent" }),
    registry: new Registry(),
    rebuilds: { start: () => Promise.reject(new Error("nothing is built")), progress: () => null },
  });
  const answer = await gateway.app.inject({ url: "/openapi.json" });
  await gateway.stop();
  return answer.json();
}
