import { ConfigurationInvalid } from "@counterfoil/adapters/config";
import { kafkaConfigOf } from "@counterfoil/adapters/kafka/kafka-config";
import { createKafkaTopics } from "@counterfoil/adapters/kafka/topics";
import type { Config } from "@counterfoil/contracts/config";
import {
  type Publisher,
  type PublisherDeps,
  startPublisher,
} from "@counterfoil/publisher/publisher";

type Deps = Omit<PublisherDeps, "topics"> & Readonly<{ config: Config }>;

/**
 * Starts publishing to the brokers of the configuration.
 *
 * @throws ConfigurationInvalid where there are none
 */
export function openPublisher({ config, ...deps }: Deps): Publisher {
  const kafka = kafkaConfigOf(config);
  if (kafka === null) {
    throw new ConfigurationInvalid([
      "COUNTERFOIL_KAFKA_BROKERS is not set, so there is nowhere to publish to: host:port, comma-separated",
    ]);
  }
  return startPublisher({ ...deps, topics: createKafkaTopics({ ...kafka, logger: deps.logger }) });
}
