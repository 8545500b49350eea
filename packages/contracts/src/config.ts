import { z } from "zod";

/**
 * The configuration: all environment variables with their defaults. The README's table is generated
 * from this file, and a variable `COUNTERFOIL_…` that is not defined here is refused.
 */
const flag = z
  .enum(["true", "false"])
  .default("false")
  .transform((word) => word === "true");

const port = z
  .string()
  .regex(/^\d{1,5}$/, "expected a port number")
  .transform(Number)
  .refine((number) => number <= 65_535, "expected a port number");

const bytes = z
  .string()
  .regex(/^[1-9]\d{0,11}$/, "expected a number of bytes")
  .transform(Number);

/** Several secrets at once, for rotation. */
const list = z
  .string()
  .default("")
  .transform((text) =>
    text
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== ""),
  );

const duration = z
  .string()
  .regex(/^[1-9]\d{0,8}(?:s|m|h|d)$/, "expected a duration such as 90s, 30m, 24h or 7d")
  .transform((text) => Number(text.slice(0, -1)) * (SECONDS[text.slice(-1)] ?? 1))
  .refine((length) => length <= 36_500 * 86_400, "expected at most 36500d");

/** A short pause, in milliseconds. */
const seconds = z
  .string()
  .regex(/^\d{1,3}s$/, "expected seconds such as 0s or 15s")
  .transform((text) => Number(text.slice(0, -1)) * 1000);

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** An origin of a web page: without a path. */
const ORIGIN = /^https?:\/\/[^\s/]+$/;

const NETWORK = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);

/** `host:port`: user and password have their own variables. */
const BROKER = /^[^\s:/@]+:\d{1,5}$/;

/** A name or an address, as in a Host header before the port. */
const HOST = /^(?:[^\s/:@[\]]+|\[[0-9a-fA-F:.]+\])$/;

/** Folders of the default ledger, whose folder contains those of the other ledgers. */
const FOLDERS: ReadonlySet<string> = new Set(["models", "locks"]);

export const CONFIG = {
  COUNTERFOIL_LEDGER: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/, "expected [a-z][a-z0-9-]{0,39}")
    .refine((name) => !FOLDERS.has(name), "this name is taken by a folder of the data folder")
    .default("default")
    .describe("Name of the ledger; ledgers share nothing"),
  COUNTERFOIL_ENVIRONMENT: z
    .string()
    .min(1)
    .default("production")
    .describe("Written into the ledger's first event; a ledger of another is refused"),
  COUNTERFOIL_DATA_DIR: z.string().min(1).default("./data").describe("Folder of the SQLite files"),
  COUNTERFOIL_POSTGRES_URL: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//, "expected postgres://user:password@host:5432/database")
    .optional()
    .describe("PostgreSQL 15 or newer for the stream and the read models, instead of SQLite"),
  COUNTERFOIL_EVENTSTORE_URL: z
    .string()
    .regex(
      /^(?:esdb|kurrentdb)(?:\+discover)?:\/\//,
      "expected esdb://user:password@host:2113?tls=true",
    )
    .optional()
    .describe("EventStoreDB or KurrentDB for the stream; the read models stay on PostgreSQL"),
  COUNTERFOIL_KAFKA_BROKERS: list
    .refine((brokers) => brokers.every((broker) => BROKER.test(broker)), "expected host:port, …")
    .describe("Kafka brokers to publish to, `host:port`, comma-separated"),
  COUNTERFOIL_KAFKA_TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,150}$/, "expected letters, digits, dots, hyphens")
    .default("counterfoil")
    .describe("What the topics' names begin with; another ledger than `default` adds its own"),
  COUNTERFOIL_KAFKA_TLS: flag.describe("Speak TLS with the brokers"),
  COUNTERFOIL_KAFKA_CA_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      "PEM file of the authorities behind the brokers' certificates, instead of Node's own",
    ),
  COUNTERFOIL_KAFKA_USERNAME: z.string().min(1).optional().describe("SASL user of the brokers"),
  COUNTERFOIL_KAFKA_PASSWORD: z.string().min(1).optional().describe("Its password"),
  COUNTERFOIL_KAFKA_SASL: z
    .enum(["plain", "scram-sha-256", "scram-sha-512"])
    .default("scram-sha-512")
    .describe("SASL mechanism of the brokers: plain, scram-sha-256 or scram-sha-512"),
  COUNTERFOIL_HTTP_HOST: z.string().min(1).default("127.0.0.1").describe("Address to listen on"),
  COUNTERFOIL_HTTP_PORT: port.default(8080).describe("Port to listen on"),
  COUNTERFOIL_HTTP_TLS_CERT_FILE: z
    .string()
    .min(1)
    .optional()
    .describe("PEM file of the certificate to listen with, its chain behind it: HTTPS alone then"),
  COUNTERFOIL_HTTP_TLS_KEY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe("PEM file of its private key"),
  COUNTERFOIL_TRUSTED_PROXIES: list
    .refine((all) => all.every((one) => NETWORK.safeParse(one).success), "expected addresses, …")
    .describe(
      "Addresses and networks of proxies whose `X-Forwarded-…` headers are believed, comma-separated",
    ),
  COUNTERFOIL_ALLOWED_HOSTS: list
    .refine((hosts) => hosts.every((host) => HOST.test(host)), "expected names without a port, …")
    .describe(
      "Names by which readers reach the service, beside `localhost` and COUNTERFOIL_HTTP_HOST",
    ),
  COUNTERFOIL_CORS_ORIGINS: list
    .refine((all) => all.every((one) => ORIGIN.test(one)), "expected https://app.example.org, …")
    .describe("Origins whose pages may ask `/v1` from a browser, comma-separated"),
  COUNTERFOIL_RATE_LIMIT: z
    .string()
    .regex(/^\d{1,9}$/, "expected a number of requests, 0 for no limit")
    .transform(Number)
    .default(6_000)
    .describe("Requests a minute that one API key may make of one process; 0: no limit"),
  COUNTERFOIL_CHANGE_STREAMS: z
    .string()
    .regex(/^\d{1,5}$/, "expected a number of streams")
    .transform(Number)
    .default(500)
    .describe("Streams of `/v1/changes` that one process keeps open at once; 0: none"),
  COUNTERFOIL_WEBHOOK_HOST: z
    .string()
    .min(1)
    .optional()
    .describe("Address of a listener for webhooks alone"),
  COUNTERFOIL_WEBHOOK_PORT: port
    .optional()
    .describe("Port of a listener for webhooks alone (default: the same listener)"),
  COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: list.describe("HMAC secrets, comma-separated"),
  COUNTERFOIL_ZEROHASH_WEBHOOK_PUBLIC_KEY: list.describe(
    "RSA public keys: PEM or base64 of SPKI or PKCS#1, comma-separated",
  ),
  COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY: list.describe(
    "ECDSA secp256k1 public keys: PEM or base64 DER, comma-separated",
  ),
  COUNTERFOIL_ZEROHASH_FEED_URL: z
    .string()
    .regex(/^wss?:\/\//, "expected ws:// or wss://")
    .optional()
    .describe("Balances Feed to follow"),
  COUNTERFOIL_ZEROHASH_FEED_KEY: z.string().min(1).optional().describe("API key of the feed"),
  COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: z.string().min(1).optional().describe("Its passphrase"),
  COUNTERFOIL_ZEROHASH_FEED_SECRET: z.string().min(1).optional().describe("Its secret, base64"),
  COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT: z
    .string()
    .min(1)
    .default("{timestamp}{method}{route}{body}")
    .describe("What a feed message's signature covers; the provider does not document it"),
  COUNTERFOIL_REJECT_STALE: flag.describe("Answer 401 to webhooks signed more than 5 minutes off"),
  COUNTERFOIL_REQUIRE_TIMESTAMPED_SIGNATURE: flag.describe(
    "Answer 401 to webhooks of Zero Hash that carry only a legacy signature",
  ),
  COUNTERFOIL_ALLOW_UNSIGNED: flag.describe("Accept unsigned webhooks, on a loopback address only"),
  COUNTERFOIL_ALLOW_UNAUTHENTICATED: flag.describe(
    "As long as there was never an API key: answer reading routes beyond loopback too",
  ),
  COUNTERFOIL_MAX_BODY_BYTES: bytes.default(262_144).describe("Largest webhook body"),
  COUNTERFOIL_MAX_FRAME_BYTES: bytes.default(67_108_864).describe("Largest feed frame"),
  COUNTERFOIL_STUCK_AFTER: duration
    .default(86_400)
    .describe("A lifecycle that waits longer in one stage is stuck; such as 90m, 24h or 7d"),
  COUNTERFOIL_DRAIN_FOR: seconds
    .default(1_000)
    .describe(
      "After SIGTERM: how long /readyz says 503 before the port is closed; in seconds, such as 15s",
    ),
  COUNTERFOIL_HEAD_EVERY: duration
    .default(3_600)
    .describe(
      "How often `start` and `projector` sign a head of what has come since; such as 90s, 30m or 1h",
    ),
  COUNTERFOIL_HEAD_KEY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Ed25519 key that signs heads, PEM; made where missing (default: in the data folder)",
    ),
  COUNTERFOIL_LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
    .default("info")
    .describe("Least severity that is logged: fatal, error, warn, info, debug, trace or silent"),
} as const;

/** Variables whose value may be read from the file that `<name>_FILE` names. */
export const SECRETS: readonly (keyof typeof CONFIG)[] = [
  "COUNTERFOIL_POSTGRES_URL",
  "COUNTERFOIL_EVENTSTORE_URL",
  "COUNTERFOIL_KAFKA_PASSWORD",
  "COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET",
  "COUNTERFOIL_ZEROHASH_FEED_KEY",
  "COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE",
  "COUNTERFOIL_ZEROHASH_FEED_SECRET",
];

export const configSchema = z.object(CONFIG);
export type Config = Readonly<z.infer<typeof configSchema>>;
