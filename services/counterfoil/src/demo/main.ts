import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { print } from "../output/print.ts";
import { createClosing } from "../service/closing.ts";
import { playAndCheck } from "./run-demo.ts";
import { type ServiceProcess, startServiceProcess } from "./service-process.ts";
import { type StandIn, startStandIn } from "./stand-in.ts";
import { bold, dim, printHeading } from "./style.ts";

const { once } = new Command("demo")
  .description("plays what the providers document against a fresh ledger, and shows what comes out")
  .option("--once", "end after the demo; the exit code says whether all was as expected")
  .parse()
  .opts<Readonly<{ once?: boolean }>>();

const interrupted = new Promise<"interrupted">((resolve) => {
  for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => resolve("interrupted"));
});
const closing = createClosing();

try {
  process.exitCode = await runDemo();
} catch (error) {
  print(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = EXIT.findings;
} finally {
  await closing.close();
}

async function runDemo(): Promise<ExitCode> {
  const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-demo-"));
  closing.add(async () => rmSync(dataDir, { recursive: true, force: true }));
  const standIn = await startStandIn();
  closing.add(standIn.stop);
  const service = await startServiceProcess({
    ...standIn.config,
    COUNTERFOIL_LEDGER: "demo",
    COUNTERFOIL_ENVIRONMENT: "demo",
    COUNTERFOIL_DATA_DIR: dataDir,
    COUNTERFOIL_HTTP_PORT: "0",
  });
  closing.add(service.stop);
  introduce(service, standIn, dataDir);
  const outcome = await Promise.race([
    playAndCheck(standIn, service.address),
    service.ended.then((code) => {
      throw new Error(`the service ended with ${code}`);
    }),
    interrupted,
  ]);
  if (outcome === "interrupted") return EXIT.findings;
  if (!once) await serveOn(service);
  return outcome ? EXIT.ok : EXIT.findings;
}

function introduce({ address }: ServiceProcess, { config }: StandIn, dataDir: string): void {
  print(
    `\n${bold("Counterfoil")}  ${dim("a ledger of money that is held at custody providers")}\n`,
  );
  print(`  service   ${address}`);
  print(`  stand-in  ${config.COUNTERFOIL_ZEROHASH_FEED_URL} for both providers`);
  print(`  data      ${dataDir}, removed at the end`);
}

async function serveOn({ address, ended }: ServiceProcess): Promise<void> {
  printHeading("Still serving", "Ctrl+C stops it and removes its data");
  print(`  ${address}/v1/balances`);
  print(`  ${address}/docs`);
  await Promise.race([interrupted, ended]);
}
