import { configSchema } from "@counterfoil/contracts/config";
import type { RebuildProgress } from "@counterfoil/contracts/operations-record";
import type { Listener } from "@counterfoil/http/listener";
import type { Rebuilds } from "@counterfoil/processing/generations/rebuild";
import { type ServedModels, serveModels } from "@counterfoil/processing/queries/serving";
import { pino } from "pino";
import { Registry } from "prom-client";

import { createGateway, type GatewayDeps } from "../gateway.ts";
import type { TestLedger } from "./test-ledger.ts";

export type TestGateway = Listener &
  Readonly<{
    models: ServedModels;
    registry: Registry;
    get: (url: string) => Promise<Answer>;
    send: (method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD", url: string) => Promise<Answer>;
  }>;

// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
export type Answer = Readonly<{ status: number; body: any; headers: Headers; raw: Buffer }>;
type Headers = Readonly<Record<string, unknown>>;

const NO_REBUILDS: Rebuilds = {
  start: async () => {
    throw new Error("no rebuilds in this test");
  },
  progress: (): RebuildProgress | null => null,
};

/** A gateway over a test ledger, asked without a socket. */
export async function createTestGateway(
  { stream, catalogue, clock }: Pick<TestLedger, "stream" | "catalogue" | "clock">,
  deps: Partial<GatewayDeps> = {},
): Promise<TestGateway> {
  const registry = new Registry();
  const models = deps.models ?? serveModels({ catalogue, stream, clock });
  const gateway = await createGateway({
    config: configOf(),
    stream,
    clock,
    registry,
    rebuilds: NO_REBUILDS,
    logger: pino({ level: "silent" }),
    engine: "memory",
    ...deps,
    models,
  });
  const send: TestGateway["send"] = async (method, url) => {
    const answer = await gateway.app.inject({ method, url });
    const isJson = /json/.test(String(answer.headers["content-type"]));
    const body = isJson && answer.body !== "" ? JSON.parse(answer.body) : answer.body;
    return { status: answer.statusCode, body, headers: answer.headers, raw: answer.rawPayload };
  };
  return { ...gateway, models, registry, send, get: (url) => send("GET", url) };
}

export function configOf(environment: Readonly<Record<string, string>> = {}) {
  return configSchema.parse({ COUNTERFOIL_HTTP_PORT: "0", ...environment });
}
