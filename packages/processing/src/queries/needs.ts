import type { ModelName } from "@counterfoil/contracts/fact";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import { counted } from "@counterfoil/core/exact/text";
import { type Nanos, timeOf } from "@counterfoil/core/exact/time";
import { secondsSince } from "./lag.ts";

/** A problem that needs a person, and what to do about it. */
type Need = StatusRecord["needs_a_person"][number];

type Facts = Omit<StatusRecord, "needs_a_person">;
type Circumstances = Readonly<{
  now: Nanos;
  isPublishing: boolean;
  /** Publishing is refused until somebody corrects something. */
  isRefused: boolean;
  followsFeed: boolean;
  isHeadKeyUsable: boolean;
  /** The stream takes no appends, and so no webhooks. */
  areAppendsRefused: boolean;
  /** Models that are not built yet or cannot be read, although a projector holds their lock. */
  held: ReadonlySet<ModelName>;
  /** Models whose rows are of another version than this program reads. */
  outdated: ReadonlySet<ModelName>;
}>;

/** Transient problems are over sooner. */
const FEED_SECONDS_MAX = 300;
const PUBLISHER_SECONDS_MAX = 900;
const MODEL_SECONDS_MAX = 900;

/** The parts of a status that need a person; acknowledged and dismissed ones do not. */
export function needsOf(status: Facts, circumstances: Circumstances): Need[] {
  return [
    ...(circumstances.areAppendsRefused ? [APPENDS_NEED] : []),
    ...modelNeeds(status, circumstances),
    ...publisherNeeds(status, circumstances),
    ...feedNeeds(status, circumstances),
    ...anomalyNeeds(status),
    ...quarantineNeeds(status),
    ...stuckNeeds(status),
    ...(circumstances.isHeadKeyUsable ? [] : [HEAD_KEY_NEED]),
  ];
}

const APPENDS_NEED: Need = {
  what: "no webhook is taken: the stream refuses appends",
  do: "the ingestor's log says what to put right, docs/runbook.md#counterfoilwebhooksnottaken; it goes on by itself then",
};

const HEAD_KEY_NEED: Need = {
  what: "no head can be signed: the key's file cannot be used",
  do: "`counterfoil head` says what is wrong with it; put the installation's key there, see docs/audit.md",
};

const MODEL_ADVICE: Readonly<Record<string, string>> = {
  waiting: "start a projector",
  stopped: "start a projector, or see why it ended in its log",
  forked: "find out why the stream is another one, then `counterfoil rebuild all`",
  unreadable: "see why in the log; if it is damaged, `counterfoil rebuild` its name",
  late: "see its projector's log: if that names damage, `counterfoil rebuild` its name",
};

/** A build may take long; if it makes no progress, only the projector's log shows why. */
const HELD_ADVICE =
  "a projector is at it: if that lasts, its log says why (a full disk, damaged files)";

function modelNeeds({ projections }: Facts, { held, outdated }: Circumstances): Need[] {
  return projections.flatMap((projection) => {
    const { name, state, lag, reason } = projection;
    const condition = conditionOf(projection, outdated);
    const isBuilding = condition === "waiting" && held.has(name);
    const advice = isBuilding ? HELD_ADVICE : MODEL_ADVICE[condition];
    // How far a model is that cannot be read is often unknown, and does not matter until it can.
    const what =
      reason === null
        ? `${name} is ${state}, ${counted(lag, "event")} behind`
        : `${name} is ${state}: ${reason}; what it knows of open anomalies is not shown`;
    return advice === undefined ? [] : [{ what, do: advice }];
  });
}

function conditionOf(
  { name, state, lag_seconds }: Facts["projections"][number],
  outdated: Circumstances["outdated"],
): string {
  if (state === "waiting" || outdated.has(name)) return "waiting";
  return state === "catching_up" && lag_seconds > MODEL_SECONDS_MAX ? "late" : state;
}

function publisherNeeds({ publisher }: Facts, circumstances: Circumstances): Need[] {
  const { isPublishing, isRefused } = circumstances;
  if (publisher === null || !isPublishing) return [];
  const needs: Need[] = [];
  const { stopped_keys, lag_seconds, lag } = publisher;
  if (stopped_keys > 0) {
    const advice = "raise max.message.bytes of the topics, then start the publisher again";
    needs.push({
      what: `Kafka does not take the records of ${counted(stopped_keys, "key")}`,
      do: advice,
    });
  }
  if (isRefused) {
    const what = `Kafka is ${counted(lag, "event")} behind: publishing is refused`;
    const advice =
      "the publisher's log says what to put right, docs/runbook.md#counterfoilpublisherstopped; it goes on by itself then";
    needs.push({ what, do: advice });
  } else if (lag_seconds > PUBLISHER_SECONDS_MAX) {
    const what = `Kafka is ${counted(lag, "event")} behind, for ${Math.round(lag_seconds)} s`;
    needs.push({
      what,
      do: "see the publisher's log, and whether the broker answers",
    });
  }
  return needs;
}

const NEVER_CONNECTED: Need = {
  what: "the feed has never been connected",
  do: "see the ingestor's log for why: its address, its key or the network",
};

function feedNeeds({ feed, quarantined }: Facts, { followsFeed, now }: Circumstances): Need[] {
  if (!followsFeed || feed?.state === "subscribed") return [];
  // Both are read from the balances: without them nobody knows.
  if (feed === null) return quarantined === null ? [] : [NEVER_CONNECTED];
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
      what: `${counted(count, "delivery", "deliveries")} that nobody could read`,
      do: "`counterfoil quarantine list`, docs/runbook.md#quarantine, then `quarantine retry` or `dismiss`",
    },
  ];
}

function stuckNeeds({ stuck }: Facts): Need[] {
  const open = stuck.filter(({ unacknowledged }) => unacknowledged > 0);
  return open.map(({ model, stage, unacknowledged }) => ({
    what: `${counted(unacknowledged, model.slice(0, -1), model)} stuck in ${stage}`,
    do: "`counterfoil anomalies list --kind stuck`, docs/runbook.md#stuck, then `anomalies acknowledge`",
  }));
}
