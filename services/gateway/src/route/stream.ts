import { nodeHashing } from "@counterfoil/adapters/node/hashing";
import { FACTS, type FactType } from "@counterfoil/contracts/fact";
import { listOf } from "@counterfoil/contracts/http";
import { eventRecord, quarantinedRecord } from "@counterfoil/contracts/record";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { EVENT_KEY, listEvents } from "@counterfoil/processing/queries/events";
import { listQuarantine, QUARANTINE_KEY } from "@counterfoil/processing/queries/quarantine";
import type { z } from "zod";
import type { Sources } from "../deps.ts";
import { given, listBody, pageOf } from "../paging.ts";
import { choices, cursor, flag, limit, parameters, position } from "../parameter.ts";
import { type Asked, type Route, route } from "../route.ts";

const TYPES = Object.keys(FACTS) as FactType[];

const events = parameters({
  after: position("Only events behind this position"),
  types: choices(TYPES, "Only these types of events"),
  limit,
  cursor,
});
const quarantine = parameters({
  open: flag("true: only what is still unread; false: only what was read since"),
  limit,
  cursor,
});

export function streamRoutes(sources: Sources): readonly Route[] {
  return [
    route({
      url: "/v1/events",
      tag: "stream",
      summary: "The events of the stream, in their order",
      description: "`position` is the head; `next_cursor` is null where the stream ends for now.",
      query: events,
      answer: listOf(eventRecord),
      problems: ["invalid_cursor", "stream_unavailable"],
      handle: (asked) => answerEvents(sources, asked),
    }),
    route({
      url: "/v1/quarantine",
      tag: "attention",
      summary: "Deliveries that nobody could read, the newest first",
      description: "A page may hold fewer than `limit` while `next_cursor` is given.",
      query: quarantine,
      answer: listOf(quarantinedRecord),
      problems: ["invalid_cursor", "stream_unavailable"],
      handle: (asked) => answerQuarantine(sources, asked),
    }),
  ];
}

async function answerEvents(
  { stream }: Sources,
  { query }: Asked<z.output<typeof events>, unknown>,
) {
  const filters = given({ after: query.after, types: query.types });
  const scope = { list: "events", filters, key: EVENT_KEY };
  const { limit, beyond } = pageOf(query, scope);
  const after = beyond === null ? (query.after ?? 0) : Number(beyond[0]);
  const page = await listEvents(stream, { ...given({ types: query.types }), after, limit });
  return listBody(page, scope, (await stream.head()).position);
}

async function answerQuarantine(
  { stream, clock }: Sources,
  { query }: Asked<z.output<typeof quarantine>, unknown>,
) {
  const filters = given({ open: query.open });
  const scope = { list: "quarantine", filters, key: QUARANTINE_KEY };
  const page = await listQuarantine(stream, {
    ...filters,
    page: pageOf(query, scope),
    translations: TRANSLATIONS,
    hashing: nodeHashing,
    nextTurn: clock.nextTurn,
  });
  return listBody(page, scope, (await stream.head()).position);
}
