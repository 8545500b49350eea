import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventRecord } from "@counterfoil/contracts/record";
import { counted } from "@counterfoil/core/exact/text";
import { createFeedServer, type FeedServer } from "@counterfoil/simulator/feed-server";
import {
  type PlayResult,
  playDeliveries,
  SCENARIO_FEED,
  SCENARIOS,
  scenarioDeliveries,
} from "@counterfoil/simulator/play-deliveries";
import type { Scenario } from "@counterfoil/simulator/scenarios/scenario";
import {
  createLayer1Keys,
  createZeroHashKeys,
  layer1PublicKeyBase64,
} from "@counterfoil/simulator/webhook-sender";
import { Command } from "commander";
import { EXIT, type ExitCode } from "../error-report.ts";
import { printStyled } from "../output/print.ts";
import {
  AVAILABLE,
  bold,
  dim,
  expectationsOf,
  gatherLedger,
  printChecked,
  printHeading,
  rebuildAll,
  showAnomalies,
  showBalances,
  showDigests,
  showEntries,
  showLifecycles,
} from "./ledger.ts";
import {
  type Api,
  createApi,
  runCommand,
  type ServiceProcess,
  startServiceProcess,
  until,
} from "./service.ts";

async function runDemo(): Promise<ExitCode> {
  const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-demo-"));
  closing.defer(async () => rmSync(dataDir, { recursive: true, force: true }));
  const standIn = await startStandIn();
  closing.defer(standIn.stop);
  const config = {
    ...standIn.config,
    COUNTERFOIL_LEDGER: "demo",
    COUNTERFOIL_ENVIRONMENT: "demo",
    COUNTERFOIL_DATA_DIR: dataDir,
    COUNTERFOIL_HTTP_PORT: "0",
  };
  const service = await startServiceProcess(config);
  closing.defer(service.stop);
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
  printStyled(
    `\n${bold("Counterfoil")}  ${dim("a ledger of money that is held at custody providers")}\n`,
  );
  printStyled(`  service   ${address}`);
  printStyled(`  stand-in  ${config.COUNTERFOIL_ZEROHASH_FEED_URL} for both providers`);
  printStyled(`  data      ${dataDir}, removed at the end`);
}

async function serveOn({ address, ended }: ServiceProcess): Promise<void> {
  printHeading("Still serving", "Ctrl+C stops it and removes its data");
  printStyled(`  ${address}  ${dim("the console: whether the money is right")}`);
  printStyled(`  ${address}/withdrawals  ${dim("how long each stage took, and who told it")}`);
  printStyled(`  ${accountPage(address)}  ${dim("its balance over time, and why it says so")}`);
  printStyled(`  ${address}/docs  ${dim("the same for programs")}`);
  await Promise.race([interrupted, ended]);
}

function accountPage(address: string): string {
  return `${address}/accounts/${encodeURIComponent(AVAILABLE)}`;
}

/**
 * The demo from the first message to the comparison of the digests.
 *
 * @returns whether all results are as the providers' pages document
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
    if (found !== expected) printStyled(`      expected ${expected}\n      found    ${found}`);
  }
  return expectations.every(({ expected, found }) => expected === found);
}

/** Stands in for both providers on this computer, with keys for this run alone. */
type StandIn = Readonly<{
  /** The configuration for the service. */
  config: Readonly<Record<string, string>>;
  play: (scenario: Scenario, baseUrl: string) => Promise<PlayResult>;
  stop: () => Promise<void>;
}>;

async function startStandIn(): Promise<StandIn> {
  const feed = await createFeedServer();
  const { secret } = createZeroHashKeys();
  const layer1Keys = createLayer1Keys();
  return {
    config: {
      COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: secret,
      COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY: layer1PublicKeyBase64(layer1Keys),
      ...feedConfig(feed),
    },
    play: (scenario, baseUrl) =>
      playDeliveries(
        scenarioDeliveries(scenario),
        {
          baseUrls: [baseUrl],
          zeroHashKeys: { secret },
          layer1Keys,
          feedServers: new Map([[SCENARIO_FEED, feed]]),
        },
        // One at a time keeps the provider's order; the demo shows the newer signature scheme.
        { concurrency: 1, schemes: ["hmac"] },
      ),
    stop: feed.stop,
  };
}

function feedConfig({ url }: FeedServer): Readonly<Record<string, string>> {
  const randomSecret = () => randomBytes(24).toString("base64");
  return {
    COUNTERFOIL_ZEROHASH_FEED_URL: url,
    COUNTERFOIL_ZEROHASH_FEED_KEY: randomSecret(),
    COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: randomSecret(),
    COUNTERFOIL_ZEROHASH_FEED_SECRET: randomSecret(),
  };
}

/**
 * The flows, in the order of play. The generic examples of the feed's page contradict its use cases
 * (one account id under two assets, another balance after one run), so they are not played here.
 */
const FLOWS = [
  "balances-feed-use-cases",
  "layer1-deposit",
  "trade-status",
  "deposit-status",
  "fund-transaction",
  "payment-crypto",
  "payment-bank",
  "layer1-withdrawal",
] as const;

type FlowsDeps = Readonly<{ standIn: StandIn; api: Api; address: string }>;

/** @throws Error if a webhook is refused */
async function playFlows({ standIn, api, address }: FlowsDeps): Promise<void> {
  printHeading("Playing what the providers document", "signed HTTP, and a real socket");
  const scenarios = FLOWS.flatMap((name) => SCENARIOS.get(name) ?? []);
  const width = Math.max(...scenarios.map(({ title }) => title.length));
  for (const scenario of scenarios) {
    const result = await standIn.play(scenario, address);
    if (result.refused > 0) throw new Error(`${scenario.name}: ${JSON.stringify(result.statuses)}`);
    if (result.frames > 0) await waitUntilRecorded(api, result.frames);
    printChecked(true, `${scenario.title.padEnd(width)}  ${dim(describe(scenario, result))}`);
  }
}

/**
 * Waits until the frames are on the stream, since frames are not acknowledged, and until the end of
 * the snapshot is recorded, which happens after a silence: it must not be appended between two digests
 * that are compared.
 */
async function waitUntilRecorded(api: Api, frames: number): Promise<void> {
  const eventsOf = (types: string) =>
    api.get<readonly EventRecord[]>("/v1/events", { types, limit: 100 });
  await until(
    "the feed's frames on the stream",
    () => eventsOf("DeliveryReceived"),
    (deliveries) => deliveries.filter(isFrame).length >= frames,
  );
  await until(
    "the end of the feed's snapshot on the stream",
    () => eventsOf("SnapshotCompleted"),
    (completions) => completions.length > 0,
  );
}

const isFrame = ({ data }: EventRecord) => data.channel === "feed";

function describe({ steps }: Scenario, { acknowledged, frames }: PlayResult): string {
  if (frames > 0) return counted(frames, "frame");
  const scheme = steps[0]?.kind === "layer1-webhook" ? "ECDSA" : "HMAC";
  return `${counted(acknowledged, "webhook")}, ${scheme}`;
}

const { once } = new Command("demo")
  .description("plays what the providers document against a fresh ledger, and shows what comes out")
  .option("--once", "end after the demo; the exit code says whether all was as expected")
  .parse()
  .opts<Readonly<{ once?: boolean }>>();

const interrupted = new Promise<"interrupted">((resolve) => {
  for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => resolve("interrupted"));
});
const closing = new AsyncDisposableStack();

try {
  process.exitCode = await runDemo();
} catch (error) {
  printStyled(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = EXIT.findings;
} finally {
  await closing.disposeAsync();
}
