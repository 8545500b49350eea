import type { Clock } from "@counterfoil/processing/ports/clock";
import { SCRAPE_MS_MAX, withinMs } from "@counterfoil/processing/ports/clock";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { type Lag, lagBehind } from "@counterfoil/processing/queries/lag";
import { Counter, Gauge, type Registry } from "prom-client";
import type { PublisherEvent } from "./publisher.ts";

export type PublisherMetricsOptions = Readonly<{
  registry: Registry;
  stream: Pick<EventStream, "head" | "read">;
  clock: Clock;
}>;

/** Registers the publisher's metrics. @returns a function that counts its events */
export function createPublisherMetrics({
  registry,
  stream,
  clock,
}: PublisherMetricsOptions): (event: PublisherEvent) => void {
  const { transactions, messages, facts, state, stopped } = createInstruments(registry);
  let position: number | null = null;
  let present: string | null = null;
  registerPosition(registry, { stream, clock, positionNow: () => position });
  return (event) => {
    if (event.kind === "state") {
      if (present !== null) state.remove({ state: present });
      present = event.state;
      state.set({ state: present }, 1);
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

function createInstruments(registry: Registry) {
  const registers = [registry];
  return {
    transactions: new Counter({
      name: "counterfoil_publisher_commits_total",
      help: "Steps that the publisher has committed to Kafka",
      registers,
    }),
    messages: new Counter({
      name: "counterfoil_publisher_messages_total",
      help: "Messages published, facts and states",
      registers,
    }),
    facts: new Counter({
      name: "counterfoil_publisher_facts_total",
      help: "Facts published",
      registers,
    }),
    stopped: new Gauge({
      name: "counterfoil_publisher_stopped_keys",
      help: "Keys whose records the broker does not take; all others are published",
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

type Followed = Pick<PublisherMetricsOptions, "stream" | "clock"> &
  Readonly<{ positionNow: () => number | null }>;

/** The lag is computed at each scrape, since it depends on the head at that time. */
function registerPosition(registry: Registry, { stream, clock, positionNow }: Followed): void {
  const register = (name: string, help: string, figureOf: (position: number) => Promise<number>) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      async collect() {
        const position = positionNow();
        if (position === null) this.remove();
        else this.set(await figureOf(position));
      },
    });
  const lagOf = (figureOf: (lag: Lag) => number) => async (position: number) => {
    const lag = await withinMs(lagBehind(stream, position, clock.now()), SCRAPE_MS_MAX, clock);
    return lag === null ? Number.NaN : figureOf(lag);
  };
  register(
    "counterfoil_publisher_position",
    "Last position that is published",
    async (position) => position,
  );
  register(
    "counterfoil_publisher_lag_events",
    "Events of the stream that are not published",
    lagOf(({ events }) => events),
  );
  register(
    "counterfoil_publisher_lag_seconds",
    "How long the oldest event has waited that is not published",
    lagOf(({ seconds }) => seconds),
  );
}
