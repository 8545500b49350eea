import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { anomalyKind } from "@counterfoil/contracts/operations-record";
import { timeOf } from "@counterfoil/core/exact/time";
import {
  type Clock,
  SCRAPE_MS_MAX,
  shareAnswer,
  withinMs,
} from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { type Lag, lagBehind } from "@counterfoil/processing/queries/lag";
import type { ServedModels } from "@counterfoil/processing/queries/serving";
import { type ModelAttention, readAttention } from "@counterfoil/processing/queries/status";
import { Gauge, type Registry } from "prom-client";

type LedgerMetricsOptions = Readonly<{
  registry: Registry;
  stream: Pick<EventStream, "head" | "read">;
  models: Pick<ServedModels, "snapshot">;
  clock: Clock;
  config: Readonly<{ COUNTERFOIL_STUCK_AFTER: number }>;
}>;

/** The figures of one scrape by model; null: the model could not be read in time. */
type Figures = ReadonlyMap<ModelName, (ModelAttention & Readonly<{ lag: Lag }>) | null>;

/**
 * Registers the metrics that the models give of the ledger. One scrape reads each model once; the
 * figures of a model that cannot be read are NaN, and `counterfoil_model_unreadable` is 1 for it.
 */
export function measureLedger(options: LedgerMetricsOptions): void {
  const readFigures = createFiguresReader(options);
  for (const { labelNames = [], set, ...gauge } of GAUGES) {
    new Gauge({
      ...gauge,
      labelNames: [...labelNames],
      registers: [options.registry],
      async collect() {
        const figures = await readFigures();
        this.reset();
        set(figures, (labels, value) => this.set(labels, value));
      },
    });
  }
}

/** Registers the number of open streams of `/v1/changes`. */
export function measureStreams(
  { count }: Readonly<{ count: () => number }>,
  registry: Registry,
): void {
  new Gauge({
    name: "counterfoil_change_streams",
    help: "Streams of /v1/changes that are open in this process",
    registers: [registry],
    collect() {
      this.set(count());
    },
  });
}

/** Reads the figures of a scrape; all gauges of the scrape share one read. */
function createFiguresReader({ stream, models, clock, config }: LedgerMetricsOptions) {
  async function figuresOf(model: ModelName) {
    const rule = stuckRule(clock.now(), config.COUNTERFOIL_STUCK_AFTER);
    const position = await models.snapshot(model, async (_rows, at) => at.position);
    const lag = await lagBehind(stream, position, clock.now());
    return { ...(await readAttention(models, model, rule)), lag };
  }

  return shareAnswer(async (): Promise<Figures> => {
    const each = modelName.options.map(
      async (model) => [model, await withinMs(figuresOf(model), SCRAPE_MS_MAX, clock)] as const,
    );
    return new Map(await Promise.all(each));
  });
}

type SetValue = (labels: Readonly<Record<string, string>>, value: number) => void;

type GaugeDefinition = Readonly<{
  name: string;
  help: string;
  labelNames?: readonly string[];
  set: (figures: Figures, set: SetValue) => void;
}>;

const GAUGES: readonly GaugeDefinition[] = [
  {
    name: "counterfoil_model_unreadable",
    help: "1 if the model cannot be read now, so that its figures are missing",
    labelNames: ["model"],
    set: (figures, set) => setPerModel(figures, set, (found) => Number(found === null)),
  },
  {
    name: "counterfoil_projection_lag_events",
    help: "Events of the stream that the served generation of a model has not processed",
    labelNames: ["model"],
    set: (figures, set) => setPerModel(figures, set, (found) => found?.lag.events ?? Number.NaN),
  },
  {
    name: "counterfoil_model_lag_seconds",
    help: "How long the oldest event that the served generation has not processed has waited",
    labelNames: ["model"],
    set: (figures, set) => setPerModel(figures, set, (found) => found?.lag.seconds ?? Number.NaN),
  },
  {
    name: "counterfoil_open_anomalies",
    help: "Anomalies that are open, by kind",
    labelNames: ["kind"],
    set: (figures, set) => setPerKind(figures, set, "open"),
  },
  {
    name: "counterfoil_unacknowledged_anomalies",
    help: "Anomalies that are open and not acknowledged, by kind",
    labelNames: ["kind"],
    set: (figures, set) => setPerKind(figures, set, "unacknowledged"),
  },
  {
    name: "counterfoil_unlisted_accounts",
    help: "Accounts that are missing from the feed's last complete snapshot",
    set(figures, set) {
      const found = figures.get("balances");
      const unlisted = found?.anomalies.find(({ kind }) => kind === "unlisted");
      set({}, found ? (unlisted?.open ?? 0) : Number.NaN);
    },
  },
  {
    name: "counterfoil_quarantined_deliveries",
    help: "Deliveries in quarantine that are not dismissed",
    set: (figures, set) =>
      set({}, figures.get("balances")?.ledger?.quarantined.unacknowledged ?? Number.NaN),
  },
  {
    name: "counterfoil_stuck_records",
    help: "Records that have been in a stage for longer than COUNTERFOIL_STUCK_AFTER",
    labelNames: ["model", "stage"],
    set(figures, set) {
      for (const found of figures.values()) {
        for (const { model, stage, open } of found?.stuck ?? []) set({ model, stage }, open);
      }
    },
  },
  {
    name: "counterfoil_last_delivery_timestamp_seconds",
    help: "When the last recorded delivery of a provider arrived",
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

function setPerModel(
  figures: Figures,
  set: SetValue,
  select: (found: ModelFigures) => number,
): void {
  for (const [model, found] of figures) set({ model }, select(found));
}

/** Sets NaN if a model is missing, since the sums would be too low. */
function setPerKind(figures: Figures, set: SetValue, which: "open" | "unacknowledged"): void {
  const isComplete = [...figures.values()].every((found) => found !== null);
  const counts = [...figures.values()].flatMap((found) => [
    ...(found?.anomalies ?? []),
    ...(found?.stuck ?? []).map((stuck) => ({ kind: "stuck", ...stuck })),
  ]);
  for (const kind of anomalyKind.options) {
    const ofKind = counts.filter((one) => one.kind === kind);
    const sum = ofKind.reduce((total, one) => total + one[which], 0);
    set({ kind }, isComplete ? sum : Number.NaN);
  }
}
