import type { Config } from "@counterfoil/contracts/config";
import type { StatusRecord } from "@counterfoil/contracts/record";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { RoleLocks } from "@counterfoil/processing/ports/role-lock";
import type { Rebuilds } from "@counterfoil/processing/queries/rebuilds";
import type { ServedModels } from "@counterfoil/processing/queries/serving";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";

export type GatewayDeps = Readonly<{
  config: Config;
  stream: EventStream;
  models: ServedModels;
  clock: Clock;
  logger: Logger;
  registry: Registry;
  rebuilds: Rebuilds;
  /** Which engine holds the stream, for `/v1/status`. */
  engine: StatusRecord["engine"];
  /** Show whether a projector runs a model; without them no model is reported as stopped. */
  locks?: Pick<RoleLocks, "tryAcquire">;
  /** Mounts what other roles answer on the same port: webhooks, the feed, the console. */
  register?: (app: FastifyInstance) => Promise<void>;
}>;

/** What routes answer from. */
export type Sources = Pick<
  GatewayDeps,
  "config" | "stream" | "models" | "clock" | "rebuilds" | "engine" | "locks"
> &
  Readonly<{
    /** Aborts when the gateway stops, and with it the wait for a position. */
    stopping: AbortSignal;
  }>;
