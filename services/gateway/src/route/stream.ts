import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import {
  deliveryOutcome,
  deliveryRecord,
  deliverySummary,
  eventDetail,
} from "@counterfoil/contracts/audit";
import { FACTS, type FactType } from "@counterfoil/contracts/fact";
import { listOf, oneOf } from "@counterfoil/contracts/http";
import { eventRecord } from "@counterfoil/contracts/record";
import { channel, provider } from "@counterfoil/contracts/scalar";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { Problem } from "@counterfoil/http/problem";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { Rows } from "@counterfoil/processing/ports/model-store";
import type { PageRequest } from "@counterfoil/processing/queries/answers";
import { findBody, findDelivery } from "@counterfoil/processing/queries/deliveries";
import {
  beyond,
  createStandings,
  EVENT_KEY,
  listEvents,
  type StreamRange,
} from "@counterfoil/processing/queries/events";
import { lastPositionBy } from "@counterfoil/processing/queries/known-at";
import {
  DELIVERY_KEY,
  type DeliveryFilters,
  findEvent,
  isOfQuarantine,
  listDeliveries,
} from "@counterfoil/processing/queries/provenance";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { Caller } from "../access.ts";
import {
  commaSeparated,
  cursor,
  limit,
  order,
  parameters,
  pathId,
  position,
  repeatableChoice,
  repeatableText,
  time,
} from "../parameter.ts";
import {
  definedOnly,
  formatOptionalTime,
  listBody,
  oneBody,
  pageOf,
  readModel,
  type Sources,
  scopeFor,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** Routes for the events of the stream, and the deliveries that they come from. */
export function streamRoutes(sources: Sources): readonly Route[] {
  return [
    eventsRoute(sources),
    eventRoute(sources),
    deliveriesRoute(sources),
    deliveryRoute(sources),
    bodyRoute(sources),
  ];
}

const TYPES = Object.keys(FACTS) as FactType[];

const range = {
  since: time("Only what was recorded at this time or later"),
  until: time("Only what was recorded before this time"),
};

const events = parameters({
  after: position("Only events after this position"),
  types: commaSeparated(TYPES, "Like `type`, but several in one parameter"),
  type: repeatableChoice(TYPES, "Only events of this type"),
  subject: repeatableText("Only events of this subject"),
  correlation_id: repeatableText("Only events of this request or feed connection"),
  ...range,
  order: order("asc"),
  limit,
  cursor,
});

const SHORT_PAGES = "A page may have fewer records than `limit` although `next_cursor` is given.";

function eventsRoute(sources: Sources): Route {
  return route({
    operation: "listEvents",
    url: "/v1/events",
    tag: "stream",
    summary: "The events of the stream, in ascending or descending order",
    description: `\`position\` is the head; \`next_cursor\` is null at the current end of the stream. ${SHORT_PAGES}`,
    query: events,
    answer: listOf(eventRecord),
    problems: ["invalid_cursor", "stream_unavailable"],
    handle: (request) => answerEvents(sources, request),
  });
}

async function answerEvents(
  sources: Sources,
  { query, caller }: RouteRequest<z.output<typeof events>, unknown>,
) {
  const { after, type, types, subject, correlation_id, since, until, order } = query;
  const times = definedOnly({ since: formatOptionalTime(since), until: formatOptionalTime(until) });
  const named = { ...definedOnly({ after, type, types, subject, correlation_id }), ...times };
  const filters = order === "asc" ? named : { ...named, order };
  const scope = scopeFor(caller, { list: "events", filters, key: EVENT_KEY });
  const { limit, beyond } = pageOf(query, scope);
  const head = await sources.stream.head();
  const allTypes = type || types ? [...new Set([...(type ?? []), ...(types ?? [])])] : undefined;
  const page = await listEvents(
    { ...sources, hashing: nodeHashing },
    {
      range: rangeBeyond(
        await rangeBetween(sources.stream, { ...query, head: head.position }),
        beyond,
      ),
      limit,
      filters: definedOnly({ types: allTypes, subjects: subject, correlationIds: correlation_id }),
      standings: standingsFor(caller, sources),
      nextTurn: sources.clock.nextTurn,
    },
  );
  return listBody(page, scope, head.position);
}

type RangeBounds = Readonly<{
  after?: number | undefined;
  since?: bigint | undefined;
  until?: bigint | undefined;
  order: StreamRange["order"];
  /** The last position to read. */
  head: number;
}>;

/** Times of recording never decrease along the stream, so a range of times is a range of positions. */
async function rangeBetween(
  stream: EventStream,
  { after = 0, since, until, order, head }: RangeBounds,
): Promise<StreamRange> {
  const first = since === undefined ? 0 : await lastPositionBy(stream, since - 1n);
  const last = until === undefined ? head : await lastPositionBy(stream, until - 1n);
  return { after: Math.max(after, first), upTo: Math.min(head, last), order };
}

/** The rest of a range after the last event of the previous page. */
const rangeBeyond = (range: StreamRange, last: PageRequest["beyond"]): StreamRange =>
  last === null ? range : beyond(range, Number(last[0]));

const deliveries = parameters({
  provider: repeatableChoice(provider.options, "Only this provider's"),
  channel: repeatableChoice(channel.options, "Only deliveries of this channel"),
  payload_type: repeatableText("Only bodies of this type"),
  outcome: repeatableChoice(deliveryOutcome.options, "Only deliveries with this outcome"),
  key_id: repeatableText("Only deliveries whose signature was verified with this key"),
  ...range,
  order: order("desc"),
  limit,
  cursor,
});

function deliveriesRoute(sources: Sources): Route {
  return route({
    operation: "listDeliveries",
    url: "/v1/deliveries",
    tag: "stream",
    summary: "What the providers sent, the newest first",
    description: `\`position\` is the head; if only \`quarantined\` or \`dismissed\` are requested, that of the balances model, which lists them. ${SHORT_PAGES}`,
    query: deliveries,
    answer: listOf(deliverySummary),
    problems: ["invalid_cursor", "model_unavailable", "stream_unavailable"],
    handle: (request) => answerDeliveries(sources, request),
  });
}

async function answerDeliveries(
  sources: Sources,
  { query, caller, disconnected }: RouteRequest<z.output<typeof deliveries>, unknown>,
) {
  const { stream, clock } = sources;
  const { limit: _limit, cursor: _cursor, since, until, order, ...named } = query;
  const filters: DeliveryFilters = definedOnly(named);
  const times = definedOnly({ since: formatOptionalTime(since), until: formatOptionalTime(until) });
  const list = { list: "deliveries", filters: { ...filters, ...times, order }, key: DELIVERY_KEY };
  const scope = scopeFor(caller, list);
  const { limit, beyond } = pageOf(query, scope);
  const standings = standingsFor(caller, sources);
  const answer = async (head: number, rows: Rows | null) => {
    const range = rangeBeyond(await rangeBetween(stream, { since, until, order, head }), beyond);
    const { nextTurn } = clock;
    const request = { ...RETRANSLATION, range, limit, filters, rows, standings, nextTurn };
    return listBody(await listDeliveries(stream, request), scope, head);
  };
  if (!isOfQuarantine(filters)) return answer((await stream.head()).position, null);
  const reading = { model: "balances", minPosition: undefined, disconnected } as const;
  return readModel(sources, reading, (rows, { position }) => answer(position, rows));
}

const standingsFor = ({ platform }: Caller, { models }: Sources) =>
  platform === null ? null : createStandings(models, platform);

function eventRoute(sources: Sources): Route {
  const { stream } = sources;
  return route({
    operation: "getEvent",
    url: "/v1/events/:id",
    tag: "stream",
    summary: "One event, its delivery, and the later events that refer to it",
    query: parameters({}),
    params: z.object({ id: pathId("The event's id or its position") }),
    answer: oneOf(eventDetail),
    problems: ["not_found", "stream_unavailable"],
    handle: async ({ params: { id }, caller }) => {
      const standings = standingsFor(caller, sources);
      const event = await findEvent(stream, id, { ...RETRANSLATION, standings });
      if (event === null) throw new Problem("not_found", `there is no event "${id}"`);
      return oneBody(event, (await stream.head()).position);
    },
  });
}

const deliveryParams = z.object({ id: pathId("The delivery's id") });

function deliveryRoute(sources: Sources): Route {
  const { stream } = sources;
  return route({
    operation: "getDelivery",
    url: "/v1/deliveries/:id",
    tag: "stream",
    summary: "A delivery with all events that were recorded because of it",
    query: parameters({}),
    params: deliveryParams,
    answer: oneOf(deliveryRecord),
    problems: ["not_found", "stream_unavailable"],
    handle: async ({ params: { id }, caller }) => {
      const standings = standingsFor(caller, sources);
      const delivery = await findDelivery(stream, id, { ...RETRANSLATION, standings });
      if (delivery === null) throw unknownDelivery(id);
      const body_url = `/v1/deliveries/${id}/body`;
      return oneBody({ ...delivery, body_url }, (await stream.head()).position);
    },
  });
}

/** A delivery is translated again to find the events that it caused. */
const RETRANSLATION = { translations: TRANSLATIONS, hashing: nodeHashing };

const BYTES = "application/octet-stream";

function bodyRoute(sources: Sources): Route {
  const { stream } = sources;
  return route({
    operation: "getDeliveryBody",
    url: "/v1/deliveries/:id/body",
    tag: "stream",
    summary: "The exact bytes of a delivery",
    query: parameters({}),
    params: deliveryParams,
    answer: z.string().meta({ format: "binary" }),
    mediaType: BYTES,
    problems: ["not_found", "body_gone", "stream_unavailable"],
    handle: async ({ params: { id }, caller }, reply) => {
      const standings = standingsFor(caller, sources);
      const body = await findBody(stream, id, { ...RETRANSLATION, standings });
      if (body === null) throw unknownDelivery(id);
      if (body.bytes !== null) return sendBytes(reply, body.bytes);
      const { sha256, erased } = body;
      const how = erased === null ? "gone" : `erased since ${erased.erased_at}`;
      throw new Problem("body_gone", `the bytes with SHA-256 ${sha256} are ${how}`);
    },
  });
}

/** Bytes never change, but can be erased, and then must disappear from caches soon. */
const BYTES_CACHING = "private, max-age=60";

/** Sends a provider's bytes so that a browser downloads them instead of interpreting them. */
function sendBytes(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  reply.type(BYTES).header("x-content-type-options", "nosniff");
  reply.header("cache-control", BYTES_CACHING);
  return reply.header("content-disposition", "attachment").send(Buffer.from(bytes));
}

const unknownDelivery = (id: string) => new Problem("not_found", `there is no delivery "${id}"`);
