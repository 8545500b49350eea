import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { Config } from "@counterfoil/contracts/config";
import { addressProblem, Problem } from "@counterfoil/http/problem";
import { REQUEST_ID_HEADER } from "@counterfoil/http/request-log";
import compress from "@fastify/compress";
import cors from "@fastify/cors";
import etag from "@fastify/etag";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import underPressure from "@fastify/under-pressure";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyContextConfig {
    /** `Cache-Control` of the route's answers. */
    caching?: string;
  }
}

const MINUTE_MS = 60_000;

/**
 * Overload is measured by memory alone. The plugin measures the delay of the event loop as the mean of
 * one second, and treats a missing sample as infinite: it refused the first requests after a stall,
 * such as the one at start.
 */
const HEAP_SHARE_MAX = 0.9;

/** Of the limit at which the kernel kills a process of this control group. */
const MEMORY_SHARE_MAX = 0.95;
const MEMORY_CHECK_MS = 250;

/**
 * The memory of the whole process, since answers are made on other threads than this one and the
 * kernel kills the process, not a thread. Mapped files do not count: the kernel can reclaim them.
 *
 * @returns the share of its memory limit that this process uses
 */
export function memoryShare(): number {
  const limit = Math.min(process.constrainedMemory() || totalmem(), totalmem());
  return usedBytes() / limit;
}

function usedBytes(): number {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    const kilobytes = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]);
    if (kilobytes > 0) return kilobytes * 1024;
  } catch {
    // Not Linux: use Node's own figure.
  }
  return process.memoryUsage.rss();
}

/**
 * Compressing 64 KiB inline takes less than half a millisecond, no more than passing a page of a list
 * to the runtime's threads; longer answers are compressed there.
 * The fastest level removes three of four bytes of a list, in a third of the default level's time.
 */
const COMPRESSED_INLINE_MAX = 64 * 1024;
const COMPRESSION = {
  encodings: ["gzip" as const],
  globalDecompression: false,
  // The bytes of a delivery are not compressed.
  customTypes: /^application\/(?:problem\+)?json/,
  threshold: 1024,
  syncThreshold: COMPRESSED_INLINE_MAX,
  zlibOptions: { level: 1 },
};

/** Sends security headers for browsers, on every route. */
export async function sendSecurityHeaders(app: FastifyInstance, config: Config): Promise<void> {
  const isTls = config.COUNTERFOIL_HTTP_TLS_CERT_FILE !== undefined;
  await app.register(helmet, {
    // Without TLS here, a browser that is told to use it could not connect again.
    strictTransportSecurity: isTls,
    contentSecurityPolicy: {
      useDefaults: false,
      // What `/docs` needs; the console has its own policy.
      directives: {
        defaultSrc: ["'none'"],
        connectSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
  });
}

/**
 * Adds load limits and headers to the routes under `/v1` that are mounted on this application
 * afterwards. Webhooks are mounted on another one: they have their own limits, and are accepted
 * whatever the load of readers.
 */
export async function protectRoutes(
  app: FastifyInstance,
  config: Config,
  share: () => number = memoryShare,
): Promise<void> {
  app.addHook("onRequest", async ({ url, routeOptions }, reply) => {
    // The query parser keeps a broken percent-encoding as text, and so searches for another value.
    const unread = addressProblem(url);
    if (unread !== null) throw unread;
    // Answers differ by key.
    reply.header("vary", "Authorization");
    reply.header("cache-control", routeOptions.config.caching ?? "no-store");
  });
  await refuseWhenOverloaded(app, share);
  await allowOrigins(app, config.COUNTERFOIL_CORS_ORIGINS);
  await limitRate(app, config.COUNTERFOIL_RATE_LIMIT);
  await answerUnchanged(app);
  await app.register(compress, COMPRESSION);
}

async function refuseWhenOverloaded(app: FastifyInstance, share: () => number): Promise<void> {
  const pending = trackPendingReplies(app);
  await app.register(underPressure, {
    maxHeapUsedBytes: HEAP_SHARE_MAX * getHeapStatistics().heap_size_limit,
    healthCheck: async () => share() < MEMORY_SHARE_MAX,
    healthCheckInterval: MEMORY_CHECK_MS,
    pressureHandler: async ({ raw }, _reply, type) => {
      // One request at a time is still answered: its allocations make the thread collect garbage.
      if (type === "healthCheck" && !pending.hasOther(raw)) return;
      throw new Problem("overloaded", "the service has more to do than it can, try again later");
    },
  });
}

/** Lets pages of these origins read the answers. */
async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: ["GET", "HEAD", "POST"],
    allowedHeaders: ["authorization", "content-type", "if-none-match"],
    exposedHeaders: [
      ...["etag", "link", "retry-after", "ratelimit-limit", "ratelimit-remaining"],
      REQUEST_ID_HEADER,
    ],
  });
}

/** @param max requests of a key in a minute; 0 for any number */
async function limitRate(app: FastifyInstance, max: number): Promise<void> {
  if (max === 0) return;
  await app.register(rateLimit, {
    max,
    timeWindow: MINUTE_MS,
    enableDraftSpec: true,
    keyGenerator: ({ caller }) => String(caller.keyId),
    // Without keys, callers cannot be told apart, and are on loopback alone by default.
    allowList: ({ caller }) => caller.keyId === null,
    errorResponseBuilder: (_request, { max, after }) =>
      new Problem("rate_limited", `${max} requests a minute are this key's: again in ${after}`),
  });
}

/** Answers with 304 what the client has already. */
async function answerUnchanged(app: FastifyInstance): Promise<void> {
  // Weak, because it is the same for the compressed and the uncompressed answer.
  await app.register(etag, { weak: true, replyWith304: false });
  app.addHook("onSend", async (request, reply, payload) => {
    if (!isUnchanged(request, reply)) return payload;
    reply.code(304);
    return "";
  });
}

/** An entity tag; its text is compared without the mark of a weak one. */
const TAG = /(?:W\/)?("[^"]*")/g;

/** Whether the client has the answer: `If-None-Match` is a list of tags or `*`, compared weakly (RFC 9110). */
function isUnchanged({ method, headers }: FastifyRequest, reply: FastifyReply): boolean {
  const asked = headers["if-none-match"];
  const own = reply.getHeader("etag");
  if (asked === undefined || typeof own !== "string" || reply.statusCode !== 200) return false;
  if (method !== "GET" && method !== "HEAD") return false;
  if (asked.trim() === "*") return true;
  const tags = [...asked.matchAll(TAG)].map(([, tag]) => tag);
  return tags.includes(own.replace(TAG, "$1"));
}

/** Tracks the replies that are not sent yet; one that is being sent, or is a stream, is not pending. */
function trackPendingReplies(app: FastifyInstance) {
  const replies = new Set<FastifyReply>();
  app.addHook("onRequest", async (_request, reply) => {
    replies.add(reply);
    reply.raw.once("close", () => replies.delete(reply));
  });
  return {
    hasOther: (request: FastifyReply["request"]["raw"]): boolean =>
      [...replies].some((reply) => reply.request.raw !== request && !reply.sent),
  };
}
