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
