import { timingSafeEqual } from "node:crypto";
import type { Config } from "@counterfoil/contracts/config";
import type { KeyRole } from "@counterfoil/contracts/service-fact";
import { keyState } from "@counterfoil/core/access/api-key";
import type { Hashing } from "@counterfoil/core/hashing";
import { isLoopback } from "@counterfoil/http/door";
import type { Needs } from "@counterfoil/http/operations";
import { Problem } from "@counterfoil/http/problem";
import type { KeyDirectory } from "@counterfoil/processing/access/keys";
import type { Clock } from "@counterfoil/processing/ports/clock";
import type { FastifyInstance, FastifyRequest } from "fastify";

/** Who asks. */
export type Caller = Readonly<{
  /** null: nobody is asked for a key. */
  keyId: string | null;
  role: KeyRole;
  /** What is not this platform's does not exist for it; null sees everything. */
  platform: string | null;
  /** How events name it. */
  actor: string;
}>;

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller;
  }
}

/** Whoever is let in without a key: it reads, as long as there was never a key. */
export const NOBODY: Caller = { keyId: null, role: "reader", platform: null, actor: "nobody" };

type GuardDeps = Readonly<{
  config: Config;
  directory: () => Promise<KeyDirectory>;
  clock: Pick<Clock, "now">;
  hashing: Hashing;
}>;

/** Lets nobody past who must not: the name, the page's origin, the key, its role, in this order. */
export function guard(app: FastifyInstance, deps: GuardDeps): void {
  app.decorateRequest("caller");
  app.addHook("onRequest", async (request, reply) => {
    request.caller = NOBODY;
    if (!isForAnybody(request)) {
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

/** Whether whoever was let in to read, and is still there, would be let in now. */
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

/** Providers and probes call the service by whatever name they were given. */
const FOR_ANYBODY = /^\/(?:webhooks\/|healthz$|readyz$|metrics$)/;

const isForAnybody = (request: FastifyRequest): boolean => FOR_ANYBODY.test(pathOf(request));

/** An address under `/v1` that no route has needs a key too. A browser asks beforehand without one. */
function needsOf(request: FastifyRequest): Needs {
  if (request.method === "OPTIONS") return null;
  const { needs } = request.routeOptions.config;
  if (needs !== undefined) return needs;
  return pathOf(request).startsWith("/v1/") ? "reader" : null;
}

/**
 * A page of anybody may let its own name point to this machine, and would be of the same origin then:
 * only the name in the request tells.
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

const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Browsers send what a page of another origin asks for, and only withhold the answer.
 *
 * @throws Problem foreign_origin
 */
function checkOrigin({ method, headers, host }: FastifyRequest, config: Config): void {
  if (READING.has(method)) return;
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
  const isHere = isLoopback(request.ip);
  if (needs === "metrics" && isHere) return NOBODY;
  const directory = await deps.directory();
  if (!directory.requiresKey) {
    const isOpen = isHere || deps.config.COUNTERFOIL_ALLOW_UNAUTHENTICATED;
    if (isOpen && needs !== "operator") return NOBODY;
    throw new Problem(
      "unauthenticated",
      "there is no API key yet: `counterfoil keys create` makes one",
    );
  }
  const caller = holderOf(request, directory, deps);
  if (caller === null) throw new Problem("unauthenticated", EXPECTED);
  checkRole(caller, needs);
  return caller;
}

/** The same for every key that opens nothing: which it is, is the business of who made it. */
const EXPECTED =
  "expected `Authorization: Bearer SECRET` with a key of this ledger that was neither revoked nor has expired";

const BEARER = /^Bearer +((cf_[0-9a-f]{8})_[\w-]{43})$/i;

function holderOf(
  { headers }: FastifyRequest,
  directory: KeyDirectory,
  { clock, hashing }: GuardDeps,
): Caller | null {
  const [, secret, prefix] = BEARER.exec(headers.authorization ?? "") ?? [];
  if (secret === undefined || prefix === undefined) return null;
  const presented = Buffer.from(hashing.sha256(secret), "hex");
  for (const { key, digest } of directory.withPrefix(prefix)) {
    const kept = Buffer.from(digest ?? "", "hex");
    if (kept.length !== presented.length || !timingSafeEqual(kept, presented)) continue;
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
