import type { Backends } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import {
  type AnomalyKind,
  type AnomalyRecord,
  anomalyKind,
  type QuarantinedRecord,
} from "@counterfoil/contracts/operations-record";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { type RetryResult, retryQuarantined } from "@counterfoil/processing/ingest/retranslate";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { acknowledgeAnomaly, dismissQuarantined } from "@counterfoil/processing/operator";
import {
  type AnomalyPart,
  mergeAnomalies,
  readAnomalies,
} from "@counterfoil/processing/queries/anomalies";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import type { PageRequest } from "@counterfoil/processing/queries/answers";
import {
  findQuarantined,
  needsAPerson,
  readQuarantine,
} from "@counterfoil/processing/queries/quarantine";
import type { ServedModels } from "@counterfoil/processing/queries/serving";
import { Command, InvalidArgumentError } from "commander";
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
  parseModel,
  stuckAfterSeconds,
  withLedger,
  withLedgerActed,
  withModels,
} from "./context.ts";

export function anomaliesCommand(): Command {
  return new Command("anomalies")
    .description("what needs a person: gaps, contradictions, clocks, records that are stuck")
    .addCommand(listAnomaliesCommand())
    .addCommand(acknowledgeCommand());
}

type AnomaliesOptions = JsonOption &
  Readonly<{ all?: boolean; kind?: AnomalyKind; model?: ModelName }>;

function listAnomaliesCommand(): Command {
  return new Command("list")
    .description("show the open ones: first those that nobody has acknowledged, the newest first")
    .option("--all", "also those that were closed since")
    .option("--kind <kind>", "only this kind", parseKind)
    .option("--model <model>", "only this model's", parseModel)
    .option(...JSON_OPTION)
    .action(async ({ json = false, ...options }: AnomaliesOptions) => {
      await withLedger("read", (backends) =>
        withModels(backends, async (models) => {
          const shown = readAll(backends, models, options);
          await (json
            ? printJsonList(shown)
            : printTables(shown, anomalyTable, "Nothing needs a person."));
        }),
      );
    });
}

function acknowledgeCommand(): Command {
  return new Command("acknowledge")
    .description("say that you know of an anomaly as it is: it needs nobody until it changes")
    .argument("<anomaly-id>", "as `anomalies list` shows it")
    .requiredOption(...NOTE_OPTION)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .action(async (id: string, { note, json = false, ...by }: ActorOptions & JsonOption) => {
      const actor = actorOf({ ...by, note });
      const position = await withLedger("write", (backends) =>
        withModels(backends, (models) =>
          acknowledgeAnomaly(
            { ...backends, models, rule: ruleNow(backends), platform: null },
            { id, note, actor },
          ),
        ),
      );
      if (json) printJson({ anomaly_id: id, note, actor, position: String(position) });
      else print(`${id} is acknowledged by ${actor}, at position ${position}`);
    });
}

const ruleNow = ({ clock }: Backends) => stuckRule(clock.now(), stuckAfterSeconds());

const PAGE = 200;

/** Page by page, as the interface answers it. */
async function* readAll(
  backends: Backends,
  models: ServedModels,
  { all = false, kind, model: only }: Omit<AnomaliesOptions, "json">,
): AsyncGenerator<AnomalyRecord> {
  const filters = {
    ...(kind === undefined ? {} : { kind: [kind] }),
    ...(all ? {} : { open: true }),
  };
  const rule = ruleNow(backends);
  const { nextTurn } = backends.clock;
  for (let page: PageRequest | null = { limit: PAGE, beyond: null }; page !== null; ) {
    const request: PageRequest = page;
    const parts: AnomalyPart[] = [];
    for (const model of only === undefined ? MODEL_NAMES : [only]) {
      const query = { model, filters, page: request, rule, platform: null, nextTurn };
      parts.push(...(await models.snapshot(model, (rows) => readAnomalies(rows, query))));
    }
    const { data, next } = mergeAnomalies(parts, PAGE);
    yield* data;
    page = next && { limit: PAGE, beyond: next };
  }
}

function parseKind(text: string): AnomalyKind {
  const read = anomalyKind.safeParse(text);
  if (read.success) return read.data;
  throw new InvalidArgumentError(`expected one of ${anomalyKind.options.join(", ")}`);
}

function anomalyTable(anomalies: readonly AnomalyRecord[]): string {
  const columns = [
    { title: "anomaly" },
    { title: "model" },
    { title: "opened" },
    { title: "acknowledged by" },
    { title: "what" },
  ] as const;
  const rows = anomalies.map((one) => [
    one.id,
    one.model,
    one.opened_at,
    one.acknowledged_by,
    one.note ?? JSON.stringify(one.detail),
  ]);
  return renderTable(columns, rows);
}

export function quarantineCommand(): Command {
  return new Command("quarantine")
    .description("deliveries that nobody could read")
    .addCommand(listQuarantineCommand())
    .addCommand(retryCommand())
    .addCommand(dismissCommand());
}

type QuarantineOptions = JsonOption & Readonly<{ all?: boolean }>;

function listQuarantineCommand(): Command {
  return new Command("list")
    .description("show those that need a person, oldest first")
    .option("--all", "behind them also those that were dismissed or resolved")
    .option(...JSON_OPTION)
    .action(async ({ all = false, json = false }: QuarantineOptions) => {
      await withLedger("read", async (backends) => {
        const shown = all ? openFirst(backends) : chosen(backends, needsAPerson);
        await (json ? printJsonList(shown) : printTables(shown, quarantineTable, NOT_QUARANTINED));
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
        await (json ? printJsonList(results) : printTables(results, retryTable, NOT_QUARANTINED));
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

const NOT_QUARANTINED = "Nothing is in quarantine.";

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
