import type { Backends } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import {
  type AnomalyKind,
  type AnomalyRecord,
  anomalyKind,
  type QuarantinedRecord,
  type RetryRecord,
} from "@counterfoil/contracts/operations-record";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { retryQuarantined } from "@counterfoil/processing/ingest/retry-quarantined";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import {
  acknowledgeAnomaly,
  dismissQuarantined,
  notQuarantined,
  recordAction,
} from "@counterfoil/processing/operator";
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
import { EXIT } from "../error-report.ts";
import { print, printJson, printJsonList, printTables, renderTable } from "../output/print.ts";
import { READING } from "../threads/reading.ts";
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
    .description("list open anomalies: first the unacknowledged ones, the newest first")
    .option("--all", "also closed ones")
    .option("--kind <kind>", "only this kind", parseKind)
    .option("--model <model>", "only this model's", parseModel)
    .option(...JSON_OPTION)
    .action(async ({ json = false, ...options }: AnomaliesOptions) => {
      await withLedger("read", (backends) =>
        withModels(backends, async (models) => {
          const listed = readAll(backends, models, options);
          await (json
            ? printJsonList<"anomalies list">(listed)
            : printTables(listed, anomalyTable, "Nothing needs a person."));
        }),
      );
    });
}

function acknowledgeCommand(): Command {
  return new Command("acknowledge")
    .description("acknowledge an anomaly: it needs nobody until it changes")
    .argument("<anomaly-id>", "as `anomalies list` shows it")
    .requiredOption(...NOTE_OPTION)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .action(async (id: string, { note, json = false, ...by }: ActorOptions & JsonOption) => {
      const actor = actorOf({ ...by, note });
      const position = await withLedger("write", (backends) =>
        withModels(backends, (models) =>
          acknowledgeAnomaly(
            { ...backends, models, rule: currentStuckRule(backends), platform: null },
            { id, note, actor },
          ),
        ),
      );
      if (json)
        printJson<"anomalies acknowledge">({
          anomaly_id: id,
          note,
          actor,
          position: String(position),
        });
      else print(`${id} is acknowledged by ${actor}, at position ${position}`);
    });
}

const currentStuckRule = ({ clock }: Backends) => stuckRule(clock.now(), stuckAfterSeconds());

const PAGE = 200;

/** Reads all anomalies page by page, in the order of `GET /v1/anomalies`. */
async function* readAll(
  backends: Backends,
  models: ServedModels,
  { all = false, kind, model: only }: Omit<AnomaliesOptions, "json">,
): AsyncGenerator<AnomalyRecord> {
  const filters = {
    ...(kind === undefined ? {} : { kind: [kind] }),
    ...(all ? {} : { open: true }),
  };
  const rule = currentStuckRule(backends);
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
    .description("deliveries that could not be translated")
    .addCommand(listQuarantineCommand())
    .addCommand(retryCommand())
    .addCommand(dismissCommand());
}

type QuarantineOptions = JsonOption & Readonly<{ all?: boolean }>;

function listQuarantineCommand(): Command {
  return new Command("list")
    .description("list the deliveries that need a person, oldest first")
    .option("--all", "then also those that were dismissed or resolved")
    .option(...JSON_OPTION)
    .action(async ({ all = false, json = false }: QuarantineOptions) => {
      await withLedger("read", async (backends) => {
        const listed = all ? openFirst(backends) : filterQuarantine(backends, needsAPerson);
        await (json
          ? printJsonList<"quarantine list">(listed)
          : printTables(listed, quarantineTable, NOT_QUARANTINED));
      });
    });
}

function retryCommand(): Command {
  return new Command("retry")
    .description("retry deliveries with the current translation")
    .argument("[delivery-id...]", "which (default: all that are neither resolved nor dismissed)")
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .action(async (ids: readonly string[], { json = false, ...by }: ActorOption & JsonOption) => {
      const actor = actorOf(by);
      await withLedger("write", async (backends) => {
        const acted = (target?: string) =>
          recordAction(backends, { action: "retry", target, actor });
        const asked =
          ids.length === 0
            ? afterActing(filterQuarantine(backends, needsAPerson), acted)
            : await findByIds(backends, ids);
        for (const id of ids) await acted(id);
        const results = retryAll(backends, asked);
        await (json
          ? printJsonList<"quarantine retry">(results)
          : printTables(results, retryTable, NOT_QUARANTINED));
      });
    });
}

function dismissCommand(): Command {
  return new Command("dismiss")
    .description("dismiss a delivery: it is removed from the list and the counts")
    .argument("<delivery-id>", "as `quarantine list` shows it")
    .requiredOption(...NOTE_OPTION)
    .option(...ACTOR_OPTION)
    .option(...JSON_OPTION)
    .action(async (id: string, { note, json = false, ...by }: ActorOptions & JsonOption) => {
      const dismissal = { id, note, actor: actorOf({ ...by, note }) };
      const dismissed = await withLedger("write", (backends) =>
        dismissQuarantined({ ...backends, ...translationOf(backends) }, dismissal),
      );
      if (json) printJson<"quarantine dismiss">(dismissed);
      else print(`${id} is dismissed by ${dismissed.acknowledged_by}: ${dismissed.note}`);
    });
}

const translationOf = ({ hashing }: Backends) => ({ translations: TRANSLATIONS, hashing });

async function* filterQuarantine(
  backends: Backends,
  isIncluded: (delivery: QuarantinedRecord) => boolean,
): AsyncGenerator<QuarantinedRecord> {
  for await (const delivery of readQuarantine(backends.stream, translationOf(backends))) {
    if (isIncluded(delivery)) yield delivery;
  }
}

async function* openFirst(backends: Backends): AsyncGenerator<QuarantinedRecord> {
  yield* filterQuarantine(backends, needsAPerson);
  yield* filterQuarantine(backends, (delivery) => !needsAPerson(delivery));
}

/** The items; the action on all of them is recorded before the first. */
async function* afterActing<T>(
  items: AsyncIterable<T>,
  acted: () => Promise<unknown>,
): AsyncGenerator<T> {
  let isRecorded = false;
  for await (const item of items) {
    if (!isRecorded) await acted();
    isRecorded = true;
    yield item;
  }
}

/** @throws NothingThere if one of them is not quarantined */
async function findByIds(
  backends: Backends,
  ids: readonly string[],
): Promise<readonly QuarantinedRecord[]> {
  const deliveries: QuarantinedRecord[] = [];
  for (const id of ids) {
    const found = await findQuarantined(backends.stream, id, translationOf(backends));
    if (found === null) throw notQuarantined(id);
    deliveries.push(found);
  }
  return deliveries;
}

async function* retryAll(
  backends: Backends,
  deliveries: AsyncIterable<QuarantinedRecord> | Iterable<QuarantinedRecord>,
): AsyncGenerator<RetryRecord> {
  for await (const delivery of deliveries) {
    const result = await retryQuarantined(delivery, { ...backends, ...READING });
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

function retryTable(results: readonly RetryRecord[]): string {
  const columns = [{ title: "delivery" }, { title: "outcome" }, { title: "why" }] as const;
  const rows = results.map(({ delivery_id, outcome, detail }) => [delivery_id, outcome, detail]);
  return renderTable(columns, rows);
}
