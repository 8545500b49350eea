import type { ModelName } from "@counterfoil/contracts/fact";
import type {
  AnomalyCount,
  AttentionCount,
  FeedStatus,
  LastDelivery,
  StuckCount,
} from "@counterfoil/contracts/operations-record";
import { formatTime, type Nanos } from "@counterfoil/core/exact/time";
import { ATTENTION_COUNTS } from "../models/columns.ts";
import { LAST_DELIVERIES, QUARANTINED_KIND, readLastFeed } from "../models/deliveries.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { positionIn, textIn } from "./cell.ts";
import type { ServedModels } from "./serving.ts";
import { countStuck, isLifecycle, type StuckRule } from "./stuck.ts";

/** What one model knows that an operator asks for; each figure costs a row, however many it counts. */
export type ModelAttention = Readonly<{
  anomalies: readonly AnomalyCount[];
  stuck: readonly StuckCount[];
  /** What the balances model alone knows. */
  ledger: LedgerAttention | null;
}>;

export type LedgerAttention = Readonly<{
  quarantined: AttentionCount;
  lastDeliveries: readonly LastDelivery[];
  feed: FeedStatus | null;
}>;

/** @throws where the model cannot be read */
export function readAttention(
  models: Pick<ServedModels, "snapshot">,
  model: ModelName,
  rule: StuckRule,
): Promise<ModelAttention> {
  return models.snapshot(model, async (rows) => {
    const counted = await rows.select(ATTENTION_COUNTS, { orderBy: ["kind"], limit: KINDS_MAX });
    const anomalies = counted
      .filter(({ kind, open }) => kind !== QUARANTINED_KIND && Number(open) > 0)
      .map((row) => ({ model, kind: row.kind as AnomalyCount["kind"], ...countIn(row) }));
    if (isLifecycle(model)) {
      return { anomalies, stuck: await countStuck(rows, model, rule), ledger: null };
    }
    const quarantined = countIn(counted.find(({ kind }) => kind === QUARANTINED_KIND));
    return { anomalies, stuck: [], ledger: { quarantined, ...(await readArrivals(rows)) } };
  });
}

const KINDS_MAX = 1000;

const countIn = (row: Row | undefined): AttentionCount => ({
  open: Number(row?.open ?? 0),
  unacknowledged: Number(row?.unacknowledged ?? 0),
});

async function readArrivals(rows: Rows): Promise<Omit<LedgerAttention, "quarantined">> {
  const last = await rows.select(LAST_DELIVERIES, {
    orderBy: ["provider", "channel"],
    limit: KINDS_MAX,
  });
  const feed = await readLastFeed(rows);
  return {
    lastDeliveries: last.map(({ provider, channel, recorded_at, position }) => ({
      provider: provider as LastDelivery["provider"],
      channel: channel as LastDelivery["channel"],
      recorded_at: formatTime(recorded_at as Nanos),
      position: positionIn(position),
    })),
    feed: feed && feedIn(feed),
  };
}

const feedIn = ({ state, since, connection, reason }: Row): FeedStatus => ({
  state: state as FeedStatus["state"],
  since: formatTime(since as Nanos),
  connection: String(connection),
  reason: textIn(reason),
});
