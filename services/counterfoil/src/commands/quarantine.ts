import type { Backends } from "@counterfoil/adapters/connect";
import type { QuarantinedRecord } from "@counterfoil/contracts/operations-record";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { type RetryResult, retryQuarantined } from "@counterfoil/processing/ingest/retranslate";
import { dismissQuarantined } from "@counterfoil/processing/operator";
import {
  findQuarantined,
  needsAPerson,
  readQuarantine,
} from "@counterfoil/processing/queries/quarantine";
import { Command } from "commander";
import { EXIT, WrongUsage } from "../error-report.ts";
import { print, printJson, printJsonList, printTables, renderTable } from "../output/print.ts";
import {
  ACTOR_OPTION,
  type ActorOption,
  type ActorOptions,
  actorOf,
  JSON_OPTION,
  type JsonOption,
  NOTE_OPTION,
  withLedger,
  withLedgerActed,
} from "./context.ts";

export function quarantineCommand(): Command {
  return new Command("quarantine")
    .description("deliveries that nobody could read")
    .addCommand(listCommand())
    .addCommand(retryCommand())
    .addCommand(dismissCommand());
}

type ListOptions = JsonOption & Readonly<{ all?: boolean }>;

function listCommand(): Command {
  return new Command("list")
    .description("show those that need a person, oldest first")
    .option("--all", "behind them also those that were dismissed or resolved")
    .option(...JSON_OPTION)
    .action(async ({ all = false, json = false }: ListOptions) => {
      await withLedger("read", async (backends) => {
        const shown = all ? openFirst(backends) : chosen(backends, needsAPerson);
        await (json ? printJsonList(shown) : printTables(shown, quarantineTable, EMPTY));
      });
    });
}

function retryCommand(): Command {
  return new Command("retry")
    .description("read them with the present translation")
    .argument("[delivery-id...]", "which (default: all that are neither resolved nor dismissed)")
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .action(async (ids: readonly string[], { json = false, ...by }: ActorOption & JsonOption) => {
      const targets = ids.length === 0 ? [undefined] : ids;
      await withLedgerActed({ action: "retry", targets, actor: actorOf(by) }, async (backends) => {
        const asked =
          ids.length === 0 ? chosen(backends, needsAPerson) : await namedOf(backends, ids);
        const results = retryAll(backends, asked);
        await (json ? printJsonList(results) : printTables(results, retryTable, EMPTY));
      });
    });
}

function dismissCommand(): Command {
  return new Command("dismiss")
    .description("say that a delivery needs nobody: it leaves the list and the counts")
    .argument("<delivery-id>", "as `quarantine list` shows it")
    .requiredOption(...NOTE_OPTION)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .action(async (id: string, { note, json = false, ...by }: ActorOptions & JsonOption) => {
      const word = { id, note, actor: actorOf({ ...by, note }) };
      const dismissed = await withLedger("write", (backends) =>
        dismissQuarantined({ ...backends, ...reading(backends) }, word),
      );
      if (json) printJson(dismissed);
      else print(`${id} is dismissed by ${dismissed.acknowledged_by}: ${dismissed.note}`);
    });
}

const reading = ({ hashing }: Backends) => ({ translations: TRANSLATIONS, hashing });

async function* chosen(
  backends: Backends,
  isMeant: (delivery: QuarantinedRecord) => boolean,
): AsyncGenerator<QuarantinedRecord> {
  for await (const delivery of readQuarantine(backends.stream, reading(backends))) {
    if (isMeant(delivery)) yield delivery;
  }
}

async function* openFirst(backends: Backends): AsyncGenerator<QuarantinedRecord> {
  yield* chosen(backends, needsAPerson);
  yield* chosen(backends, (delivery) => !needsAPerson(delivery));
}

/** @throws where one of them is not quarantined */
async function namedOf(
  backends: Backends,
  ids: readonly string[],
): Promise<readonly QuarantinedRecord[]> {
  const named: QuarantinedRecord[] = [];
  for (const id of ids) {
    const found = await findQuarantined(backends.stream, id, reading(backends));
    if (found !== null) named.push(found);
    else
      throw new WrongUsage(
        `no delivery ${id} is in quarantine: \`quarantine list\` shows which are`,
      );
  }
  return named;
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
