import { nodeHashing } from "@counterfoil/adapters/node/hashing";
import { deliveryRecord, eventDetail } from "@counterfoil/contracts/delivery-record";
import { FACTS, type FactType } from "@counterfoil/contracts/fact";
import { listOf, oneOf } from "@counterfoil/contracts/http";
import { eventRecord } from "@counterfoil/contracts/record";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { Problem } from "@counterfoil/http/problem";
import { findBody, findDelivery } from "@counterfoil/processing/queries/deliveries";
import { findEvent } from "@counterfoil/processing/queries/event-detail";
import { createStandings } from "@counterfoil/processing/queries/event-standing";
import { EVENT_KEY, listEvents } from "@counterfoil/processing/queries/events";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { Caller } from "../access.ts";
import { choices, cursor, limit, parameters, pathId, position } from "../parameter.ts";
import { given, listBody, listFor, oneBody, pageOf, type Sources } from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** The stream itself: its events, and the deliveries that they come from. */
export function streamRoutes(sources: Sources): readonly Route[] {
  return [eventsRoute(sources), eventRoute(sources), deliveryRoute(sources), bodyRoute(sources)];
}

const TYPES = Object.keys(FACTS) as FactType[];

const events = parameters({
  after: position("Only events behind this position"),
  types: choices(TYPES, "Only these types of events"),
  limit,
  cursor,
});

function eventsRoute(sources: Sources): Route {
  return route({
    operation: "listEvents",
    url: "/v1/events",
    tag: "stream",
    summary: "The events of the stream, in their order",
    description: "`position` is the head; `next_cursor` is null where the stream ends for now.",
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
  const filters = given({ after: query.after, types: query.types });
  const scope = listFor(caller, { list: "events", filters, key: EVENT_KEY });
  const { limit, beyond } = pageOf(query, scope);
  const after = beyond === null ? (query.after ?? 0) : Number(beyond[0]);
  const { stream, clock } = sources;
  const asked = { ...given({ types: query.types }), after, limit };
  const standings = standingsFor(caller, sources);
  const page = await listEvents(stream, { ...asked, standings, nextTurn: clock.nextTurn });
  return listBody(page, scope, (await stream.head()).position);
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
      const { sha256, bytes } = body;
      if (bytes !== null) return sendBytes(reply, bytes);
      throw new Problem("body_gone", `the bytes with SHA-256 ${sha256} are gone`);
    },
  });
}

/** Whatever a provider sent is shown as bytes and nothing else, also by a browser. */
function sendBytes(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  reply.type(BYTES).header("x-content-type-options", "nosniff");
  return reply.header("content-disposition", "attachment").send(Buffer.from(bytes));
}

const unknownDelivery = (id: string) => new Problem("not_found", `there is no delivery "${id}"`);
