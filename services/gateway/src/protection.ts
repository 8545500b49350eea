import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { Config } from "@counterfoil/contracts/config";
import { Problem } from "@counterfoil/http/problem";
import { REQUEST_ID_HEADER } from "@counterfoil/http/request-log";
import compress from "@fastify/compress";
import cors from "@fastify/cors";
import etag from "@fastify/etag";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import underPressure from "@fastify/under-pressure";
import type { FastifyInstance, FastifyReply } from "fastify";

declare module "fastify" {
  interface FastifyContextConfig {
    /** `Cache-Control` of its answers. */
    caching?: string;
  }
}

const MINUTE_MS = 60_000;

/**
 * By memory alone. The plugin's measure of a late event loop is the mean of one second, and none at
 * all counts as endless: whoever came right behind a stall, such as that of the start, was refused.
 */
const HEAP_SHARE_MAX = 0.9;

/** Of the memory that the kernel gives this process and those of its group before it ends one. */
const MEMORY_SHARE_MAX = 0.95;
const MEMORY_CHECK_MS = 250;

/**
 * What is ended for want of memory is the process, and not the thread whose heap is full: answers
 * are made on other threads than this one. Mapped files do not count, they are given back.
 *
 * @returns the share that this process holds of what it may
 */
export function memoryShare(): number {
  const limit = Math.min(process.constrainedMemory() || totalmem(), totalmem());
  return heldBytes() / limit;
}

function heldBytes(): number {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    const kilobytes = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]);
    if (kilobytes > 0) return kilobytes * 1024;
  } catch {
    // No Linux: what it says itself.
  }
  return process.memoryUsage.rss();
}

/**
 * Compressing 4 KiB inline takes some 50 µs; what is longer goes through threads of the runtime. The
 * fastest level: three of four bytes of a list are gone with it, for a third of the usual level's time.
 */
const COMPRESSED_INLINE_MAX = 4 * 1024;
const COMPRESSION = {
  encodings: ["gzip" as const],
  globalDecompression: false,
  // A delivery's bytes stay as they are.
  customTypes: /^application\/(?:problem\+)?json/,
  threshold: 1024,
  syncThreshold: COMPRESSED_INLINE_MAX,
  zlibOptions: { level: 1 },
};

/** Headers that keep browsers from reading anything into an answer, on every route. */
export async function sendSecurityHeaders(app: FastifyInstance, config: Config): Promise<void> {
  const isTls = config.COUNTERFOIL_HTTP_TLS_CERT_FILE !== undefined;
  await app.register(helmet, {
    // Where it listens without TLS, a browser that was told to come back with it finds nobody.
    strictTransportSecurity: isTls,
    contentSecurityPolicy: {
      useDefaults: false,
      // What `/docs` needs; nothing else here is a page.
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
 * Bounds and headers of the routes under `/v1` that are mounted on this application afterwards.
 * Webhooks are on another: they have limits of their own, and are taken whoever reads how much.
 */
export async function protectRoutes(
  app: FastifyInstance,
  config: Config,
  share: () => number = memoryShare,
): Promise<void> {
  app.addHook("onRequest", async ({ routeOptions }, reply) => {
    // Each key has answers of its own.
    reply.header("vary", "Authorization");
    reply.header("cache-control", routeOptions.config.caching ?? "no-store");
  });
  const underWay = watchAnswers(app);
  await app.register(underPressure, {
    maxHeapUsedBytes: HEAP_SHARE_MAX * getHeapStatistics().heap_size_limit,
    healthCheck: async () => share() < MEMORY_SHARE_MAX,
    healthCheckInterval: MEMORY_CHECK_MS,
    pressureHandler: async ({ raw }, _reply, type) => {
      // One at a time goes on: what it allocates makes its thread collect what others have left.
      if (type === "healthCheck" && !underWay.anyBut(raw)) return;
      throw new Problem("overloaded", "the service has more to do than it can, try again later");
    },
  });
  const { COUNTERFOIL_CORS_ORIGINS: origins, COUNTERFOIL_RATE_LIMIT: rate } = config;
  if (origins.length > 0) {
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
  if (rate > 0) {
    await app.register(rateLimit, {
      max: rate,
      timeWindow: MINUTE_MS,
      enableDraftSpec: true,
      keyGenerator: ({ caller }) => String(caller.keyId),
      // Without keys there is nobody to tell from others, and loopback alone.
      allowList: ({ caller }) => caller.keyId === null,
      errorResponseBuilder: (_request, { max, after }) =>
        new Problem("rate_limited", `${max} requests a minute are this key's: again in ${after}`),
    });
  }
  // Weak: it is the answer's, compressed or not.
  await app.register(etag, { weak: true });
  await app.register(compress, COMPRESSION);
}

/** The answers that are being made. One that is being sent, or is a stream, is none of them. */
function watchAnswers(app: FastifyInstance) {
  const replies = new Set<FastifyReply>();
  app.addHook("onRequest", async (_request, reply) => {
    replies.add(reply);
    reply.raw.once("close", () => replies.delete(reply));
  });
  return {
    anyBut: (request: FastifyReply["request"]["raw"]): boolean =>
      [...replies].some((reply) => reply.request.raw !== request && !reply.sent),
  };
}
