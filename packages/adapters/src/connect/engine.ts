import type { Config } from "@counterfoil/contracts/config";
import type { StatusRecord } from "@counterfoil/contracts/record";
import type { Hashing } from "@counterfoil/core/hashing";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import type { RoleLocks } from "@counterfoil/processing/ports/role-lock";

/**
 * `read` neither creates nor appends; `write` creates the stream where there is none; `ingest` writes
 * too, and never lets the event loop that answers webhooks wait for a disk.
 */
export type Access = "read" | "write" | "ingest";

/** One of the three sizes, open. */
export type Engine = Readonly<{
  engine: StatusRecord["engine"];
  stream: EventStream;
  catalogue: ModelCatalogue;
  locks: RoleLocks;
  close: () => Promise<void>;
}>;

export type EngineOptions = Readonly<{
  config: Config;
  access: Access;
  clock: Clock;
  hashing: Hashing;
  /** Hears of what was done to stored files before they could be used. */
  logger?: EngineLogger | undefined;
}>;

export type EngineLogger = Readonly<{ info(fields: object, message: string): void }>;

export type OpenEngine = (options: EngineOptions) => Promise<Engine>;
