import type { Outgoing } from "@counterfoil/simulator/play/outgoing";
import { scenarioDeliveries } from "@counterfoil/simulator/play/outgoing";
import type { PlayResult } from "@counterfoil/simulator/play/play-deliveries";
import { SCENARIOS } from "@counterfoil/simulator/scenarios/registry";
import type { Scenario } from "@counterfoil/simulator/scenarios/scenario";
import { Command } from "commander";
import { EXIT } from "../exit-code.ts";
import { print, printJson } from "../output/print.ts";
import { renderTable } from "../output/table.ts";
import { type HistoryFlags, historyDeliveries } from "../simulate/history.ts";
import { createKeysFile, readKeys } from "../simulate/keys.ts";
import { play } from "../simulate/play.ts";
import { JSON_OPTION, type JsonOption, parsePort, parsePositive, parseRate } from "./context.ts";

type PlayFlags = JsonOption &
  Readonly<{ url: string; seed: string; keys?: string; feedPort?: number }>;

/** The providers' other side, for trying out a running service. */
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
      if (json) printJson(flows);
      else print(renderTable(columns, rows));
    });
}

function keysCommand(): Command {
  return new Command("keys")
    .description("make throw-away keys in a file, and print what to start the service with")
    .argument("<file>", "for --keys of the other commands")
    .action((file: string) => {
      const variables = Object.entries(createKeysFile(file));
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
    .option("--repeat-rate <share>", "webhooks that come again", parseRate, 0.05)
    .option("--loss-rate <share>", "webhooks that never come", parseRate, 0)
    .option("--shuffle", "webhooks in any order at all")
    .option("--rate <n>", "webhooks per second (default: as fast as they are taken)", parsePositive)
    .option("--concurrency <n>", "webhooks under way at a time", parsePositive, 16)
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

function withPlayOptions(command: Command): Command {
  return command
    .option("--url <url>", "the service", "http://127.0.0.1:8080")
    .option("--seed <seed>", "of everything that is left to chance", "1")
    .option("--keys <file>", "made by `simulate keys`; without, the service's own variables")
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
  const result = await play({ deliveries, url, keys, ...port, options: { seed, ...options } });
  if (json) printJson(result);
  else printResult(result);
  if (result.refused > 0) process.exitCode = EXIT.findings;
}

function printResult({ acknowledged, refused, frames, statuses, tookMs }: PlayResult): void {
  const seconds = (tookMs / 1000).toFixed(1);
  print(
    `${acknowledged} webhooks acknowledged, ${refused} refused, ${frames} frames, ${seconds} s`,
  );
  const answers = Object.entries(statuses).map(([status, count]) => `${count} × ${status}`);
  if (answers.length > 0) print(`Answers: ${answers.join(", ")}`);
}

const HELP = `
Examples:
  $ counterfoil simulate keys keys.json
  $ counterfoil simulate layer1-deposit --keys keys.json
  $ counterfoil simulate history --seed 7 --repeat-rate 0.2 --shuffle`;
