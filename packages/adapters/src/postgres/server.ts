import { createHash } from "node:crypto";
import type { StoreName } from "@counterfoil/processing/ports/model-store";
import type { ClientConfig } from "pg";
import { ConfigurationInvalid } from "../config.ts";
import {
  type ErrorMapping,
  fieldsOf,
  LAID_OUT_OTHERWISE,
  messageOf,
  type Trouble,
  troubleError,
  unavailable,
} from "../sql/engine-errors.ts";

/** A PostgreSQL server as the configuration names it. */
export type Server = Readonly<{
  /** Host, port and database for messages, never the password. */
  name: string;
  config: ClientConfig;
}>;

/** A ledger and the server that stores it. */
export type LedgerOnServer = Readonly<{
  /** The value of COUNTERFOIL_POSTGRES_URL. */
  url: string;
  ledger: string;
}>;

const POSTGRES_VARIABLE = "COUNTERFOIL_POSTGRES_URL";

const EXPECTED = `${POSTGRES_VARIABLE}: expected postgres://user:password@host:5432/database`;

/**
 * Reads a connection URL. Its parameters are libpq's (`sslmode`, `sslrootcert`, `application_name` …).
 *
 * @throws ConfigurationInvalid if it is no such URL, without the URL, which may contain a password
 */
export function serverOf(url: string): Server {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^postgres(?:ql)?:$/.test(parsed.protocol)) {
    throw new ConfigurationInvalid([EXPECTED]);
  }
  const host = decodeURIComponent(parsed.hostname) || "localhost";
  const database = parsed.pathname.slice(1) || parsed.username;
  return {
    name: `PostgreSQL at ${host}:${parsed.port || "5432"}/${database}`,
    config: { connectionString: withLibpqSslMode(parsed), fallback_application_name: NAME },
  };
}

const NAME = "counterfoil";

/**
 * Gives `sslmode` the meaning of libpq, which operators know. The driver would treat `require` as
 * `verify-full`, with a warning that this will change.
 */
function withLibpqSslMode(url: URL): string {
  const sslmode = url.searchParams.get("sslmode");
  if (sslmode === null) return url.href;
  if (!SSL_MODES.has(sslmode)) {
    const expected = [...SSL_MODES].join(", ");
    throw new ConfigurationInvalid([`${POSTGRES_VARIABLE}: sslmode must be one of ${expected}`]);
  }
  if (sslmode === "verify-ca" && !url.searchParams.has("sslrootcert")) {
    throw new ConfigurationInvalid([
      `${POSTGRES_VARIABLE}: sslmode=verify-ca needs sslrootcert=<file>: name the authority's certificate, or use verify-full`,
    ]);
  }
  url.searchParams.set("uselibpqcompat", "true");
  return url.href;
}

const SSL_MODES = new Set(["disable", "prefer", "require", "verify-ca", "verify-full"]);

/** PostgreSQL silently truncates longer names. */
const NAME_BYTES_MAX = 63;
const LONGEST_MODEL = "withdrawals".length;

/** The schema of a ledger's stream, catalogue, identity index and keys. */
export function ledgerSchema(ledger: string): string {
  return ledger === "default" ? "counterfoil" : `counterfoil_${ledger}`;
}

/**
 * The schema of one model's tables. A ledger's name contains no underscore, so two of them separate the
 * ledger from the model. A name that would be too long is truncated, and a digest keeps it unique.
 */
export function modelSchema(ledger: string, model: StoreName): string {
  const schema = ledgerSchema(ledger);
  const room = NAME_BYTES_MAX - 2 - LONGEST_MODEL;
  if (schema.length <= room) return `${schema}__${model}`;
  const digest = createHash("sha256").update(ledger).digest("hex").slice(0, 12);
  return `${schema.slice(0, room - 13)}_${digest}__${model}`;
}

/** The 64-bit key of an advisory lock, hashed so that it does not collide with other programs' keys. */
export function lockKey(...names: readonly string[]): string {
  const digest = createHash("sha256").update(names.join("\0")).digest();
  return digest.readBigInt64BE(0).toString();
}

const UNREACHABLE = unavailable(
  `look after the server and the network, or check ${POSTGRES_VARIABLE}`,
);
const BUSY = unavailable("others change it just now");
const DISK = unavailable("look after the server's disk and memory");
const LOGIN_REJECTED = unavailable(
  `check user and password in ${POSTGRES_VARIABLE}, and pg_hba.conf`,
);
const DAMAGED: Trouble = {
  is: "corrupted",
  advice: "keep the server's files, and restore a backup or rebuild",
};

/**
 * By the start of the SQLSTATE; the longest match applies. A state not listed is a bug in this program, or
 * somebody's trigger, constraint or setting.
 */
const TROUBLES: readonly (readonly [state: string, trouble: Trouble])[] = [
  ["08", UNREACHABLE],
  ["0A000", BUSY],
  ["25006", unavailable(`name the primary in ${POSTGRES_VARIABLE}; this server is read-only`)],
  ["25P0", UNREACHABLE],
  ["28", LOGIN_REJECTED],
  ["3D000", unavailable(`create the database, or name another in ${POSTGRES_VARIABLE}`)],
  ["3F000", { is: "missing", advice: "it was dropped, or never created" }],
  ["40", BUSY],
  ["42501", unavailable("give its user the right to it")],
  ["42703", LAID_OUT_OTHERWISE],
  ["42P01", { is: "missing", advice: "it was dropped, or never created" }],
  ["53300", unavailable("raise max_connections or end other connections")],
  ["53", DISK],
  ["55P03", BUSY],
  ["57014", unavailable("it took too long: look after the server's load")],
  ["57", UNREACHABLE],
  ["58", DISK],
  ["XX001", DAMAGED],
  ["XX002", DAMAGED],
  ["XX", DISK],
];

const NOT_RESOLVED = unavailable(`check the host in ${POSTGRES_VARIABLE}`);
const WRONG_PORT = unavailable(`check host and port in ${POSTGRES_VARIABLE}; is it PostgreSQL?`);
const TLS = unavailable(`check sslmode and sslrootcert in ${POSTGRES_VARIABLE}`);

/** By the runtime's error code, or the message of the driver, which has no codes of its own. */
const CONNECTION_TROUBLES: readonly (readonly [found: RegExp, trouble: Trouble])[] = [
  [/SSL|TLS|CERT|SELF_SIGNED|UNABLE_TO_VERIFY/, TLS],
  [/^ENOTFOUND|^EAI_/, NOT_RESOLVED],
  [/^ECONNREFUSED/, unavailable(`start the server, or check ${POSTGRES_VARIABLE}`)],
  [/^E[A-Z]+/, UNREACHABLE],
  [/password must be a string/i, LOGIN_REJECTED],
  [/invalid response|SASL|SCRAM|Unknown auth/, WRONG_PORT],
  [/terminated|timeout|not queryable/i, UNREACHABLE],
];

/** Converts an error of the server, driver or network to the port's; returns any other unchanged. */
export function portError(error: unknown, mapping: ErrorMapping, server: Server): unknown {
  if (error instanceof ServerUnfit) {
    const advice = `${error.advice}, or name another server in ${POSTGRES_VARIABLE}`;
    return troubleError(mapping, server.name, unavailable(advice), error);
  }
  const trouble = troubleOf(error);
  return trouble === null ? error : troubleError(mapping, server.name, trouble, error);
}

/** Advice for a refusal with a state that is not listed. */
const REFUSED = unavailable(
  "look for triggers, constraints and settings that this program did not make, and into the server's log",
);

/** Converts a refusal with a state that is not listed; returns any other error unchanged. */
export function refusedError(error: unknown, mapping: ErrorMapping, server: Server): unknown {
  return isUnlisted(error) ? troubleError(mapping, server.name, REFUSED, error) : error;
}

/** Whether the server refused a statement with a state that is not listed. */
export function isUnlisted(error: unknown): boolean {
  return stateOf(error) !== null && troubleOf(error) === null;
}

/** The server answers, but does not meet the program's requirements. */
export class ServerUnfit extends Error {
  override readonly name = "ServerUnfit";
  readonly advice: string;

  constructor(found: string, advice: string) {
    super(found);
    this.advice = advice;
  }
}

/** Whether the connection was lost, so that the outcome of what was sent over it is unknown. */
export function isConnectionLost(error: unknown): boolean {
  const state = stateOf(error);
  if (state !== null) return /^(?:08|57P|25P0|58)/.test(state);
  return troubleOf(error) !== null;
}

export const UNIQUE_VIOLATED = "23505";
export const DIVISION_BY_ZERO = "22012";
export const NOT_ENCODABLE = "22021";
export const NOT_ALLOWED = "42501";

/** The SQLSTATE of an error that the server reported; null for any other error. */
export function stateOf(error: unknown): string | null {
  const { code } = fieldsOf(error);
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !code.startsWith("E")
    ? code
    : null;
}

function troubleOf(error: unknown): Trouble | null {
  const state = stateOf(error);
  if (state !== null) {
    const matching = TROUBLES.filter(([start]) => state.startsWith(start));
    return matching.sort(([a], [b]) => b.length - a.length)[0]?.[1] ?? null;
  }
  const { code } = fieldsOf(error);
  const texts = [typeof code === "string" ? code : "", messageOf(error)];
  if (!isOfDriver(error)) return null;
  for (const [found, trouble] of CONNECTION_TROUBLES) {
    if (texts.some((text) => found.test(text))) return trouble;
  }
  return null;
}

/** Whether the error is of the network, the runtime or the driver: this program's have other names. */
function isOfDriver(error: unknown): boolean {
  const { name } = fieldsOf(error);
  return name === "Error" || name === "error" || name === "AggregateError";
}
