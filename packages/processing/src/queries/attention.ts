import type { ModelName } from "@counterfoil/contracts/fact";
import type {
  AnomalyCount,
  AttentionCount,
  FeedStatus,
  LastDelivery,
  StatusRecord,
  StuckCount,
} from "@counterfoil/contracts/operations-record";
import { formatTime, type Nanos, timeOf } from "@counterfoil/core/exact/time";
import { ATTENTION_COUNTS } from "../models/columns.ts";
import { LAST_DELIVERIES, QUARANTINED_KIND, readLastFeed } from "../models/deliveries.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { positionIn, textIn } from "./answers.ts";
import type { ServedModels } from "./serving.ts";
import { secondsSince } from "./serving.ts";
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

/** What a person has to look at, and what to do about it. */
export type Need = StatusRecord["needs_a_person"][number];

type Facts = Omit<StatusRecord, "needs_a_person">;
type Circumstances = Readonly<{
  now: Nanos;
  isPublishing: boolean;
  followsFeed: boolean;
  isHeadKeyUsable: boolean;
}>;

/** What passes by itself passes sooner. */
const FEED_SECONDS_MAX = 300;
const PUBLISHER_SECONDS_MAX = 900;

/** Of a status, what needs a person; what was acknowledged or dismissed needs nobody any more. */
export function needsOf(status: Facts, circumstances: Circumstances): Need[] {
  return [
    ...modelNeeds(status),
    ...publisherNeeds(status, circumstances),
    ...feedNeeds(status, circumstances),
    ...anomalyNeeds(status),
    ...quarantineNeeds(status),
    ...stuckNeeds(status),
    ...(circumstances.isHeadKeyUsable ? [] : [HEAD_KEY_NEED]),
  ];
}

const HEAD_KEY_NEED: Need = {
  what: "no head can be signed: the key's file cannot be used",
  do: "`counterfoil head` says what is wrong with it; put the installation's key there, see docs/audit.md",
};

const MODEL_ADVICE: Readonly<Record<string, string>> = {
  waiting: "start a projector",
  stopped: "start a projector, or see why it ended in its log",
  forked: "find out why the stream is another one, then `counterfoil rebuild`",
  unreadable: "`counterfoil rebuild` it",
};

function modelNeeds({ projections }: Facts): Need[] {
  return projections.flatMap(({ name, state, lag }) => {
    const advice = MODEL_ADVICE[state];
    return advice === undefined
      ? []
      : [{ what: `${name} is ${state}, ${lag} events behind`, do: advice }];
  });
}

function publisherNeeds({ publisher }: Facts, { isPublishing }: Circumstances): Need[] {
  if (publisher === null || !isPublishing) return [];
  const needs: Need[] = [];
  const { stopped_keys, lag_seconds, lag } = publisher;
  if (stopped_keys > 0) {
    const advice = "raise max.message.bytes of the topics, then start the publisher again";
    needs.push({ what: `Kafka does not take the records of ${stopped_keys} keys`, do: advice });
  }
  if (lag_seconds > PUBLISHER_SECONDS_MAX) {
    const what = `Kafka is ${lag} events behind, for ${Math.round(lag_seconds)} s`;
    needs.push({ what, do: "see the publisher's log, and whether the broker answers" });
  }
  return needs;
}

function feedNeeds({ feed }: Facts, { followsFeed, now }: Circumstances): Need[] {
  if (feed === null || !followsFeed || feed.state === "subscribed") return [];
  const seconds = secondsSince(timeOf(feed.since), now);
  if (seconds <= FEED_SECONDS_MAX) return [];
  const why = feed.reason === null ? "" : ` (${feed.reason})`;
  const what = `the feed has been ${feed.state} for ${Math.round(seconds)} s${why}`;
  return [{ what, do: "see the ingestor's log, and ask the provider" }];
}

function anomalyNeeds({ anomalies }: Facts): Need[] {
  const open = anomalies.filter(({ unacknowledged }) => unacknowledged > 0);
  return open.map(({ model, kind, unacknowledged }) => ({
    what: `${unacknowledged} × ${kind} in ${model}`,
    do: `\`counterfoil anomalies list --kind ${kind}\`, docs/runbook.md#${kind}, then \`anomalies acknowledge\``,
  }));
}

function quarantineNeeds({ quarantined }: Facts): Need[] {
  const count = quarantined?.unacknowledged ?? 0;
  if (count === 0) return [];
  return [
    {
      what: `${count} deliveries that nobody could read`,
      do: "`counterfoil quarantine list`, docs/runbook.md#quarantine, then `quarantine retry` or `dismiss`",
    },
  ];
}

function stuckNeeds({ stuck }: Facts): Need[] {
  const open = stuck.filter(({ unacknowledged }) => unacknowledged > 0);
  return open.map(({ model, stage, unacknowledged }) => ({
    what: `${unacknowledged} ${model} are stuck in ${stage}`,
    do: "`counterfoil anomalies list --kind stuck`, docs/runbook.md#stuck, then `anomalies acknowledge`",
  }));
}
