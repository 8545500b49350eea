import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Config } from "@counterfoil/contracts/config";
import { Kafka, type LogEntry, logLevel } from "kafkajs";
import type { Logger } from "pino";
import { ConfigurationInvalid } from "../config.ts";

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
    /** How often the client retries by itself; `RETRY` says how. */
    retries?: number;
  }>;

/** A few retries within a few seconds; the caller decides whether to go on. */
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

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * The certificates in a PEM file. Each is read here, since TLS leaves out what it cannot read, and
 * every broker would then be refused for another reason.
 *
 * @throws ConfigurationInvalid naming the variable and what is wrong with the file.
 */
function readAuthorities(file: string): string {
  const refuse = (found: string): never => {
    throw new ConfigurationInvalid([
      `COUNTERFOIL_KAFKA_CA_FILE is "${file}", ${found}: expected a PEM file of certificates (-----BEGIN CERTIFICATE-----)`,
    ]);
  };
  const certificates = textOf(file, refuse).match(CERTIFICATE) ?? [];
  if (certificates.length === 0) refuse("which holds no certificate");
  for (const [at, certificate] of certificates.entries()) {
    if (!isReadable(certificate)) refuse(`whose certificate ${at + 1} cannot be read`);
  }
  return certificates.join("\n");
}

function textOf(file: string, refuse: (found: string) => never): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    return refuse(`which cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function isReadable(certificate: string): boolean {
  try {
    return new X509Certificate(certificate).subject !== undefined;
  } catch {
    return false;
  }
}

/** Fields of the client's log lines that are kept; others may hold what was sent. */
const KEPT = ["broker", "clientId", "error", "retryCount", "retryTime", "groupId", "topic"];

/** Errors that the client neither throws nor recovers from. */
const SERIOUS = ["Offset out of range", "Failed to execute listener"];

/**
 * Writes the client's log lines to our log. The client logs every retry of every broker, and what it
 * gives up on is thrown and logged by the caller; so all but a few lines are logged at debug.
 */
export function kafkaLog(logger: Logger): (entry: LogEntry) => void {
  return ({ level, namespace, log }) => {
    const kept = Object.fromEntries(
      KEPT.filter((name) => name in log).map((name) => [name, log[name]]),
    );
    const fields = { client: namespace, ...kept };
    const isSerious = SERIOUS.some((words) => log.message.startsWith(words));
    if (level === logLevel.ERROR && isSerious) logger.warn(fields, log.message);
    else logger.debug(fields, log.message);
  };
}
