import { loadConfig } from "@counterfoil/adapters/config";
import { createLogger } from "@counterfoil/adapters/logging";
import { startTracing } from "@counterfoil/adapters/tracing";
import type { ModelName } from "@counterfoil/contracts/fact";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { Command, Option } from "commander";
import { checkOpenFiles } from "../service/open-ledger.ts";
import { runUntilSignal, type StartRole } from "../service/service.ts";
import { parseModels } from "./context.ts";

/** Loaded when they are run: a short command must not wait for the HTTP server's modules. */
const ROLES = {
  start: async () => (await import("../roles/start.ts")).startService,
  ingestor: async () => (await import("../roles/ingestor.ts")).startIngestorRole,
  projector: async () => (await import("../roles/projector.ts")).startProjectorRole,
  publisher: async () => (await import("../roles/publisher.ts")).startPublisherRole,
  gateway: async () => (await import("../roles/gateway.ts")).startGatewayRole,
} as const satisfies Readonly<Record<string, () => Promise<StartRole>>>;

async function runRole(role: keyof typeof ROLES, models = MODEL_NAMES): Promise<void> {
  const config = loadConfig(process.env);
  checkOpenFiles();
  const start: StartRole = await ROLES[role]();
  const logger = createLogger({ role, level: config.COUNTERFOIL_LOG_LEVEL });
  const drainMs = config.COUNTERFOIL_DRAIN_FOR;
  const stopTracing = await startTracing({ role, logger });
  await runUntilSignal((signal) => start({ config, logger, models, signal }), { logger, drainMs });
  await stopTracing();
}

export function roleCommands(): readonly Command[] {
  return [
    new Command("start")
      .description("run everything in one process")
      .addHelpText("after", START_HELP)
      .action(() => runRole("start")),
    new Command("ingestor")
      .description("take webhooks and the Balances Feed in, and nothing else")
      .action(() => runRole("ingestor")),
    new Command("projector")
      .description("keep read models up to date, and nothing else")
      .addOption(modelOption())
      .addHelpText("after", "\nExample:\n  $ counterfoil projector --model balances,deposits")
      .action(({ model }: Readonly<{ model: readonly ModelName[] }>) =>
        runRole("projector", model),
      ),
    new Command("publisher")
      .description("publish facts and records to Kafka, and nothing else")
      .action(() => runRole("publisher")),
    new Command("gateway")
      .description("answer readers over HTTP, and nothing else")
      .action(() => runRole("gateway")),
  ];
}

function modelOption(): Option {
  return new Option("--model <names>", "which models, comma-separated")
    .argParser(parseModels)
    .default(MODEL_NAMES, "all");
}

const START_HELP = `
Examples:
  $ COUNTERFOIL_ALLOW_UNSIGNED=true counterfoil start
      to try it out: takes unsigned webhooks on 127.0.0.1:8080
  $ COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET=… COUNTERFOIL_DATA_DIR=/var/lib/counterfoil counterfoil start
      takes Zero Hash's webhooks at /webhooks/zerohash, answers at /v1/…, describes itself at /docs`;
