import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { EXIT, type ExitCode } from "../error-report.ts";
import { print } from "../output/print.ts";
import { createClosing } from "../service/service.ts";
import { AVAILABLE, expectationsOf, gatherLedger, rebuildAll } from "./ledger.ts";
import { playFlows, type StandIn, startStandIn } from "./play.ts";
import { createApi, runCommand, type ServiceProcess, startServiceProcess } from "./service.ts";
import {
  bold,
  dim,
  printChecked,
  printHeading,
  showAnomalies,
  showBalances,
  showDigests,
  showEntries,
  showLifecycles,
} from "./show.ts";

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
  const config = {
    ...standIn.config,
    COUNTERFOIL_LEDGER: "demo",
    COUNTERFOIL_ENVIRONMENT: "demo",
    COUNTERFOIL_DATA_DIR: dataDir,
    COUNTERFOIL_HTTP_PORT: "0",
  };
  const service = await startServiceProcess(config);
  closing.add(service.stop);
  introduce(service, standIn, dataDir);
  const outcome = await Promise.race([
    playAndCheck(standIn, service.address, () => runCommand(config, ["rebuild", "all"])),
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
  print(`  ${address}  ${dim("the console: whether the money is right")}`);
  print(`  ${address}/withdrawals  ${dim("how long each stage took, and who told it")}`);
  print(`  ${accountPage(address)}  ${dim("its balance over time, and why it says so")}`);
  print(`  ${address}/docs  ${dim("the same for programs")}`);
  await Promise.race([interrupted, ended]);
}

function accountPage(address: string): string {
  return `${address}/accounts/${encodeURIComponent(AVAILABLE)}`;
}

/**
 * The demo from the first message to the comparison of the digests.
 *
 * @returns whether everything came out as the providers' pages say
 */
async function playAndCheck(
  standIn: StandIn,
  address: string,
  rebuild: () => Promise<void>,
): Promise<boolean> {
  const api = createApi(address);
  await playFlows({ standIn, api, address });
  const ledger = await gatherLedger(api);
  showBalances(ledger.balances, ledger.status.head);
  showEntries(ledger.entries);
  showLifecycles(ledger);
  showAnomalies(ledger.anomalies);
  printHeading("Throwing the read models away, and building them again from the stream");
  const models = await rebuildAll(api, ledger.status, rebuild);
  showDigests(models);
  printHeading("Checked");
  const expectations = expectationsOf(ledger, models);
  for (const { what, expected, found } of expectations) {
    printChecked(found === expected, what);
    if (found !== expected) print(`      expected ${expected}\n      found    ${found}`);
  }
  return expectations.every(({ expected, found }) => expected === found);
}
