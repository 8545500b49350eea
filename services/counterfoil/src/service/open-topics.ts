import { ConfigurationInvalid } from "@counterfoil/adapters/config";
import { kafkaConfigOf } from "@counterfoil/adapters/kafka/client";
import { createKafkaTopics } from "@counterfoil/adapters/kafka/topics";
import type { Config } from "@counterfoil/contracts/config";
import type { Topics } from "@counterfoil/processing/ports/topics";
import type { Logger } from "pino";

/**
 * The topics of the configuration's brokers.
 *
 * @throws ConfigurationInvalid where there are none
 */
export function openTopics(config: Config, logger: Logger): Topics {
  const kafka = kafkaConfigOf(config);
  if (kafka !== null) return createKafkaTopics({ ...kafka, logger });
  throw new ConfigurationInvalid([
    "COUNTERFOIL_KAFKA_BROKERS is not set, so there is nowhere to publish to: expected host:port, comma-separated",
  ]);
}
