import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { type Console, createConsole } from "@counterfoil/console/console";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { ErrorCode } from "@counterfoil/contracts/http";
import { wrongShape } from "@counterfoil/contracts/scalar";
import { SchemaTooNew } from "@counterfoil/core/stream/read-event";
import { type EarlyServer, serviceAddress } from "@counterfoil/http/early-server";
import { createListener, type Listener, startOrStop } from "@counterfoil/http/listener";
import { createReadiness, measureAnswers, type Readiness } from "@counterfoil/http/operations";
import {
  type AsProblem,
  Problem,
  type ProblemDetails,
  streamProblemOf,
} from "@counterfoil/http/problem";
import { REQUEST_ID_HEADER, sampleLog } from "@counterfoil/http/request-log";
import { followKeys } from "@counterfoil/processing/access/keys";
import { NotInTree } from "@counterfoil/processing/audit/heads";
import { createChangeFeed, type FeedMessage } from "@counterfoil/processing/changes/feed";
import { RebuildRunning } from "@counterfoil/processing/generations/rebuild";
import { AlreadyClosed, NothingThere } from "@counterfoil/processing/operator";
import {
  GenerationMissing,
  HeadKeyUnusable,
  ModelCorrupted,
  ModelUnavailable,
} from "@counterfoil/processing/ports/errors";
import type { KeyStore } from "@counterfoil/processing/ports/key-store";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import { ModelNotServed } from "@counterfoil/processing/queries/serving";
import type { FastifyInstance, FastifyRequest, FastifySchemaValidationError } from "fastify";
import { hasZodFastifySchemaValidationErrors, validatorCompiler } from "fastify-type-provider-zod";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { type Caller, guard, isStillAdmitted } from "./access.ts";
import { answerMissingPage, serveConsole } from "./console.ts";
import { describeRoutes } from "./describe.ts";
import { measureLedger, measureStreams } from "./metrics.ts";
import { protectRoutes, sendSecurityHeaders } from "./protection.ts";
import type { Sources } from "./reading.ts";
import { attentionRoutes, type OperatorActions, operatorRoutes } from "./route/attention.ts";
import { auditRoutes } from "./route/audit.ts";
import { balanceRoutes } from "./route/balances.ts";
import {
  changeRoutes,
  createChangeStreams,
  eventFrames,
  type OpenFeed,
  STREAM_LIMITS,
} from "./route/changes.ts";
import { lifecycleRoutes } from "./route/lifecycles.ts";
import { assertReadable, operationRoutes } from "./route/operations.ts";
import { streamRoutes } from "./route/stream.ts";
import { type ForwardRequest, mountRoutes, type Route } from "./route.ts";

export type GatewayDeps = Omit<Sources, "stopping"> &
  Readonly<{
    logger: Logger;
    registry: Registry;
    keys: KeyStore;
    catalogue: Pick<ModelCatalogue, "generations">;
    operatorActions: OperatorActions;
    /** Answers the reading routes on another thread, if other roles share this event loop. */
    readers?: Readers;
    /** By default: whether the stream and every model can be read. */
    readiness?: Readiness;
    /** The console, if its build was started already. */
    pages?: Console;
    /** The open port of the listener, if it was opened already. */
    earlyServer?: EarlyServer;
    /** Mounts the routes of other roles on the same port, such as webhooks. */
    register?: (app: FastifyInstance) => Promise<void>;
  }>;

/** Answers reading routes for a gateway. */
export type Readers = Readonly<{
  answer: ForwardRequest;
  openFeed: OpenFeed;
  /** Ends waits for positions, and answers pending requests. */
  stop: () => Promise<void>;
}>;

/**
 * Creates the HTTP interface: every reading route, operations, and what `register` adds. The caller
 * closes the sources in `deps`.
 *
 * @throws StartupError configuration_invalid
 */
export async function createGateway(deps: GatewayDeps): Promise<Listener> {
  const { config, clock, registry, register, readers, pages = createConsole() } = deps;
  const stopping = new AbortController();
  const address = serviceAddress(config);
  const readiness = deps.readiness ?? createReadiness(() => assertReadable(deps), deps.clock);
  const answerMissing = answerMissingPage(pages);
  const served = { ...deps, readiness, address, asProblem: asGatewayProblem, answerMissing };
  const listener = createListener(served);
  const { app } = listener;
  const log = sampleLog(deps);
  const onUnreadable = (model: ModelName, error: unknown) =>
    log("unreadable", "warn", { model, err: error }, "a model cannot be read for the status");
  const sources = { ...deps, onUnreadable, stopping: stopping.signal };
  setCompilers(app);
  measureAnswers(app, registry);
  measureLedger(deps);
  await sendSecurityHeaders(app, config);
  const directory = followKeys(deps);
  guard(app, { ...deps, hashing: nodeHashing, directory });
  const streams = createChangeStreams({
    openFeed: readers?.openFeed ?? openLocalFeed(deps),
    limits: { ...STREAM_LIMITS, streamsMax: config.COUNTERFOIL_CHANGE_STREAMS },
    isAdmitted: (caller) => isStillAdmitted(caller, { ...deps, directory }),
    log,
  });
  measureStreams(streams, registry);
  await describeRoutes(app);
  const operations = operationRoutes(sources, registry, readiness);
  await app.register(async (v1) => {
    await protectRoutes(v1, config);
    mountRoutes(v1, readingRoutes(sources), { clock, forward: readers?.answer });
    mountRoutes(v1, changeRoutes(sources, streams), { clock });
    mountRoutes(v1, operatorRoutes(deps.operatorActions), { clock });
    mountRoutes(v1, operations.filter(isVersioned), { clock });
  });
  mountRoutes(
    app,
    operations.filter((route) => !isVersioned(route)),
    { clock },
  );
  serveConsole(app, pages);
  await register?.(app);
  app.addHook("preClose", async () => {
    stopping.abort();
    pages.stop();
    await streams.stop();
    void readers?.stop();
  });
  await app.ready();
  return listener;
}

/** Reads changes on this event loop. */
const openLocalFeed =
  (deps: ChangesDeps): OpenFeed =>
  (send) =>
    createGatewayFeed(deps, send);

type ChangesDeps = Pick<GatewayDeps, "stream" | "models" | "catalogue" | "clock" | "logger">;

/** Creates the feed of changes in the format of `/v1/changes`. */
export function createGatewayFeed(deps: ChangesDeps, send: (message: FeedMessage) => void) {
  const log = sampleLog(deps);
  const onFailure = (error: unknown) =>
    log("changes", "warn", { err: error }, "changes cannot be read just now, trying again");
  return createChangeFeed({ ...deps, frames: eventFrames, send, onFailure });
}

const isVersioned = ({ url }: Route): boolean => url.startsWith("/v1/");

/**
 * Creates an application with the reading routes alone, which answers what `readers` forwards, by
 * `inject`. The caller was authenticated by the forwarding gateway, and is given in a header; nobody
 * else can send one, since the application does not listen.
 */
export async function createReadingApp(
  deps: Omit<Sources, "stopping"> & Pick<GatewayDeps, "logger">,
): Promise<FastifyInstance> {
  const stopping = new AbortController();
  const address = serviceAddress(deps.config);
  const { app } = createListener({ ...deps, address, asProblem: asGatewayProblem, isInner: true });
  setCompilers(app);
  app.decorateRequest("caller");
  app.addHook("onRequest", async (request) => {
    request.caller = JSON.parse(String(request.headers[CALLER_HEADER]));
  });
  mountRoutes(app, readingRoutes({ ...deps, stopping: stopping.signal }), deps);
  app.addHook("preClose", async () => stopping.abort());
  await app.ready();
  return app;
}

/** The headers of a request to `createReadingApp`. They are escaped to ASCII. */
export const forwardedHeaders = (caller: Caller, requestId: string): Record<string, string> => ({
  [REQUEST_ID_HEADER]: requestId,
  [CALLER_HEADER]: JSON.stringify(caller).replace(/[\u0080-\uffff]/g, escapedUnit),
});

const CALLER_HEADER = "counterfoil-caller";
const escapedUnit = (unit: string): string =>
  `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

function setCompilers(app: FastifyInstance): void {
  app.setValidatorCompiler(validatorCompiler);
  // Queries give records their shape; validating every answer again would double its cost, and one
  // unexpected value in a row would fail the whole page.
  app.setSerializerCompiler(() => JSON.stringify);
}

/**
 * Creates the gateway and listens.
 *
 * @throws StartupError configuration_invalid, port_in_use; nothing is left running
 */
export async function startGateway(deps: GatewayDeps): Promise<Listener & { address: string }> {
  const gateway = await createGateway(deps);
  return { ...gateway, address: await startOrStop(gateway) };
}

function readingRoutes(sources: Sources): readonly Route[] {
  return [
    ...balanceRoutes(sources),
    ...lifecycleRoutes(sources),
    ...attentionRoutes(sources),
    ...streamRoutes(sources),
    ...auditRoutes(sources),
  ];
}

/** Maps errors of parameters, queries and engines to problem documents. */
const asGatewayProblem: AsProblem = (error, request) =>
  queryProblemOf(error, request) ?? engineProblemOf(error);

/** Errors of the models and keys. Their own messages name files and addresses, so they are only logged. */
const ENGINE_PROBLEMS: readonly (readonly [abstract new () => Error, ErrorCode, string])[] = [
  [ModelUnavailable, "model_unavailable", "the read model cannot be read just now"],
  [ModelCorrupted, "model_unavailable", "the read model has to be rebuilt"],
  [GenerationMissing, "model_unavailable", "the read model has not been built yet"],
  [
    HeadKeyUnusable,
    "head_key_unusable",
    "heads cannot be signed by the key that is at hand: put the installation's key in its file, or set COUNTERFOIL_HEAD_KEY_FILE; the log says what is wrong with it",
  ],
  [
    SchemaTooNew,
    "format_too_new",
    "a newer version of the program has written the data: run that version",
  ],
];

function engineProblemOf(error: unknown): Problem | null {
  if (error instanceof NotInTree) return new Problem("not_found", error.message);
  if (error instanceof RebuildRunning) return new Problem("rebuild_running", error.message);
  if (error instanceof NothingThere) return new Problem("not_found", error.message);
  if (error instanceof AlreadyClosed) return new Problem("already_closed", error.message);
  if (error instanceof ModelNotServed) return new Problem("model_unavailable", error.message);
  const engine = ENGINE_PROBLEMS.find(([kind]) => error instanceof kind);
  return engine === undefined ? streamProblemOf(error) : new Problem(engine[1], engine[2]);
}

type ParameterError = NonNullable<ProblemDetails["errors"]>[number];

/** The problem with a request's parameters; null if the error is another one. */
function queryProblemOf(error: unknown, request: FastifyRequest): Problem | null {
  if (!hasZodFastifySchemaValidationErrors(error)) return null;
  const { validationContext } = error as { validationContext?: string };
  // An invalid path parameter names a resource that does not exist.
  if (validationContext === "params") {
    return new Problem("not_found", notFoundText(request, error.validation));
  }
  if (validationContext === "body") {
    return new Problem("malformed_request", bodyText(error.validation, request.body));
  }
  const given = (validationContext === "headers" ? request.headers : request.query) as Readonly<
    Record<string, unknown>
  >;
  const invalid = error.validation.flatMap(({ instancePath, message: expected = "", params }) => {
    const { keys } = params as Readonly<{ keys?: readonly string[] }>;
    const isUnknown = keys !== undefined;
    return (keys ?? [instancePath.slice(1)]).map((parameter) => ({
      isUnknown,
      error: { parameter, found: foundText(given[parameter]), expected },
    }));
  });
  const errors = invalid.map((each) => each.error);
  return new Problem("invalid_query", invalid.map(invalidText).join("; "), { errors });
}

/** Names each invalid field, what was found in it and what is expected. */
function bodyText(validation: readonly FastifySchemaValidationError[], body: unknown): string {
  const invalid = validation.map(({ keyword, instancePath, message, params }) => {
    const path = instancePath.split("/").filter((step) => step !== "");
    const input = path.reduce<unknown>((value, step) => Object(value)[step], body);
    const what = wrongShape({ ...params, code: keyword, message, input });
    return `${path.join(".") || "the body"}: ${what}`;
  });
  return invalid.join("; ");
}

const FOUND_LENGTH_MAX = 200;

function foundText(value: unknown): string | null {
  if (value === undefined) return null;
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  return text.length > FOUND_LENGTH_MAX ? `${text.slice(0, FOUND_LENGTH_MAX)}…` : text;
}

type InvalidParameter = Readonly<{ isUnknown: boolean; error: ParameterError }>;

function invalidText({ isUnknown, error }: InvalidParameter): string {
  const { parameter, found, expected } = error;
  if (isUnknown) return `${parameter}: there is no such parameter, expected ${expected}`;
  return `${parameter}: found ${found === null ? "nothing" : `"${found}"`}, expected ${expected}`;
}

/** Names the allowed words of a path parameter that has a fixed list of them. */
function notFoundText(
  { params }: FastifyRequest,
  [first]: readonly FastifySchemaValidationError[],
): string {
  const name = first?.instancePath.slice(1) ?? "";
  const value = (params as Readonly<Record<string, string>>)[name] ?? "";
  const { values } = (first?.params ?? {}) as Readonly<{ values?: readonly string[] }>;
  const expected = values === undefined ? "" : `: expected one of ${values.join(", ")}`;
  return `there is no ${CALLED[name] ?? name} "${value}"${expected}`;
}

/** Words for path parameters whose name does not describe them. */
const CALLED: Readonly<Record<string, string>> = { name: "projection" };
