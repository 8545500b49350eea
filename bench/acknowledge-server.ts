import { createServer } from "node:net";
import { fastify } from "fastify";

/**
 * The receiver of the acknowledgement bench, in a separate process: `ours` is the ingestor
 * role as `counterfoil ingestor` runs it, `bare` a Fastify route that parses the same body.
 */
const [mode, path = ""] = process.argv.slice(2);
const port = await freePort();
if (mode === "bare") {
  const app = fastify();
  app.post(path, async () => ({ ok: true }));
  await app.listen({ host: "127.0.0.1", port });
} else {
  const { startIngestorRole } = await import("@counterfoil/counterfoil/roles/ingestor");
  const { loadConfig } = await import("@counterfoil/adapters/config");
  const { startTracing } = await import("@counterfoil/adapters/tracing");
  const { pino } = await import("pino");
  const config = loadConfig({ ...process.env, COUNTERFOIL_HTTP_PORT: String(port) });
  const logger = pino({ level: "error" });
  await startTracing({ role: "ingestor", logger });
  await startIngestorRole({ config, logger } as never);
}
process.send?.({ port });

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
