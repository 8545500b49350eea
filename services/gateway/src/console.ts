import { ADDRESSES } from "@counterfoil/console/addresses";
import { type Console, createConsole, type ServedFile } from "@counterfoil/console/console";
import { type AnswerMissing, Problem } from "@counterfoil/http/problem";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";

/**
 * Starts to build the console, so that the first visitor does not wait for it. If the build fails, the
 * next request for a page retries it.
 */
export function prepareConsole(logger: Logger): Console {
  const console = createConsole();
  console.bundle().catch((error: Error) => {
    if (error.name === "AbortError") return;
    logger.warn(
      { err: error },
      "the console could not be built, trying again when it is asked for",
    );
  });
  return console;
}

/**
 * Serves the console: one document at each of its addresses, and the files that it needs. They require
 * no key: they contain nothing of the ledger, and the page calls the API with the user's key.
 */
export function serveConsole(app: FastifyInstance, { bundle }: Console): void {
  const schema = { hide: true };
  for (const url of Object.values(ADDRESSES)) {
    app.get(url, { schema }, async (request, reply) =>
      sendDocument(request, reply, (await bundle()).document),
    );
  }
  app.get<{ Params: { name: string } }>("/console/:name", { schema }, async (request, reply) => {
    const { name } = request.params;
    const file = (await bundle()).files.get(name);
    if (file === undefined) throw new Problem("not_found", `the console has no file "${name}"`);
    // The name changes with the bytes.
    reply.header("cache-control", "public, max-age=31536000, immutable");
    return sendFile(request, reply, file);
  });
}

/** Answers a browser that opens an unknown address with the console, which says so and leads on. */
export const answerMissingPage =
  ({ bundle }: Console): AnswerMissing =>
  (request, reply) => {
    const { method, headers, url } = request;
    const isPage = method === "GET" && /\btext\/html\b/.test(String(headers.accept));
    if (!isPage || PROGRAMS.test(url)) return null;
    return bundle().then(({ document }) => sendDocument(request, reply.code(404), document));
  };

/** What programs ask for. */
const PROGRAMS = /^\/(?:v\d|webhooks|console)(?:\/|\?|$)/;

function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  document: ServedFile,
): FastifyReply {
  reply.headers({ "content-security-policy": POLICY, "cache-control": "no-cache" });
  return sendFile(request, reply, document);
}

/** Allows scripts, styles and requests of this service alone, and nothing inline. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

function sendFile(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { type, bytes, br, gzip }: ServedFile,
): FastifyReply {
  const accepted = String(headers["accept-encoding"] ?? "");
  reply.type(type).header("vary", "accept-encoding");
  if (br !== null && /\bbr\b/.test(accepted)) return send(reply, br, "br");
  if (gzip !== null && /\bgzip\b/.test(accepted)) return send(reply, gzip, "gzip");
  return reply.send(asBuffer(bytes));
}

const send = (reply: FastifyReply, bytes: Uint8Array, encoding: string): FastifyReply =>
  reply.header("content-encoding", encoding).send(asBuffer(bytes));

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
