import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Config } from "@counterfoil/contracts/config";
import { PublisherFenced, TopicsUnavailable } from "@counterfoil/processing/ports/topics";
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

/** Runs a call of the client. @throws errors of the port. */
export async function asPort<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw portError(error, doing);
  }
}

/** Runs something that needs brokers. @throws TopicsUnavailable that says what to look at. */
export async function withAdvice<T>(
  brokers: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TopicsUnavailable)) throw error;
    const advice = adviceOn(causesOf(error), brokers);
    throw new TopicsUnavailable(`${error.message}: ${advice}`, { cause: error.cause });
  }
}

const GIVE_UP_AFTER_MS = 15_000;
const RETRY_EVERY_MS = 100;

/** Retries while the answer is transient: the client gives up before such a moment is over. */
export async function retryTransient<T>(work: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += RETRY_EVERY_MS) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || waitedMs >= GIVE_UP_AFTER_MS) throw error;
      await wait(RETRY_EVERY_MS);
    }
  }
}

const FENCED = new Set(["INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"]);
/** The client does not know all codes by name. */
const FENCED_CODES = new Set([47, 90]);
const TOO_LARGE = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);

/** A failure of the client as an error of the port. Other errors stay as they are. */
export function portError(error: unknown, doing: string): unknown {
  const chain = causesOf(error);
  if (!chain.some(isOfClient)) return error;
  const message = `${doing}: ${chain.map(({ message: text }) => text).at(-1)}`;
  const is = (types: ReadonlySet<unknown>, codes?: ReadonlySet<unknown>) =>
    chain.some(({ type, code }) => types.has(type) || codes?.has(code));
  if (is(FENCED, FENCED_CODES)) {
    return new PublisherFenced(
      `${message}. Either another publisher of this ledger is at work, or this one slept through its transaction's time`,
      { cause: error },
    );
  }
  if (is(TOO_LARGE)) {
    // What it takes was measured by the limits of the opening. The client goes on counting as if
    // nothing had been sent, and the broker would take what comes next for repeats.
    const advice =
      "the topic's max.message.bytes is lower than when it was opened: it is read anew";
    return new TopicsUnavailable(`${message}: ${advice}`, { cause: error });
  }
  return new TopicsUnavailable(message, { cause: error });
}

type Failure = Error & {
  type?: unknown;
  code?: unknown;
  /** The address of the broker that failed. */
  broker?: unknown;
  originalError?: unknown;
  errors?: unknown;
};

const isOfClient = ({ name }: Failure): boolean => name.startsWith("KafkaJS");

/** The error and what caused it, outermost first. */
function causesOf(error: unknown): readonly Failure[] {
  const chain: Failure[] = [];
  const queue: unknown[] = [error];
  while (queue.length > 0) {
    const next = queue.shift();
    if (!(next instanceof Error) || chain.includes(next)) continue;
    const failure: Failure = next;
    chain.push(failure);
    queue.push(failure.cause, failure.originalError);
    if (Array.isArray(failure.errors)) queue.push(...failure.errors);
  }
  return chain;
}

/** Node's error codes for a certificate that comes from no authority it knows. */
const UNKNOWN_AUTHORITY = new Set<unknown>([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
]);

/** What to look at. @param chain the failure and its causes. */
function adviceOn(chain: readonly Failure[], brokers: readonly string[]): string {
  if (chain.some(isAboutLogin)) {
    return "check COUNTERFOIL_KAFKA_USERNAME, COUNTERFOIL_KAFKA_PASSWORD and COUNTERFOIL_KAFKA_SASL";
  }
  if (chain.some(({ code }) => UNKNOWN_AUTHORITY.has(code))) {
    return "the brokers' certificates come from an authority that is not known here, set COUNTERFOIL_KAFKA_CA_FILE to its certificate";
  }
  if (chain.some(({ code }) => code === "ERR_TLS_CERT_ALTNAME_INVALID")) {
    return "let COUNTERFOIL_KAFKA_BROKERS and the brokers' advertised.listeners name them as their certificates do";
  }
  const elsewhere = chain.find(({ broker }) => isAddress(broker) && !brokers.includes(broker));
  if (elsewhere !== undefined) {
    return `COUNTERFOIL_KAFKA_BROKERS (${brokers.join(", ")}) sends clients on to ${elsewhere.broker}, and that is where it failed: check that this broker runs, and advertised.listeners there; it is tried again`;
  }
  return "check COUNTERFOIL_KAFKA_BROKERS, the login and TLS there, and that the broker runs; it is tried again";
}

const isAboutLogin = ({ name, type }: Failure): boolean =>
  name === "KafkaJSSASLAuthenticationError" || type === "UNSUPPORTED_SASL_MECHANISM";

const isAddress = (broker: unknown): broker is string =>
  typeof broker === "string" && broker.includes(":");

/**
 * Answers that pass by themselves: a topic was created or changed its leader a moment ago, or a
 * broker that has just started does not know yet who coordinates transactions and groups.
 */
const TRANSIENT = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "NOT_LEADER_FOR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "GROUP_LOAD_IN_PROGRESS",
  "NOT_COORDINATOR_FOR_GROUP",
  "CONCURRENT_TRANSACTIONS",
  "KafkaJSGroupCoordinatorNotFound",
]);

function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { type } = error as { type?: unknown };
  return TRANSIENT.has(String(type)) || TRANSIENT.has(error.name) || isTransient(error.cause);
}
