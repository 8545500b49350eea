import { timingSafeEqual } from "node:crypto";
import type { Config } from "@counterfoil/contracts/config";
import type { KeyRole } from "@counterfoil/contracts/service-fact";
import { keyState } from "@counterfoil/core/access/api-key";
import type { Hashing } from "@counterfoil/core/hashing";
import { isLoopback } from "@counterfoil/http/early-server";
import type { Needs } from "@counterfoil/http/operations";
import { Problem } from "@counterfoil/http/problem";
import type { KeyDirectory } from "@counterfoil/processing/access/keys";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { FastifyInstance, FastifyRequest } from "fastify";

/** Who makes a request. */
export type Caller = Readonly<{
  /** null if no key is required. */
  keyId: string | null;
  role: KeyRole;
  /** Only the data of this platform is visible; null sees everything. */
  platform: string | null;
  /** The name in events. */
  actor: string;
}>;

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller;
  }
}

/** A caller without a key: it may read as long as no key was ever created. */
export const ANONYMOUS: Caller = { keyId: null, role: "reader", platform: null, actor: "nobody" };

type GuardDeps = Readonly<{
  config: Config;
  directory: () => Promise<KeyDirectory>;
  clock: Pick<Clock, "now">;
  hashing: Hashing;
}>;

/** Refuses requests by the Host header, the origin of the page, the key and its role, in this order. */
export function guard(app: FastifyInstance, deps: GuardDeps): void {
  app.decorateRequest("caller");
  app.addHook("onRequest", async (request, reply) => {
    request.caller = ANONYMOUS;
    if (!isPublic(request)) {
      checkHost(request, deps.config);
      checkOrigin(request, deps.config);
    }
    const needs = needsOf(request);
    if (needs === null) return;
    try {
      request.caller = await callerOf(request, needs, deps);
      const { keyId } = request.caller;
      if (keyId !== null) request.logged = { key_id: keyId };
    } catch (error) {
      if (isProblem(error, "unauthenticated")) reply.header("www-authenticate", CHALLENGE);
      throw error;
    }
  });
}

/** Whether a connected reader would still be admitted now. */
export async function isStillAdmitted(
  { keyId }: Caller,
  { directory, clock }: Pick<GuardDeps, "directory" | "clock">,
): Promise<boolean> {
  const known = await directory();
  if (keyId === null) return !known.requiresKey;
  const found = known.withId(keyId);
  return found !== null && found.digest !== null && keyState(found.key, clock.now()) === "active";
}

const CHALLENGE = 'Bearer realm="counterfoil"';

const isProblem = (error: unknown, code: Problem["code"]): boolean =>
  error instanceof Problem && error.code === code;

const pathOf = ({ url, routeOptions }: FastifyRequest): string =>
  routeOptions.url ?? url.split("?", 1)[0] ?? "";

/** Providers and probes may use any host name. */
const PUBLIC_PATHS = /^\/(?:webhooks\/|healthz$|readyz$|metrics$)/;

const isPublic = (request: FastifyRequest): boolean => PUBLIC_PATHS.test(pathOf(request));

/** An unknown path under `/v1` needs a key too. A browser's preflight request has none. */
function needsOf(request: FastifyRequest): Needs {
  if (request.method === "OPTIONS") return null;
  const { needs } = request.routeOptions.config;
  if (needs !== undefined) return needs;
  return pathOf(request).startsWith("/v1/") ? "reader" : null;
}

/**
 * Prevents DNS rebinding: a foreign page may let its own name resolve to this machine, and then has
 * the same origin; only the Host header shows it.
 *
 * @throws Problem unknown_host
 */
function checkHost({ host }: FastifyRequest, config: Config): void {
  const [, name = ""] = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(host.toLowerCase()) ?? [];
  const bare = name.replace(/^\[|\]$/g, "");
  if (isLoopback(bare) || bare === config.COUNTERFOIL_HTTP_HOST.toLowerCase()) return;
  const allowed = config.COUNTERFOIL_ALLOWED_HOSTS.map((one) => one.toLowerCase());
  if (name !== "" && allowed.includes(name)) return;
  throw new Problem(
    "unknown_host",
    "the service is not known by the name in the Host header: COUNTERFOIL_ALLOWED_HOSTS says by which it is",
  );
}

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Prevents cross-site requests that change something: a browser sends them, and only withholds the
 * answer from the page.
 *
 * @throws Problem foreign_origin
 */
function checkOrigin({ method, headers, host }: FastifyRequest, config: Config): void {
  if (SAFE_METHODS.has(method)) return;
  const { origin, "sec-fetch-site": site } = headers;
  const isForeign =
    origin === undefined
      ? site === "cross-site"
      : !config.COUNTERFOIL_CORS_ORIGINS.includes(origin) && hostIn(origin) !== host.toLowerCase();
  if (!isForeign) return;
  throw new Problem(
    "foreign_origin",
    "a page of another origin asks for a change: COUNTERFOIL_CORS_ORIGINS says whose pages may",
  );
}

const hostIn = (origin: string): string | null =>
  URL.canParse(origin) ? new URL(origin).host : null;

/** @throws Problem unauthenticated, wrong_role */
async function callerOf(
  request: FastifyRequest,
  needs: Exclude<Needs, null>,
  deps: GuardDeps,
): Promise<Caller> {
  const isLocal = isLoopback(request.ip);
  if (needs === "metrics" && isLocal) return ANONYMOUS;
  const directory = await deps.directory();
  if (!directory.requiresKey) {
    const isOpen = isLocal || deps.config.COUNTERFOIL_ALLOW_UNAUTHENTICATED;
    if (isOpen && needs !== "operator") return ANONYMOUS;
    throw new Problem(
      "unauthenticated",
      "there is no API key yet: `counterfoil keys create` makes one",
    );
  }
  const caller = authenticate(request, directory, deps);
  if (caller === null) throw new Problem("unauthenticated", EXPECTED);
  checkRole(caller, needs);
  return caller;
}

/** The same text for every refused key, so that it does not reveal whether the key ever existed. */
const EXPECTED =
  "expected `Authorization: Bearer SECRET` with a key of this ledger that was neither revoked nor has expired";

const BEARER = /^Bearer +((cf_[0-9a-f]{8})_[\w-]{43})$/i;

/** @returns null if the request has no active key */
function authenticate(
  { headers }: FastifyRequest,
  directory: KeyDirectory,
  { clock, hashing }: GuardDeps,
): Caller | null {
  const [, secret, prefix] = BEARER.exec(headers.authorization ?? "") ?? [];
  if (secret === undefined || prefix === undefined) return null;
  const presented = Buffer.from(hashing.sha256(secret), "hex");
  for (const { key, digest } of directory.withPrefix(prefix)) {
    const stored = Buffer.from(digest ?? "", "hex");
    if (stored.length !== presented.length || !timingSafeEqual(stored, presented)) continue;
    if (keyState(key, clock.now()) !== "active") return null;
    const { id, role, platform, name } = key;
    return {
      keyId: id,
      role,
      platform,
      actor: name === null ? `key:${id}` : `key:${id} (${name})`,
    };
  }
  return null;
}

/** @throws Problem wrong_role */
function checkRole({ role, platform }: Caller, needs: Exclude<Needs, null>): void {
  if (needs === "metrics" && platform !== null) {
    throw new Problem(
      "wrong_role",
      "metrics count what is everybody's: use a key without platform",
    );
  }
  if (needs === "operator" && role !== "operator") {
    throw new Problem("wrong_role", "this changes something: use a key of the role operator");
  }
}
