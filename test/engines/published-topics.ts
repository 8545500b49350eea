import { createClient } from "@counterfoil/adapters/kafka/client";
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

export type PublishedTopics = Readonly<{
  facts: readonly Fact[];
  holes: readonly Hole[];
  states: States;
}>;

/** All topics of a ledger, as a downstream service reads them to their end. */
export async function readTopics(broker: string, prefix: string): Promise<PublishedTopics> {
  const logger = pino({ level: "silent" });
  const kafka = createClient({ brokers: [broker], clientId: "reader", logger });
  const stateTopics = Object.keys(STATE_TOPICS) as StateTopic[];
  const topics: readonly Topic[] = [FACT_TOPIC, ...stateTopics];
  const facts: Fact[] = [];
  const holes: Hole[] = [];
  const { promise: caughtUp, resolve: onCaughtUp } = Promise.withResolvers<void>();
  const consuming = await consume({
    kafka,
    prefix,
    topics,
    onFact: (fact) => void facts.push(fact),
    onHole: (hole) => void holes.push(hole),
    onCaughtUp,
  });
  await Promise.race([caughtUp, consuming.ended]);
  await consuming.stop();
  const states = stateTopics.map((topic) => {
    const records = consuming.states.records(topic).map((record) => [record.id, record]);
    return [topic, Object.fromEntries(records)];
  });
  return { facts, holes, states: Object.fromEntries(states) };
}
