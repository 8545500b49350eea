import type { QuarantinedRecord } from "@counterfoil/contracts/record";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { isOpen, readQuarantine } from "@counterfoil/processing/queries/quarantine";
import { type RetryResult, retryQuarantined } from "@counterfoil/processing/retry-quarantined";
import { Command } from "commander";
import { EXIT, WrongUsage } from "../error-report.ts";
import { print, printJson, renderTable } from "../output/print.ts";
import { JSON_OPTION, type JsonOption, withLedger } from "./context.ts";

export function quarantineCommand(): Command {
  return new Command("quarantine")
    .description("deliveries that nobody could read")
    .addCommand(listCommand())
    .addCommand(retryCommand());
}

type ListOptions = JsonOption & Readonly<{ all?: boolean }>;

function listCommand(): Command {
  return new Command("list")
    .description("show them, oldest first")
    .option("--all", "also those that were resolved since")
    .option(...JSON_OPTION)
    .action(async ({ all = false, json = false }: ListOptions) => {
      const deliveries = await withLedger("read", ({ stream }) => readQuarantine(stream));
      const shown = deliveries.filter((delivery) => all || isOpen(delivery));
      if (json) printJson(shown);
      else print(shown.length === 0 ? EMPTY : quarantineTable(shown));
    });
}

function retryCommand(): Command {
  return new Command("retry")
    .description("read them with the present translation")
    .argument("[delivery-id...]", "which (default: all that are not resolved)")
    .option(...JSON_OPTION)
    .action(async (ids: readonly string[], { json = false }: JsonOption) => {
      const results = await withLedger("write", async (backends) => {
        const known = await readQuarantine(backends.stream);
        const chosen =
          ids.length === 0 ? known.filter(isOpen) : ids.map((id) => chosenOf(known, id));
        const retried: RetryResult[] = [];
        for (const delivery of chosen) {
          retried.push(
            await retryQuarantined(delivery, { ...backends, translations: TRANSLATIONS }),
          );
        }
        return retried;
      });
      if (json) printJson(results);
      else print(results.length === 0 ? EMPTY : retryTable(results));
      if (results.some(({ outcome }) => outcome !== "resolved")) process.exitCode = EXIT.findings;
    });
}

/** @throws where no such delivery is quarantined */
function chosenOf(known: readonly QuarantinedRecord[], id: string): QuarantinedRecord {
  const found = known.find(({ delivery_id }) => delivery_id === id);
  if (found !== undefined) return found;
  throw new WrongUsage(`no delivery ${id} is in quarantine: \`quarantine list\` shows which are`);
}

const EMPTY = "Nothing is in quarantine.";

function quarantineTable(deliveries: readonly QuarantinedRecord[]): string {
  const columns = [
    { title: "delivery" },
    { title: "provider" },
    { title: "channel" },
    { title: "payload type" },
    { title: "received" },
    { title: "tries", align: "right" },
    { title: "why" },
  ] as const;
  const rows = deliveries.map((delivery) => [
    delivery.delivery_id,
    delivery.provider,
    delivery.channel,
    delivery.payload_type,
    delivery.received_at,
    delivery.attempts,
    `${delivery.reason}: ${delivery.detail}`,
  ]);
  return renderTable(columns, rows);
}

function retryTable(results: readonly RetryResult[]): string {
  const columns = [{ title: "delivery" }, { title: "outcome" }, { title: "why" }] as const;
  const rows = results.map(({ deliveryId, outcome, detail }) => [deliveryId, outcome, detail]);
  return renderTable(columns, rows);
}
