import {
  type Clock,
  SCRAPE_MS_MAX,
  shareAnswer,
  withinMs,
} from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { type Lag, lagBehind } from "@counterfoil/processing/queries/lag";
import { Counter, Gauge, type Registry } from "prom-client";
import type { PublisherEvent, PublishingState } from "./publisher.ts";

type PublisherMetricsOptions = Readonly<{
  registry: Registry;
  stream: Pick<EventStream, "head" | "read">;
  clock: Clock;
}>;

/** Registers the publisher's metrics. @returns a function that records an event of the publisher */
export function createPublisherMetrics({
  registry,
  stream,
  clock,
}: PublisherMetricsOptions): (event: PublisherEvent) => void {
  const { transactions, messages, facts, state, stopped } = createInstruments(registry);
  let position: number | null = null;
  let currentState: string | null = null;
  registerPosition(registry, { stream, clock, currentPosition: () => position });
  return (event) => {
    if (event.kind === "state") {
      if (currentState !== null) state.remove({ state: currentState });
      currentState = event.state;
      state.set({ state: currentState }, 1);
      if (!STANDBY_STATES.includes(event.state)) return;
      position = null;
      stopped.remove();
      return;
    }
    position = event.position;
    stopped.set(event.stoppedKeys);
    if (event.kind === "open") return;
    transactions.inc();
    messages.inc(event.messages);
    facts.inc(event.facts);
  };
}

/**
 * States in which another process may publish. What this one knew of the topics is out of date then, so
 * its position, lag and stopped keys are not exported until it has opened the topics again.
 */
const STANDBY_STATES: readonly PublishingState[] = ["waiting_for_lock", "fenced"];

function createInstruments(registry: Registry) {
  const registers = [registry];
  return {
    transactions: new Counter({
      name: "counterfoil_publisher_commits_total",
      help: "Transactions that the publisher has committed to Kafka",
      registers,
    }),
    messages: new Counter({
      name: "counterfoil_publisher_messages_total",
      help: "Messages published, facts and records",
      registers,
    }),
    facts: new Counter({
      name: "counterfoil_publisher_facts_total",
      help: "Facts published",
      registers,
    }),
    stopped: new Gauge({
      name: "counterfoil_publisher_stopped_keys",
      help: "Keys with a record that the broker rejects; all others are published",
      registers,
    }),
    state: new Gauge({
      name: "counterfoil_publisher_state",
      help: "1 for the state that the publisher is in",
      labelNames: ["state"],
      registers,
    }),
  };
}

type PositionOptions = Pick<PublisherMetricsOptions, "stream" | "clock"> &
  Readonly<{ currentPosition: () => number | null }>;

type Figures = Readonly<{ position: number; lag: Lag }>;

const UNKNOWN: Lag = { events: Number.NaN, seconds: Number.NaN };

/** The figures of one scrape are of one position; the lag depends on the head at that time. */
function registerPosition(
  registry: Registry,
  { stream, clock, currentPosition }: PositionOptions,
): void {
  const readFigures = shareAnswer(async (): Promise<Figures | null> => {
    const position = currentPosition();
    if (position === null) return null;
    const lag = await withinMs(lagBehind(stream, position, clock.now()), SCRAPE_MS_MAX, clock);
    return { position, lag: lag ?? UNKNOWN };
  });
  const register = (name: string, help: string, select: (figures: Figures) => number) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      async collect() {
        const figures = await readFigures();
        // The lock may have been lost meanwhile.
        if (figures === null || currentPosition() === null) this.remove();
        else this.set(select(figures));
      },
    });
  register(
    "counterfoil_publisher_position",
    "Last position that is published",
    ({ position }) => position,
  );
  register(
    "counterfoil_publisher_lag_events",
    "Events of the stream that are not published",
    ({ lag }) => lag.events,
  );
  register(
    "counterfoil_publisher_lag_seconds",
    "How long the oldest unpublished event has waited",
    ({ lag }) => lag.seconds,
  );
}
