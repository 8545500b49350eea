import type { Backends } from "@counterfoil/adapters/connect";
import type { QuarantinedRecord } from "@counterfoil/contracts/record";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { type RetryResult, retryQuarantined } from "@counterfoil/processing/ingest/retranslate";
import {
  findQuarantined,
  isOpen,
  readQuarantine,
} from "@counterfoil/processing/queries/quarantine";
import { Command } from "commander";
import { EXIT, WrongUsage } from "../error-report.ts";
import { printJsonList, printTables, renderTable } from "../output/print.ts";
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
      await withLedger("read", async (backends) => {
        const shown = all ? readQuarantine(backends.stream, reading(backends)) : open(backends);
        await (json ? printJsonList(shown) : printTables(shown, quarantineTable, EMPTY));
      });
    });
}

function retryCommand(): Command {
  return new Command("retry")
    .description("read them with the present translation")
    .argument("[delivery-id...]", "which (default: all that are not resolved)")
    .option(...JSON_OPTION)
    .action(async (ids: readonly string[], { json = false }: JsonOption) => {
      await withLedger("write", async (backends) => {
        const chosen = ids.length === 0 ? open(backends) : await chosenOf(backends, ids);
        const results = retryAll(backends, chosen);
        await (json ? printJsonList(results) : printTables(results, retryTable, EMPTY));
      });
    });
}

const reading = ({ hashing }: Backends) => ({ translations: TRANSLATIONS, hashing });

async function* open(backends: Backends): AsyncGenerator<QuarantinedRecord> {
  for await (const delivery of readQuarantine(backends.stream, reading(backends))) {
    if (isOpen(delivery)) yield delivery;
  }
}

/** @throws where one of them is not quarantined */
async function chosenOf(
  backends: Backends,
  ids: readonly string[],
): Promise<readonly QuarantinedRecord[]> {
  const chosen: QuarantinedRecord[] = [];
  for (const id of ids) {
    const found = await findQuarantined(backends.stream, id, reading(backends));
    if (found !== null) chosen.push(found);
    else
      throw new WrongUsage(
        `no delivery ${id} is in quarantine: \`quarantine list\` shows which are`,
      );
  }
  return chosen;
}

async function* retryAll(
  backends: Backends,
  deliveries: AsyncIterable<QuarantinedRecord> | Iterable<QuarantinedRecord>,
): AsyncGenerator<RetryResult> {
  for await (const delivery of deliveries) {
    const result = await retryQuarantined(delivery, { ...backends, ...reading(backends) });
    if (result.outcome !== "resolved") process.exitCode = EXIT.findings;
    yield result;
  }
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
