import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { Counter, Gauge, type Registry } from "prom-client";
import type { PublisherEvent } from "./publisher.ts";

export type PublisherMetricsOptions = Readonly<{
  registry: Registry;
  stream: Pick<EventStream, "head">;
}>;

/** Registers the publisher's metrics. @returns a function that counts its events */
export function createPublisherMetrics({
  registry,
  stream,
}: PublisherMetricsOptions): (event: PublisherEvent) => void {
  const { transactions, messages, facts, state, stopped } = createInstruments(registry);
  let position: number | null = null;
  let present: string | null = null;
  registerPosition(registry, stream, () => position);
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

/** The lag is computed at each scrape, since it depends on the head at that time. */
function registerPosition(
  registry: Registry,
  stream: Pick<EventStream, "head">,
  positionNow: () => number | null,
): void {
  new Gauge({
    name: "counterfoil_publisher_position",
    help: "Last position that is published",
    registers: [registry],
    collect() {
      const position = positionNow();
      if (position !== null) this.set(position);
    },
  });
  new Gauge({
    name: "counterfoil_publisher_lag_events",
    help: "Events of the stream that are not published",
    registers: [registry],
    async collect() {
      // A stream that cannot be read must not fail the other metrics.
      const head = await stream.head().catch(() => null);
      const position = positionNow();
      if (head !== null && position !== null) this.set(Math.max(0, head.position - position));
    },
  });
}
