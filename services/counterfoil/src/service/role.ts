import type { Config } from "@counterfoil/contracts/config";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { Logger } from "pino";
import type { Service } from "./run-until-signal.ts";

export type RoleOptions = Readonly<{
  config: Config;
  logger: Logger;
  /** Of a projector. */
  models: readonly ModelName[];
  /** Aborts when the process is asked to stop before the role has started. */
  signal: AbortSignal;
}>;

/** @returns null where it was asked to stop while it waited */
export type StartRole = (options: RoleOptions) => Promise<Service | null>;
