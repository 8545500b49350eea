import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Config } from "@counterfoil/contracts/config";
import type { ConnectionError, FastifyHttpOptions } from "fastify";
import { PROBLEM_MEDIA_TYPE, Problem, problemDocumentOf, sendProblem } from "./problem.ts";

/** From a request's first byte to its last. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** Providers choose ids, and each byte of one may take nine in an address. */
const PARAM_LENGTH_MAX = 8192;

/**
 * What fastify is created with: also requests that never reach a route (headers too large, too
 * slow, no HTTP) are answered with problem documents.
 */
export function serverOptions(config: Pick<Config, "COUNTERFOIL_MAX_BODY_BYTES">) {
  return {
    bodyLimit: config.COUNTERFOIL_MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    http: {
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: Math.ceil(REQUEST_TIMEOUT_MS / 10),
    },
    // What comes over kept connections while closing is still answered: a refusal costs a webhook.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (_error, _request, reply) => {
      sendProblem(reply, new Problem("malformed_request", "the address cannot be read"));
    },
  } satisfies FastifyHttpOptions<Server>;
}

/** Errors of Node's HTTP parser; any other means that it was no HTTP. */
const CLIENT_ERRORS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: new Problem("headers_too_large", "all headers together: 16 KiB"),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem("request_timeout", "the request did not end in time"),
};

const NOT_HTTP = new Problem("malformed_request", "this is no HTTP/1.1 request");

/** How long the other side may take to read the answer. */
const LINGER_MS = 5_000;

function answerClientError(error: ConnectionError, socket: Socket): void {
  // Bytes that follow the broken ones bring further errors; the first one is being answered.
  if (socket.writableEnded) return;
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemDocumentOf(CLIENT_ERRORS[error.code] ?? NOT_HTTP);
  const body = JSON.stringify(problem);
  // Destroying the socket while bytes come in would discard the answer.
  socket.setTimeout(LINGER_MS, () => socket.destroy());
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
