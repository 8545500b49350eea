import type { Backends } from "@counterfoil/adapters/connect";
import type { ModelName } from "@counterfoil/contracts/fact";
import {
  type AnomalyKind,
  type AnomalyRecord,
  anomalyKind,
} from "@counterfoil/contracts/operations-record";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { acknowledgeAnomaly } from "@counterfoil/processing/operator";
import {
  type AnomalyPart,
  mergeAnomalies,
  readAnomalies,
} from "@counterfoil/processing/queries/anomalies";
import type { PageRequest } from "@counterfoil/processing/queries/answers";
import type { ServedModels } from "@counterfoil/processing/queries/serving";
import { stuckRule } from "@counterfoil/processing/queries/stuck";
import { Command, InvalidArgumentError } from "commander";
import { print, printJson, printJsonList, printTables, renderTable } from "../output/print.ts";
import {
  ACTOR_OPTION,
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
    .addCommand(listCommand())
    .addCommand(acknowledgeCommand());
}

type ListOptions = JsonOption & Readonly<{ all?: boolean; kind?: AnomalyKind; model?: ModelName }>;

function listCommand(): Command {
  return new Command("list")
    .description("show the open ones: first those that nobody has acknowledged, the newest first")
    .option("--all", "also those that were closed since")
    .option("--kind <kind>", "only this kind", parseKind)
    .option("--model <model>", "only this model's", parseModel)
    .option(...JSON_OPTION)
    .action(async ({ json = false, ...options }: ListOptions) => {
      await withLedger("read", (backends) =>
        withModels(backends, async (models) => {
          const shown = readAll(backends, models, options);
          await (json ? printJsonList(shown) : printTables(shown, anomalyTable, EMPTY));
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
  { all = false, kind, model: only }: Omit<ListOptions, "json">,
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

const EMPTY = "Nothing needs a person.";

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
