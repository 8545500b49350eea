import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { modelName } from "@counterfoil/contracts/fact";
import { listOf, oneOf } from "@counterfoil/contracts/http";
import {
  acknowledgement,
  anomalyKind,
  anomalyRecord,
  type QuarantinedRecord,
  quarantinedRecord,
  type RetryRecord,
  retryRecord,
} from "@counterfoil/contracts/operations-record";
import { channel, provider } from "@counterfoil/contracts/scalar";
import { note } from "@counterfoil/contracts/service-fact";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { Problem } from "@counterfoil/http/problem";
import type { OperatorNote } from "@counterfoil/processing/operator";
import {
  ANOMALY_KEY,
  type AnomalyFilters,
  type AnomalyPart,
  findInModels,
  mergeAnomalies,
  readAnomalies,
} from "@counterfoil/processing/queries/anomalies";
import type { Platform } from "@counterfoil/processing/queries/platform";
import { listQuarantine, QUARANTINE_KEY } from "@counterfoil/processing/queries/quarantine";
import { z } from "zod";
import type { Caller } from "../access.ts";
import {
  cursor,
  flag,
  limit,
  minPosition,
  parameters,
  pathId,
  repeatableChoice,
  repeatableText,
} from "../parameter.ts";
import {
  definedOnly,
  knownParameters,
  listBody,
  MODEL_PROBLEMS,
  minPositionOf,
  momentOf,
  oneBody,
  pageOf,
  readModel,
  type Sources,
  scopeFor,
  waitForModels,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** Routes for what needs a person: anomalies of the models, and quarantined deliveries. */
export function attentionRoutes(sources: Sources): readonly Route[] {
  return [
    route({
      operation: "listAnomalies",
      url: "/v1/anomalies",
      tag: "attention",
      summary:
        "What needs a person, over all models: open and unacknowledged first, then the newest",
      description:
        "`position` is that of the model that is furthest behind, or the requested one. At a past position, anomalies are ordered by when they were first seen, the newest first, and do not include `stuck`, which depends on the clock. A page may have fewer records than `limit` although `next_cursor` is given.",
      query: anomalies,
      answer: listOf(anomalyRecord),
      problems: ["invalid_cursor", "unsupported_combination", ...MODEL_PROBLEMS],
      handle: (request) => answerAnomalies(sources, request),
    }),
    route({
      operation: "getAnomaly",
      url: "/v1/anomalies/:id",
      tag: "attention",
      summary: "One anomaly, open or closed",
      description:
        "`position` is that of its model, or the requested one. At a past position the anomaly is shown as it was there, and `stuck`, which depends on the clock, is not found.",
      query: parameters({ ...knownParameters, min_position: minPosition }),
      params: z.object({ id: pathId("The anomaly's id") }),
      answer: oneOf(anomalyRecord),
      problems: ["not_found", "unsupported_combination", ...MODEL_PROBLEMS],
      handle: async ({ query, params: { id }, caller: { platform }, disconnected }) => {
        const { moment, rule } = await momentOf(sources, query, disconnected);
        const minimum = minPositionOf(moment, query.min_position);
        if (minimum !== undefined) {
          await waitForModels(sources, modelName.options, minimum, disconnected);
        }
        const request = { id, rule: await rule(), platform, moment };
        const found = await findInModels(sources.models, request);
        if (found === null) throw new Problem("not_found", `there is no anomaly "${id}"`);
        return oneBody(found.record, moment.at_position ?? found.position);
      },
    }),
    route({
      operation: "listQuarantine",
      url: "/v1/quarantine",
      tag: "attention",
      summary:
        "Deliveries that could not be translated: first those that need a person, the newest first",
      description: "A page may have fewer records than `limit` although `next_cursor` is given.",
      query: quarantine,
      answer: listOf(quarantinedRecord),
      problems: ["invalid_cursor", ...MODEL_PROBLEMS],
      handle: (request) => answerQuarantine(sources, request),
    }),
  ];
}

const anomalies = parameters({
  kind: repeatableChoice(anomalyKind.options, "Only this kind"),
  model: repeatableChoice(modelName.options, "Only this model's"),
  subject: repeatableText("Only those of this record"),
  open: flag("true: only those that are open; false: only those that were closed"),
  ...knownParameters,
  min_position: minPosition,
  limit,
  cursor,
});

async function answerAnomalies(
  sources: Sources,
  { query, caller, disconnected }: RouteRequest<z.output<typeof anomalies>, unknown>,
) {
  const { kind, model: models, subject, open, min_position } = query;
  const filters: AnomalyFilters = definedOnly({ kind, subject, open });
  const { platform } = caller;
  const requested = await momentOf(sources, query, disconnected);
  const { moment } = requested;
  const rule = await requested.rule();
  const scope = scopeFor(caller, {
    list: "anomalies",
    filters: definedOnly({ ...filters, model: models, ...requested.filters }),
    key: ANOMALY_KEY,
  });
  const page = pageOf(query, scope);
  const minPosition = minPositionOf(moment, min_position);
  const found: AnomalyPart[] = [];
  let position = Number.POSITIVE_INFINITY;
  for (const model of models ?? modelName.options) {
    await readModel(sources, { model, minPosition, disconnected }, async (rows, checkpoint) => {
      const { nextTurn } = sources.clock;
      const query = { model, filters, page, rule, moment, platform, nextTurn };
      found.push(...(await readAnomalies(rows, query)));
      position = Math.min(position, checkpoint.position);
    });
  }
  const merged = mergeAnomalies(found, page.limit, moment);
  return listBody(merged, scope, moment.at_position ?? position);
}

const quarantine = parameters({
  provider: repeatableChoice(provider.options, "Only this provider's"),
  channel: repeatableChoice(channel.options, "Only deliveries of this channel"),
  payload_type: repeatableText("Only bodies of this type"),
  dismissed: flag("true: include dismissed deliveries"),
  min_position: minPosition,
  open: flag("true: only deliveries still in quarantine; false: only those that were read since"),
  limit,
  cursor,
});

async function answerQuarantine(
  sources: Sources,
  { query, caller, disconnected }: RouteRequest<z.output<typeof quarantine>, unknown>,
) {
  const { open, dismissed, min_position: minPosition, provider, channel, payload_type } = query;
  const state = definedOnly({ open, dismissed });
  const filters = definedOnly({ provider, channel, payload_type });
  const scope = scopeFor(caller, {
    list: "quarantine",
    filters: { ...state, ...filters },
    key: QUARANTINE_KEY,
  });
  const { stream, clock } = sources;
  const request = {
    ...state,
    filters,
    page: pageOf(query, scope),
    translations: TRANSLATIONS,
    hashing: nodeHashing,
    platform: caller.platform,
    nextTurn: clock.nextTurn,
  };
  const reading = { model: "balances", minPosition, disconnected } as const;
  return readModel(sources, reading, async (rows, { position }) =>
    listBody(await listQuarantine(rows, stream, request), scope, position),
  );
}

/** An operator's actions on anomalies and quarantined deliveries, each recorded as an event. */
export type OperatorActions = Readonly<{
  /** @returns its position. @throws NothingThere, AlreadyClosed */
  acknowledge: (word: OperatorNote, platform: Platform) => Promise<number>;
  /** @throws NothingThere, AlreadyClosed */
  dismiss: (word: OperatorNote) => Promise<QuarantinedRecord>;
  /** @throws NothingThere, AlreadyClosed */
  retry: (
    word: Omit<OperatorNote, "note">,
  ) => Promise<RetryRecord & Readonly<{ position: number }>>;
}>;

const body = z.strictObject({ note: note.meta({ description: "The reason, for later readers" }) });

const problems = [
  ...(["not_found", "already_closed", "stream_unavailable", "model_unavailable"] as const),
];

export function operatorRoutes(operatorActions: OperatorActions): readonly Route[] {
  return [...noteRoutes(operatorActions), retryRoute(operatorActions)];
}

/** An unreadable delivery belongs to no platform, so it does not exist for a platform's key. */
function assertForAll({ platform }: Caller, id: string): void {
  if (platform !== null) throw new Problem("not_found", `there is no delivery_id "${id}"`);
}

function retryRoute({ retry }: OperatorActions): Route {
  return route({
    operation: "retryQuarantined",
    method: "POST",
    url: "/v1/quarantine/:delivery_id/retry",
    tag: "attention",
    summary: "Retries a quarantined delivery with the current translation",
    query: parameters({}),
    params: z.object({ delivery_id: pathId("The delivery") }),
    answer: oneOf(retryRecord),
    problems,
    handle: async ({ params: { delivery_id: id }, caller }) => {
      assertForAll(caller, id);
      const { position, ...retried } = await retry({ id, actor: caller.actor });
      return oneBody(retried, position);
    },
  });
}

function noteRoutes({ acknowledge, dismiss }: OperatorActions): readonly Route[] {
  return [
    route({
      operation: "acknowledgeAnomaly",
      method: "POST",
      url: "/v1/anomalies/:id/acknowledge",
      tag: "attention",
      summary: "Acknowledges an anomaly: it needs nobody until it changes",
      query: parameters({}),
      params: z.object({ id: pathId("The anomaly") }),
      body,
      answer: oneOf(acknowledgement),
      problems,
      handle: async ({ params: { id }, body, caller: { actor, platform } }) => {
        const { note } = body;
        const position = await acknowledge({ id, note, actor }, platform);
        return oneBody({ anomaly_id: id, note, actor }, position);
      },
    }),
    route({
      operation: "dismissQuarantined",
      method: "POST",
      url: "/v1/quarantine/:delivery_id/dismiss",
      tag: "attention",
      summary: "Dismisses a quarantined delivery: it needs nobody any more",
      query: parameters({}),
      params: z.object({ delivery_id: pathId("The delivery") }),
      body,
      answer: oneOf(quarantinedRecord),
      problems,
      handle: async ({ params: { delivery_id: id }, body, caller }) => {
        assertForAll(caller, id);
        const dismissed = await dismiss({ id, note: body.note, actor: caller.actor });
        return oneBody(dismissed, Number(dismissed.position));
      },
    }),
  ];
}
