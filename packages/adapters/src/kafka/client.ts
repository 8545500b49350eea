import { Kafka, logLevel } from "kafkajs";
import type { Logger } from "pino";
import { kafkaLog } from "./kafka-log.ts";

/** Where the brokers are, and how they are spoken to. */
export type KafkaConnection = Readonly<{
  /** `host:port` each. */
  brokers: readonly string[];
  /** With `ca`, the brokers' certificates must come from these authorities: PEM, one or several. */
  tls?: boolean | Readonly<{ ca: string }>;
  sasl?: Readonly<{
    mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    username: string;
    password: string;
  }>;
}>;

export type ClientOptions = KafkaConnection &
  Readonly<{
    clientId: string;
    logger: Logger;
    /** How often it tries again by itself; `RETRY` says how. */
    retries?: number;
  }>;

/** A few tries within a few seconds; whoever calls decides whether to go on trying. */
export const RETRY = { retries: 4, initialRetryTime: 50, maxRetryTime: 1000, multiplier: 2 };

export function createClient(options: ClientOptions): Kafka {
  const { brokers, tls = false, sasl, clientId, logger, retries = RETRY.retries } = options;
  return new Kafka({
    clientId,
    brokers: [...brokers],
    ssl: typeof tls === "boolean" ? tls : { ca: [tls.ca] },
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as never }),
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    requestTimeout: 10_000,
    retry: { ...RETRY, retries },
    logLevel: logLevel.INFO,
    logCreator: () => kafkaLog(logger),
  });
}
