import { createHash } from "node:crypto";
import type { StoreName } from "@counterfoil/processing/ports/model-store";
import type { ClientConfig } from "pg";
import { ConfigurationInvalid } from "../config.ts";

/** A PostgreSQL server as the configuration names it. */
export type Server = Readonly<{
  /** For messages: host, port and database, never the password. */
  name: string;
  config: ClientConfig;
}>;

/** A ledger on a server, as the configuration names it. */
export type LedgerOnServer = Readonly<{
  /** COUNTERFOIL_POSTGRES_URL. */
  url: string;
  ledger: string;
}>;

export const POSTGRES_VARIABLE = "COUNTERFOIL_POSTGRES_URL";

const EXPECTED = `${POSTGRES_VARIABLE}: expected postgres://user:password@host:5432/database`;

/**
 * Reads a connection URL. Its parameters are libpq's (`sslmode`, `sslrootcert`, `application_name` …).
 *
 * @throws ConfigurationInvalid where it is none; it never repeats the URL, which holds a password
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
    config: { connectionString: withMeaningOfLibpq(parsed), fallback_application_name: NAME },
  };
}

const NAME = "counterfoil";

/**
 * The driver takes `sslmode=require` for `verify-full` and warns that it will not do so for ever;
 * operators know the meaning that libpq gives it.
 */
function withMeaningOfLibpq(url: URL): string {
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

/** Beyond, PostgreSQL would cut a name without a word. */
const NAME_BYTES_MAX = 63;
const LONGEST_MODEL = "withdrawals".length;

/** The schema of a ledger's stream, catalogue and index. */
export function ledgerSchema(ledger: string): string {
  return ledger === "default" ? "counterfoil" : `counterfoil_${ledger}`;
}

/**
 * The schema of one model's tables. A ledger's name holds no underscore, so that two of them keep
 * models and ledgers apart; one too long for all of this is cut, and a digest keeps it apart from others.
 */
export function modelSchema(ledger: string, model: StoreName): string {
  const schema = ledgerSchema(ledger);
  const room = NAME_BYTES_MAX - 2 - LONGEST_MODEL;
  if (schema.length <= room) return `${schema}__${model}`;
  const digest = createHash("sha256").update(ledger).digest("hex").slice(0, 12);
  return `${schema.slice(0, room - 13)}_${digest}__${model}`;
}

/** The 64-bit key of an advisory lock; other programs in the database may use any others. */
export function lockKey(...names: readonly string[]): string {
  const digest = createHash("sha256").update(names.join("\0")).digest();
  return digest.readBigInt64BE(0).toString();
}
