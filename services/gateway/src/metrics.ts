import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { anomalyKind } from "@counterfoil/contracts/operations-record";
import { timeOf } from "@counterfoil/core/exact/time";
import { type Clock, SCRAPE_MS_MAX, withinMs } from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { type Lag, lagBehind, type ServedModels } from "@counterfoil/processing/queries/serving";
import { type ModelAttention, readAttention } from "@counterfoil/processing/queries/status";
import { Gauge, type Registry } from "prom-client";

type LedgerMetricsOptions = Readonly<{
  registry: Registry;
  stream: Pick<EventStream, "head" | "read">;
  models: Pick<ServedModels, "snapshot">;
  clock: Clock;
  config: Readonly<{ COUNTERFOIL_STUCK_AFTER: number }>;
}>;

/** What one scrape is told of a model; null: it could not be read in time. */
type Figures = ReadonlyMap<ModelName, (ModelAttention & Readonly<{ lag: Lag }>) | null>;

/**
 * Registers what the models say of the ledger. One scrape reads each model once; a model that cannot
 * be read is NaN where it had a figure of its own, and `counterfoil_model_unreadable` says so.
 */
export function measureLedger(options: LedgerMetricsOptions): void {
  const read = createFigures(options);
  for (const { labelNames = [], set, ...gauge } of GAUGES) {
    new Gauge({
      ...gauge,
      labelNames: [...labelNames],
      registers: [options.registry],
      async collect() {
        const figures = await read();
        this.reset();
        set(figures, (labels, value) => this.set(labels, value));
      },
    });
  }
}

/** The figures of a scrape; the gauges of one share them. */
function createFigures({ stream, models, clock, config }: LedgerMetricsOptions) {
  let reading: Promise<Figures> | null = null;

  async function figuresOf(model: ModelName) {
    const rule = stuckRule(clock.now(), config.COUNTERFOIL_STUCK_AFTER);
    const position = await models.snapshot(model, async (_rows, at) => at.position);
    const lag = await lagBehind(stream, position, clock.now());
    return { ...(await readAttention(models, model, rule)), lag };
  }

  async function readAll(): Promise<Figures> {
    const each = modelName.options.map(
      async (model) => [model, await withinMs(figuresOf(model), SCRAPE_MS_MAX, clock)] as const,
    );
    return new Map(await Promise.all(each));
  }

  return (): Promise<Figures> => {
    reading ??= readAll().finally(() => {
      reading = null;
    });
    return reading;
  };
}

type Set = (labels: Readonly<Record<string, string>>, value: number) => void;

type GaugeDefinition = Readonly<{
  name: string;
  help: string;
  labelNames?: readonly string[];
  set: (figures: Figures, set: Set) => void;
}>;

const GAUGES: readonly GaugeDefinition[] = [
  {
    name: "counterfoil_model_unreadable",
    help: "1 where the model cannot be read just now, and says nothing of the ledger",
    labelNames: ["model"],
    set: (figures, set) => eachModel(figures, set, (found) => Number(found === null)),
  },
  {
    name: "counterfoil_projection_lag_events",
    help: "Events of the stream that the served generation of a model has not folded",
    labelNames: ["model"],
    set: (figures, set) => eachModel(figures, set, (found) => found?.lag.events ?? Number.NaN),
  },
  {
    name: "counterfoil_model_lag_seconds",
    help: "How long the oldest event has waited that the served generation has not folded",
    labelNames: ["model"],
    set: (figures, set) => eachModel(figures, set, (found) => found?.lag.seconds ?? Number.NaN),
  },
  {
    name: "counterfoil_open_anomalies",
    help: "Anomalies that are open, by kind",
    labelNames: ["kind"],
    set: (figures, set) => eachKind(figures, set, "open"),
  },
  {
    name: "counterfoil_unacknowledged_anomalies",
    help: "Anomalies that are open and that nobody has acknowledged, by kind",
    labelNames: ["kind"],
    set: (figures, set) => eachKind(figures, set, "unacknowledged"),
  },
  {
    name: "counterfoil_unlisted_accounts",
    help: "Accounts that the last complete snapshot of the feed leaves out",
    set(figures, set) {
      const found = figures.get("balances");
      const unlisted = found?.anomalies.find(({ kind }) => kind === "unlisted");
      set({}, found ? (unlisted?.open ?? 0) : Number.NaN);
    },
  },
  {
    name: "counterfoil_quarantined_deliveries",
    help: "Deliveries that nobody could read, and that nobody has dismissed",
    set: (figures, set) =>
      set({}, figures.get("balances")?.ledger?.quarantined.unacknowledged ?? Number.NaN),
  },
  {
    name: "counterfoil_stuck_records",
    help: "Records that stay in a stage for longer than COUNTERFOIL_STUCK_AFTER",
    labelNames: ["model", "stage"],
    set(figures, set) {
      for (const found of figures.values()) {
        for (const { model, stage, open } of found?.stuck ?? []) set({ model, stage }, open);
      }
    },
  },
  {
    name: "counterfoil_last_delivery_timestamp_seconds",
    help: "When a provider last sent something that was recorded",
    labelNames: ["provider", "channel"],
    set(figures, set) {
      for (const last of figures.get("balances")?.ledger?.lastDeliveries ?? []) {
        const { provider, channel, recorded_at } = last;
        set({ provider, channel }, Number(timeOf(recorded_at) / 1_000_000n) / 1000);
      }
    },
  },
];

type ModelFigures = Figures extends ReadonlyMap<ModelName, infer Found> ? Found : never;

function eachModel(figures: Figures, set: Set, figureOf: (found: ModelFigures) => number): void {
  for (const [model, found] of figures) set({ model }, figureOf(found));
}

/** A sum of which a part is missing is none. */
function eachKind(figures: Figures, set: Set, which: "open" | "unacknowledged"): void {
  const isWhole = [...figures.values()].every((found) => found !== null);
  const counts = [...figures.values()].flatMap((found) => [
    ...(found?.anomalies ?? []),
    ...(found?.stuck ?? []).map((stuck) => ({ kind: "stuck", ...stuck })),
  ]);
  for (const kind of anomalyKind.options) {
    const of = counts.filter((one) => one.kind === kind);
    const sum = of.reduce((total, one) => total + one[which], 0);
    set({ kind }, isWhole ? sum : Number.NaN);
  }
}
