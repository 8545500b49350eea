import type { Config } from "@counterfoil/contracts/config";
import { ConfigurationInvalid } from "../config.ts";
import { readAuthorities } from "./authorities.ts";
import type { KafkaConnection } from "./client.ts";

/**
 * Where a ledger is published to; null where no brokers are configured.
 *
 * @throws ConfigurationInvalid where the file of authorities cannot be used, or would not be
 */
export function kafkaConfigOf(config: Config): (KafkaConnection & { prefix: string }) | null {
  const {
    COUNTERFOIL_KAFKA_BROKERS: brokers,
    COUNTERFOIL_KAFKA_TLS: isTls,
    COUNTERFOIL_KAFKA_CA_FILE: caFile,
    COUNTERFOIL_KAFKA_SASL: mechanism,
    COUNTERFOIL_KAFKA_USERNAME: username,
    COUNTERFOIL_KAFKA_PASSWORD: password,
  } = config;
  if (brokers.length === 0) return null;
  const isOpen = username === undefined || password === undefined;
  const login = isOpen ? {} : { sasl: { mechanism, username, password } };
  if (caFile !== undefined && !isTls) {
    throw new ConfigurationInvalid([
      "COUNTERFOIL_KAFKA_CA_FILE is set and COUNTERFOIL_KAFKA_TLS is false: set that to true, or leave out the file",
    ]);
  }
  const tls = caFile === undefined ? isTls : { ca: readAuthorities(caFile) };
  return { brokers, tls, prefix: topicPrefix(config), ...login };
}

/** Ledgers share nothing: each but the default has its name in its topics. */
function topicPrefix(config: Config): string {
  const { COUNTERFOIL_KAFKA_TOPIC_PREFIX: prefix, COUNTERFOIL_LEDGER: ledger } = config;
  return ledger === "default" ? prefix : `${prefix}.${ledger}`;
}
