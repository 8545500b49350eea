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
import { createStandings } from "@counterfoil/processing/queries/event-standing";
import {
  beyond,
  EVENT_KEY,
  listEvents,
  type StreamRange,
} from "@counterfoil/processing/queries/events";
import {
  DELIVERY_KEY,
  type DeliveryFilters,
  findEvent,
  isOfQuarantine,
  listDeliveries,
} from "@counterfoil/processing/queries/provenance";
import { lastPositionBy } from "@counterfoil/processing/queries/serving";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { Caller } from "../access.ts";
import {
  anyChoice,
  anyMatch,
  choices,
  cursor,
  limit,
  order,
  parameters,
  pathId,
  position,
  time,
} from "../parameter.ts";
import {
  given,
  listBody,
  listFor,
  oneBody,
  pageOf,
  printedTime,
  readModel,
  type Sources,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** The stream itself: its events, and the deliveries that they come from. */
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
  after: position("Only events behind this position"),
  types: choices(TYPES, "As `type`, in one parameter"),
  type: anyChoice(TYPES, "Only events of this type"),
  subject: anyMatch("Only events of this subject"),
  correlation_id: anyMatch("Only what came with this request or feed frame"),
  ...range,
  order: order("asc"),
  limit,
  cursor,
});

const SHORT_PAGES = "A page may hold fewer than `limit` while `next_cursor` is given.";

function eventsRoute(sources: Sources): Route {
  return route({
    operation: "listEvents",
    url: "/v1/events",
    tag: "stream",
    summary: "The events of the stream, in their order or backwards",
    description: `\`position\` is the head; \`next_cursor\` is null where the stream ends for now. ${SHORT_PAGES}`,
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
  const times = given({ since: printedTime(since), until: printedTime(until) });
  const asked = { ...given({ after, type, types, subject, correlation_id }), ...times };
  const filters = order === "asc" ? asked : { ...asked, order };
  const scope = listFor(caller, { list: "events", filters, key: EVENT_KEY });
  const { limit, beyond } = pageOf(query, scope);
  const head = await sources.stream.head();
  const allTypes = type || types ? [...new Set([...(type ?? []), ...(types ?? [])])] : undefined;
  const page = await listEvents(
    { ...sources, hashing: nodeHashing },
    {
      range: restOf(await rangeBetween(sources.stream, { ...query, head: head.position }), beyond),
      limit,
      filters: given({ types: allTypes, subjects: subject, correlationIds: correlation_id }),
      standings: standingsFor(caller, sources),
      nextTurn: sources.clock.nextTurn,
    },
  );
  return listBody(page, scope, head.position);
}

type Between = Readonly<{
  after?: number | undefined;
  since?: bigint | undefined;
  until?: bigint | undefined;
  order: StreamRange["order"];
  /** Where the stream is looked at. */
  head: number;
}>;

/** Times of recording never fall along the stream, so a range of them is one of positions. */
async function rangeBetween(
  stream: EventStream,
  { after = 0, since, until, order, head }: Between,
): Promise<StreamRange> {
  const first = since === undefined ? 0 : await lastPositionBy(stream, since - 1n);
  const last = until === undefined ? head : await lastPositionBy(stream, until - 1n);
  return { after: Math.max(after, first), upTo: Math.min(head, last), order };
}

const restOf = (range: StreamRange, last: PageRequest["beyond"]): StreamRange =>
  last === null ? range : beyond(range, Number(last[0]));

const deliveries = parameters({
  provider: anyChoice(provider.options, "Only this provider's"),
  channel: anyChoice(channel.options, "Only what came this way"),
  payload_type: anyMatch("Only bodies of this type"),
  outcome: anyChoice(deliveryOutcome.options, "Only those of which this became"),
  key_id: anyMatch("Only those whose signature was checked with this key"),
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
    description: `\`position\` is the head; where only \`quarantined\` or \`dismissed\` are asked for, that of the balances model, which lists them. ${SHORT_PAGES}`,
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
  const filters: DeliveryFilters = given(named);
  const times = given({ since: printedTime(since), until: printedTime(until) });
  const list = { list: "deliveries", filters: { ...filters, ...times, order }, key: DELIVERY_KEY };
  const scope = listFor(caller, list);
  const { limit, beyond } = pageOf(query, scope);
  const standings = standingsFor(caller, sources);
  const answer = async (head: number, rows: Rows | null) => {
    const range = restOf(await rangeBetween(stream, { since, until, order, head }), beyond);
    const { nextTurn } = clock;
    const asked = { ...TRANSLATING, range, limit, filters, rows, standings, nextTurn };
    return listBody(await listDeliveries(stream, asked), scope, head);
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
    summary: "One event with what later events say of it, and its delivery",
    query: parameters({}),
    params: z.object({ id: pathId("The event's id or its position") }),
    answer: oneOf(eventDetail),
    problems: ["not_found", "stream_unavailable"],
    handle: async ({ params: { id }, caller }) => {
      const standings = standingsFor(caller, sources);
      const event = await findEvent(stream, id, { ...TRANSLATING, standings });
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
    summary: "A delivery with everything that it caused to be recorded",
    query: parameters({}),
    params: deliveryParams,
    answer: oneOf(deliveryRecord),
    problems: ["not_found", "stream_unavailable"],
    handle: async ({ params: { id }, caller }) => {
      const standings = standingsFor(caller, sources);
      const delivery = await findDelivery(stream, id, { ...TRANSLATING, standings });
      if (delivery === null) throw unknownDelivery(id);
      const body_url = `/v1/deliveries/${id}/body`;
      return oneBody({ ...delivery, body_url }, (await stream.head()).position);
    },
  });
}

/** A delivery is translated once more to find what it caused. */
const TRANSLATING = { translations: TRANSLATIONS, hashing: nodeHashing };

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
      const body = await findBody(stream, id, { ...TRANSLATING, standings });
      if (body === null) throw unknownDelivery(id);
      if (body.bytes !== null) return sendBytes(reply, body.bytes);
      const { sha256, erased } = body;
      const how = erased === null ? "gone" : `erased since ${erased.erased_at}`;
      throw new Problem("body_gone", `the bytes with SHA-256 ${sha256} are ${how}`);
    },
  });
}

/** Bytes never change; but they can be erased, and are to be gone everywhere soon after. */
const BYTES_CACHING = "private, max-age=60";

/** Whatever a provider sent is shown as bytes and nothing else, also by a browser. */
function sendBytes(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  reply.type(BYTES).header("x-content-type-options", "nosniff");
  reply.header("cache-control", BYTES_CACHING);
  return reply.header("content-disposition", "attachment").send(Buffer.from(bytes));
}

const unknownDelivery = (id: string) => new Problem("not_found", `there is no delivery "${id}"`);
