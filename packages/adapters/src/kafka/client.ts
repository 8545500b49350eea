import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Config } from "@counterfoil/contracts/config";
import {
  NotAuthorized,
  PublisherFenced,
  TopicsUnavailable,
} from "@counterfoil/processing/ports/topics";
import { Kafka, type LogEntry, logLevel } from "kafkajs";
import type { Logger } from "pino";
import { ConfigurationInvalid } from "../config.ts";

/** The brokers' addresses, and how to connect to them. */
export type KafkaConnection = Readonly<{
  /** Each `host:port`. */
  brokers: readonly string[];
  /** With `ca`, the brokers' certificates must be issued by these authorities (PEM, one or several). */
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
    /** The number of the client's own retries, see `RETRY`. */
    retries?: number;
  }>;

/** A few retries within a few seconds; after that the caller decides. */
export const RETRY = { retries: 4, initialRetryTime: 50, maxRetryTime: 1000, multiplier: 2 };

/**
 * A client that says why it found no coordinator of a transaction or a group: kafkajs 2.2.4 drops the
 * broker's refusal and throws that there is none, so that only its log has the refusal.
 */
export type Client = Kafka & Readonly<{ explain: (error: unknown) => unknown }>;

export function createClient(options: ClientOptions): Client {
  const { brokers, tls = false, sasl, clientId, logger, retries = RETRY.retries } = options;
  const write = kafkaLog(logger);
  let refusal: Error | null = null;
  const kafka = new Kafka({
    clientId,
    brokers: [...brokers],
    ssl: typeof tls === "boolean" ? tls : { ca: [tls.ca] },
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as never }),
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    requestTimeout: 10_000,
    retry: { ...RETRY, retries },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => {
      refusal = coordinatorRefusal(entry) ?? refusal;
      write(entry);
    },
  });
  return Object.assign(kafka, {
    explain(error: unknown) {
      if (refusal === null || !causesOf(error).some(isWithoutCoordinator)) return error;
      const found = refusal;
      refusal = null;
      return found;
    },
  });
}

/** The client's texts for the refusals of a coordinator, and its types of errors. */
const COORDINATOR_REFUSALS: ReadonlyMap<unknown, string> = new Map([
  ["Transactional Id authorization failed", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"],
  ["Not authorized to access group: Group authorization failed", "GROUP_AUTHORIZATION_FAILED"],
]);

/** The error of a log line that tells of a refused look-up of a coordinator; null of any other. */
function coordinatorRefusal({ log }: LogEntry): Error | null {
  const type = COORDINATOR_REFUSALS.get(log.error);
  if (type === undefined || !log.message.startsWith("Response GroupCoordinator")) return null;
  return Object.assign(new Error(String(log.error)), { name: "KafkaJSProtocolError", type });
}

const isWithoutCoordinator = ({ name }: Failure): boolean =>
  name === "KafkaJSGroupCoordinatorNotFound";

/**
 * The Kafka connection and topic prefix of a ledger; null if no brokers are configured.
 *
 * @throws ConfigurationInvalid if the file of authorities is invalid, or set without TLS
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
  const hasNoLogin = username === undefined || password === undefined;
  const login = hasNoLogin ? {} : { sasl: { mechanism, username, password } };
  if (caFile !== undefined && !isTls) {
    throw new ConfigurationInvalid([
      "COUNTERFOIL_KAFKA_CA_FILE is set and COUNTERFOIL_KAFKA_TLS is false: set that to true, or leave out the file",
    ]);
  }
  const tls = caFile === undefined ? isTls : { ca: readAuthorities(caFile) };
  return { brokers, tls, prefix: topicPrefix(config), ...login };
}

/** Ledgers share no topics: all except the default have their name in the prefix. */
function topicPrefix(config: Config): string {
  const { COUNTERFOIL_KAFKA_TOPIC_PREFIX: prefix, COUNTERFOIL_LEDGER: ledger } = config;
  return ledger === "default" ? prefix : `${prefix}.${ledger}`;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * The certificates in a PEM file. Each is parsed here, because TLS ignores certificates that it cannot
 * parse, and every broker would then be refused for another reason.
 *
 * @throws ConfigurationInvalid naming the variable and the defect of the file
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

/** Fields of the client's log lines that are logged; others may hold sent data. */
const LOGGED_FIELDS = [
  "broker",
  "clientId",
  "error",
  "retryCount",
  "retryTime",
  "groupId",
  "topic",
];

/** Errors that the client neither throws nor recovers from. */
const SERIOUS_ERRORS = ["Offset out of range", "Failed to execute listener"];

/**
 * Writes the client's log lines to our log. The client logs every retry of every broker, and throws
 * the final errors, which the caller logs; so all but a few lines are logged at debug level.
 */
export function kafkaLog(logger: Logger): (entry: LogEntry) => void {
  return ({ level, namespace, log }) => {
    const kept = Object.fromEntries(
      LOGGED_FIELDS.filter((name) => name in log).map((name) => [name, log[name]]),
    );
    const fields = { client: namespace, ...kept };
    const isSerious = SERIOUS_ERRORS.some((words) => log.message.startsWith(words));
    if (level === logLevel.ERROR && isSerious) logger.warn(fields, log.message);
    else logger.debug(fields, log.message);
  };
}

/** What a call does that the broker may refuse to this user, by the kind of what it does it with. */
type Needed = Readonly<Partial<Record<"topic" | "group" | "transactionalId", string>>>;

/** Runs a call of the client. @throws errors of the port */
export async function asPort<T>(
  doing: string,
  work: () => Promise<T>,
  needed: Needed = {},
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw portError(error, doing, needed);
  }
}

/** Runs work that needs a coordinator of the client. @throws its errors, and the refusal of a coordinator */
export async function withExplanation<T>(client: Client, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw client.explain(error);
  }
}

/** Runs work that needs the brokers. @throws TopicsUnavailable with advice on what to check */
export async function withAdvice<T>(
  brokers: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // A broker that refuses a right has answered.
    if (!(error instanceof TopicsUnavailable) || error instanceof NotAuthorized) throw error;
    const advice = adviceOn(causesOf(error), brokers);
    throw new TopicsUnavailable(`${error.message}: ${advice}`, { cause: error.cause });
  }
}

const TRANSIENT_MS_MAX = 15_000;
const TRANSIENT_RETRY_MS = 100;

/** Retries transient errors, which can last longer than the client retries. */
export async function retryTransient<T>(work: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += TRANSIENT_RETRY_MS) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || waitedMs >= TRANSIENT_MS_MAX) throw error;
      await wait(TRANSIENT_RETRY_MS);
    }
  }
}

const FENCED = new Set(["INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"]);
/** Error codes without a name in the client. */
const FENCED_CODES = new Set([47, 90]);
const TOO_LARGE = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);

const REFUSED_TOPIC = "TOPIC_AUTHORIZATION_FAILED";
const REFUSED: ReadonlyMap<unknown, keyof Needed> = new Map([
  [REFUSED_TOPIC, "topic"],
  ["GROUP_AUTHORIZATION_FAILED", "group"],
  ["TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "transactionalId"],
]);
/** The broker's answer on the topics of a request of which it refuses another one. */
const NOT_ATTEMPTED = "OPERATION_NOT_ATTEMPTED";

/** Whether a topic is refused. */
export const isTopicRefused = (error: unknown): boolean =>
  causesOf(error).some(({ type }) => type === REFUSED_TOPIC);

/** Whether a topic is refused, or another one of the same request. */
export const isRequestRefused = (error: unknown): boolean =>
  causesOf(error).some(({ type }) => type === REFUSED_TOPIC || type === NOT_ATTEMPTED);

/** @param what a verb and what it is done with */
export function notAuthorized(doing: string, what: string, cause: unknown): NotAuthorized {
  const advice =
    "grant it to the publisher's user, infra/kafka/README.md lists all rights that it needs; it is tried again";
  return new NotAuthorized(`${doing}: not authorised to ${what}: ${advice}`, { cause });
}

/** Converts an error of the client to an error of the port. Other errors are returned unchanged. */
export function portError(error: unknown, doing: string, needed: Needed = {}): unknown {
  if (error instanceof NotAuthorized) return error;
  const chain = causesOf(error);
  if (!chain.some(isOfClient)) return error;
  const refused = chain.find(({ type }) => REFUSED.has(type));
  if (refused !== undefined) {
    const kind = REFUSED.get(refused.type) as keyof Needed;
    return notAuthorized(doing, needed[kind] ?? `use a ${kind} (${refused.message})`, error);
  }
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
    // The record was within the limit read at opening. The publisher has to be reopened: the client
    // does not advance its sequence numbers, and the broker would take the next records for repeats.
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

/** The error and its causes, outermost first. */
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

/** Node's error codes for a certificate of an unknown authority. */
const UNKNOWN_AUTHORITY = new Set<unknown>([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
]);

/** Advice on what to check. @param chain the error and its causes */
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
 * Transient errors: a topic was just created or has changed its leader, or a broker that has just
 * started does not know the coordinator of transactions and groups yet.
 */
const TRANSIENT_ERRORS = new Set([
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
  return (
    TRANSIENT_ERRORS.has(String(type)) ||
    TRANSIENT_ERRORS.has(error.name) ||
    isTransient(error.cause)
  );
}
