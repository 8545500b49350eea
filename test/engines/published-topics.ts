import { createClient, type KafkaConnection } from "@counterfoil/adapters/kafka/client";
import { consume } from "@counterfoil/consumer-kit/consume";
import type { Fact } from "@counterfoil/consumer-kit/message";
import type { Hole } from "@counterfoil/consumer-kit/reading";
import {
  FACT_TOPIC,
  STATE_TOPICS,
  type StateTopic,
  type Topic,
} from "@counterfoil/contracts/kafka";
import { pino } from "pino";
import type { States } from "../system/published.ts";

type PublishedTopics = Readonly<{
  facts: readonly Fact[];
  holes: readonly Hole[];
  states: States;
}>;

/** A downstream service that reads all topics of a ledger with the kit. */
type Downstream = Readonly<{
  /** As far as it has read. */
  found: () => PublishedTopics;
  /** It has read what was there when it began. */
  whenCaughtUp: () => Promise<void>;
  /** It has read so many facts. */
  whenRead: (facts: number) => Promise<void>;
  stop: () => Promise<void>;
}>;

const STATES = Object.keys(STATE_TOPICS) as StateTopic[];

export async function startDownstream(
  connection: KafkaConnection,
  prefix: string,
): Promise<Downstream> {
  const logger = pino({ level: "silent" });
  const topics: readonly Topic[] = [FACT_TOPIC, ...STATES];
  const facts: Fact[] = [];
  const holes: Hole[] = [];
  const caughtUp = Promise.withResolvers<void>();
  const waiting = new Set<() => void>();
  const consuming = await consume({
    kafka: createClient({ ...connection, clientId: "reader", logger }),
    prefix,
    topics,
    onFact: (fact) => {
      facts.push(fact);
      for (const look of waiting) look();
    },
    onHole: (hole) => void holes.push(hole),
    onCaughtUp: caughtUp.resolve,
  });
  const whenRead = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => facts.length >= count && resolve();
      waiting.add(look);
      look();
    });
  const states = () =>
    STATES.map((topic) => {
      const records = consuming.states.records(topic).map((record) => [record.id, record]);
      return [topic, Object.fromEntries(records)];
    });
  return {
    found: () => ({ facts, holes, states: Object.fromEntries(states()) }),
    whenCaughtUp: () => Promise.race([caughtUp.promise, consuming.ended]),
    whenRead: (count) => Promise.race([whenRead(count), consuming.ended]),
    stop: consuming.stop,
  };
}

/** All topics of a ledger, as a downstream service reads them to their end. */
export async function readTopics(broker: string, prefix: string): Promise<PublishedTopics> {
  const downstream = await startDownstream({ brokers: [broker] }, prefix);
  await downstream.whenCaughtUp();
  await downstream.stop();
  return downstream.found();
}
