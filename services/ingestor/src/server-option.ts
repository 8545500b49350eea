import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Config } from "@counterfoil/contracts/config";
import type { ErrorCode } from "@counterfoil/contracts/error-code";
import type { ConnectionError, FastifyHttpOptions } from "fastify";
import { PROBLEM_MEDIA_TYPE, problemOf, sendProblem } from "./problem.ts";

/** From a request's first byte to its last; a webhook is small and its sender impatient. */
export const REQUEST_TIMEOUT_MS = 30_000;

/**
 * What fastify has to be created with, so that requests which never become a webhook (headers too
 * large, too slow, no HTTP) are answered with problem documents as well. Whoever mounts the routes
 * into an instance of their own spreads these options into it.
 *
 * @param requestTimeoutMs until a request that has not arrived whole is answered with 408
 */
export function serverOptions(
  config: Pick<Config, "COUNTERFOIL_MAX_BODY_BYTES">,
  requestTimeoutMs = REQUEST_TIMEOUT_MS,
) {
  return {
    bodyLimit: config.COUNTERFOIL_MAX_BODY_BYTES,
    requestTimeout: requestTimeoutMs,
    http: {
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.ceil(requestTimeoutMs / 10),
    },
    // While closing, what comes over kept connections is still taken: a refusal costs a webhook.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (_error, _request, reply) => {
      sendProblem(reply, "malformed_request", "the request's address cannot be read");
    },
  } satisfies FastifyHttpOptions<Server>;
}

/** Errors of Node's HTTP parser; any other means that it was no HTTP. */
const CLIENT_ERRORS: Readonly<Record<string, Readonly<{ code: ErrorCode; detail: string }>>> = {
  HPE_HEADER_OVERFLOW: { code: "headers_too_large", detail: "all headers together: 16 KiB" },
  ERR_HTTP_REQUEST_TIMEOUT: { code: "request_timeout", detail: "the request did not end in time" },
};

const NOT_HTTP = { code: "malformed_request", detail: "this is no HTTP/1.1 request" } as const;

/** How long the other side may take to read the answer. */
const LINGER_MS = 5_000;

function answerClientError(error: ConnectionError, socket: Socket): void {
  // Bytes that follow the broken ones bring further errors; the first one is being answered.
  if (socket.writableEnded) return;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { code, detail } = CLIENT_ERRORS[error.code] ?? NOT_HTTP;
  const problem = problemOf(code, detail);
  const body = JSON.stringify(problem);
  // Destroying the socket while bytes come in would discard the answer.
  const lingering = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(lingering));
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${problem.title}`,
      `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      "Connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}
