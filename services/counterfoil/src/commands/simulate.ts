import { existsSync, writeFileSync } from "node:fs";
import { counted } from "@counterfoil/core/exact/text";
import { planDeliveries, shuffleDeliveries } from "@counterfoil/simulator/delivery/delivery-plan";
import { createFeedServer, type FeedServer } from "@counterfoil/simulator/feed-server";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { historyOptions } from "@counterfoil/simulator/history/history";
import {
  type Outgoing,
  type PlayOptions,
  type PlayResult,
  playDeliveries,
  SCENARIOS,
  scenarioDeliveries,
} from "@counterfoil/simulator/play-deliveries";
import type { Scenario } from "@counterfoil/simulator/scenarios/scenario";
import {
  createLayer1Keys,
  createZeroHashKeys,
  type Layer1Keys,
  layer1PublicKeyBase64,
  type Refusal,
  type ZeroHashKeys,
} from "@counterfoil/simulator/webhook-sender";
import { Command } from "commander";
import { EXIT, ServiceUnreachable, WrongUsage } from "../error-report.ts";
import { print, printJson, renderTable } from "../output/print.ts";
import {
  JSON_OPTION,
  type JsonOption,
  parseFile,
  parsePort,
  parsePositive,
  parseRate,
  textIn,
} from "./context.ts";

type PlayFlags = JsonOption &
  Readonly<{ url: string; seed: string; keys?: string; feedPort?: number }>;

/** Simulates the providers, to try out a running service. */
export function simulateCommand(): Command {
  const command = new Command("simulate")
    .description("play a provider against a running service")
    .addHelpText("after", HELP)
    .addCommand(listCommand())
    .addCommand(keysCommand())
    .addCommand(historyCommand());
  for (const scenario of SCENARIOS.values()) {
    command.addCommand(scenarioCommand(scenario).helpGroup("Documented flows:"));
  }
  return command;
}

function listCommand(): Command {
  return new Command("list")
    .description("show the documented flows")
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) => {
      const flows = [...SCENARIOS.values()].map(({ name, title, steps }) => ({
        name,
        title,
        messages: steps.length,
      }));
      const columns = [
        { title: "flow" },
        { title: "messages", align: "right" },
        { title: "what" },
      ] as const;
      const rows = flows.map(({ name, messages, title }) => [name, messages, title]);
      if (json) printJson<"simulate list">(flows);
      else print(renderTable(columns, rows));
    });
}

function keysCommand(): Command {
  return new Command("keys")
    .description("make throw-away keys in a file unless it has some, and print what to start with")
    .argument("<file>", "for --keys of the other commands", parseFile)
    .action((file: string) => {
      const variables = Object.entries(keepKeys(file));
      print(variables.map(([name, value]) => `export ${name}='${value}'`).join("\n"));
    });
}

function scenarioCommand(scenario: Scenario): Command {
  return withPlayOptions(new Command(scenario.name).description(scenario.title)).action(
    (flags: PlayFlags) =>
      playAndPrint(scenarioDeliveries(scenario, flags.seed), flags, { concurrency: 1 }),
  );
}

function historyCommand(): Command {
  return withPlayOptions(new Command("history"))
    .description("play a long, consistent history that a seed determines")
    .option("--scale <n>", "how long: 1 is some 1,300 messages", parsePositive, 1)
    .option("--repeat-rate <share>", "webhooks that are sent again", parseRate, 0.05)
    .option("--loss-rate <share>", "webhooks that are never sent", parseRate, 0)
    .option("--shuffle", "send webhooks in random order")
    .option("--rate <n>", "webhooks per second (default: as fast as possible)", parsePositive)
    .option("--concurrency <n>", "concurrent webhooks", parsePositive, 16)
    .action((flags: PlayFlags & HistoryFlags) => {
      const { rate, concurrency } = flags;
      const deliveries = historyDeliveries({
        ...flags,
        feeds: flags.feedPort === undefined ? 0 : 1,
      });
      return playAndPrint(deliveries, flags, {
        concurrency,
        ...(rate === undefined ? {} : { ratePerSecond: rate }),
      });
    });
}

/** On this machine, at the port that the service has in this environment. */
const serviceUrl = ({ COUNTERFOIL_HTTP_PORT = "8080" }: NodeJS.ProcessEnv): string =>
  `http://127.0.0.1:${COUNTERFOIL_HTTP_PORT}`;

function withPlayOptions(command: Command): Command {
  return command
    .option("--url <url>", "the service", serviceUrl(process.env))
    .option("--seed <seed>", "the seed of all randomness", "1")
    .option(
      "--keys <file>",
      "made by `simulate keys` (default: the service's own variables)",
      parseFile,
    )
    .option("--feed-port <port>", "serve the Balances Feed on this port of 127.0.0.1", parsePort)
    .option(...JSON_OPTION);
}

async function playAndPrint(
  deliveries: readonly Outgoing[],
  { url, seed, keys: file, feedPort, json = false }: PlayFlags,
  options: Readonly<{ concurrency: number; ratePerSecond?: number }>,
): Promise<void> {
  const keys = readKeys(file, process.env);
  const port = feedPort === undefined ? {} : { feedPort };
  const result = await play({
    deliveries,
    url,
    keys,
    ...port,
    options: { seed, retries: "seconds", ...options },
  });
  const { tookMs, ...counts } = result;
  if (json) printJson<"simulate">({ ...counts, duration_ms: Math.round(tookMs) });
  else printResult(result);
  if (result.refused > 0) process.exitCode = EXIT.findings;
}

function printResult(result: PlayResult): void {
  const { acknowledged, refused, frames, statuses, failure, refusal, tookMs } = result;
  const seconds = (tookMs / 1000).toFixed(1);
  print(
    `${counted(acknowledged, "webhook")} acknowledged, ${refused} refused, ${counted(frames, "frame")}, ${seconds} s`,
  );
  const answers = Object.entries(statuses).map(([status, count]) => `${count} × ${status}`);
  if (answers.length > 0) print(`Answers: ${answers.join(", ")}`);
  if (failure !== null) print(`Without an answer: ${failure}`);
  if (refusal !== null) print(describeRefusal(refusal));
}

const SAME_KEYS =
  "start the service with what `counterfoil simulate keys FILE` prints, and add `--keys FILE` here";

/** What to do about an answer, by its code. */
const ADVICE: Readonly<Record<string, string>> = {
  signature_missing: SAME_KEYS,
  signature_invalid: SAME_KEYS,
  channel_not_configured: SAME_KEYS,
  timestamp_stale: "set the clocks of both machines: one is more than 5 minutes off",
  payload_too_large: "raise COUNTERFOIL_MAX_BODY_BYTES of the service",
};

/** Of a gateway, or of another program. */
const WRONG_ADDRESS =
  "name with --url where `counterfoil start` or `counterfoil ingestor` accepts webhooks";

export function describeRefusal({ status, code, title, detail }: Refusal): string {
  const why = detail === null ? title : `${title}: ${detail}`;
  const advice = ADVICE[code ?? ""] ?? WRONG_ADDRESS;
  return `Refused with ${status}, so the rest was not sent. ${why}\n  ${advice}`;
}

type HistoryFlags = Readonly<{
  seed: string;
  scale: number;
  repeatRate: number;
  lossRate: number;
  shuffle?: boolean;
  rate?: number;
  concurrency: number;
}>;

/** A generated history, delivered over a bad network. */
function historyDeliveries(flags: HistoryFlags & Readonly<{ feeds: number }>): readonly Outgoing[] {
  const { seed, scale, repeatRate, lossRate, shuffle = false, feeds } = flags;
  const { deposits, withdrawals, transfers, trades, ...usual } = historyOptions({ seed });
  const history = generateHistory({
    ...usual,
    deposits: deposits * scale,
    withdrawals: withdrawals * scale,
    transfers: transfers * scale,
    trades: trades * scale,
    layer1Deposits: usual.layer1Deposits * scale,
    layer1Withdrawals: usual.layer1Withdrawals * scale,
  });
  const network = { seed, feeds, webhookRepeatRate: repeatRate, webhookLossRate: lossRate };
  const planned = planDeliveries(history, network);
  return shuffle ? shuffleDeliveries(planned, seed) : planned;
}

type Play = Readonly<{
  deliveries: readonly Outgoing[];
  url: string;
  keys: StandInKeys;
  /** The port of the Balances Feed; without it no feed is served. */
  feedPort?: number;
  options: PlayOptions;
}>;

/** Long enough to start the service in another window. */
const SUBSCRIPTION_WAIT_MS = 300_000;

/** Plays the provider against a running service. */
async function play({ deliveries, url, keys, feedPort, options }: Play): Promise<PlayResult> {
  const feeds = new Set(deliveries.flatMap((it) => (it.kind === "webhook" ? [] : [it.feed])));
  if (feeds.size > 0 && feedPort === undefined) throw new WrongUsage(FEED_MISSING);
  const baseUrl = url.replace(/\/+$/, "");
  await assertAnswers(baseUrl);
  const target = { baseUrls: [baseUrl], ...keys };
  if (feeds.size === 0) return playDeliveries(deliveries, target, options);
  const feed = await createFeedServer({
    port: feedPort ?? 0,
    waitMsMax: SUBSCRIPTION_WAIT_MS,
  });
  process.stderr.write(`the Balances Feed is served at ${feed.url}\n`);
  try {
    const feedServers = new Map([...feeds].map((name) => [name, feed]));
    return await playDeliveries(deliveries, { ...target, feedServers }, options);
  } finally {
    await closeAfterFrames(feed);
    await feed.stop();
  }
}

/** Checks that the service answers, before any webhook is sent. @throws ServiceUnreachable */
async function assertAnswers(baseUrl: string): Promise<void> {
  try {
    await fetch(`${baseUrl}/healthz`, { signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    const { cause = error } = error as Error;
    throw new ServiceUnreachable(baseUrl, (cause as Error).message);
  }
}

const FEED_MISSING = [
  "this needs a Balances Feed: serve one with --feed-port 9443, and start the service with",
  "COUNTERFOIL_ZEROHASH_FEED_URL=ws://127.0.0.1:9443 and any KEY, PASSPHRASE and base64 SECRET",
].join("\n");

/** Closes with a handshake, which follows every sent frame; a cut connection may lose some. */
async function closeAfterFrames(feed: FeedServer): Promise<void> {
  const closed = feed.connections().map(feed.waitForClose);
  feed.close();
  await Promise.all(closed);
}

/** The keys to sign with; without a provider's keys its webhooks are sent unsigned. */
type StandInKeys = Readonly<{ zeroHashKeys?: ZeroHashKeys; layer1Keys?: Layer1Keys }>;

type KeysFile = Readonly<{ zerohash_secret: string; layer1_private_key: string }>;

/**
 * The keys for a trial in a file that only its owner can read; created unless the file exists.
 *
 * @returns the variables for the service
 */
export function keepKeys(file: string): Readonly<Record<string, string>> {
  if (!existsSync(file)) createKeysFile(file);
  const { zeroHashKeys, layer1Keys } = readKeys(file, {});
  return {
    ...(zeroHashKeys && { COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: zeroHashKeys.secret }),
    ...(layer1Keys && { COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY: layer1PublicKeyBase64(layer1Keys) }),
  };
}

function createKeysFile(file: string): void {
  const { secret } = createZeroHashKeys();
  const pem = createLayer1Keys().privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const content: KeysFile = { zerohash_secret: secret, layer1_private_key: pem };
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
}

/** Reads the keys from the file, or the secret from the service's own variable. */
export function readKeys(file: string | undefined, env: NodeJS.ProcessEnv): StandInKeys {
  if (file === undefined) {
    const [secret] = (env.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET ?? "").split(",");
    return secret ? { zeroHashKeys: { secret: secret.trim() } } : {};
  }
  const keys = keysIn(textIn(file));
  if (keys !== null) return keys;
  throw new WrongUsage(
    `${file} holds no keys: \`counterfoil simulate keys FILE\` makes some in a new file`,
  );
}

/** @returns null if it is another text than that of `keepKeys` */
function keysIn(text: string): StandInKeys | null {
  try {
    const { zerohash_secret: secret, layer1_private_key: pem }: Partial<KeysFile> =
      JSON.parse(text);
    if (secret === undefined || pem === undefined) return null;
    return { zeroHashKeys: { secret }, layer1Keys: createLayer1Keys({ privateKeyPem: pem }) };
  } catch {
    return null;
  }
}

const HELP = `
Examples:
  $ counterfoil simulate keys keys.json
  $ counterfoil simulate layer1-deposit --keys keys.json
  $ counterfoil simulate history --seed 7 --repeat-rate 0.2 --shuffle`;
