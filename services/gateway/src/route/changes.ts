import { STATE_TOPICS, type StateTopic } from "@counterfoil/contracts/kafka";
import { Problem } from "@counterfoil/http/problem";
import {
  type ChangeCursor,
  type ChangeFrames,
  parseCursor,
} from "@counterfoil/processing/changes/reader";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { ChangeStreams } from "../change-streams.ts";
import { parameters } from "../parameter.ts";
import type { Sources } from "../reading.ts";
import { type Route, route } from "../route.ts";

/** Server-Sent Events (HTML Living Standard, 9.2), as `/v1/changes` writes them. */
const EVENT_STREAM = "text/event-stream";

const TOPICS = Object.keys(STATE_TOPICS) as [StateTopic, ...StateTopic[]];
const MODELS = `one of ${TOPICS.join(", ")}; for several the parameter is repeated`;

const model = z
  .union([z.enum(TOPICS, { error: MODELS }), z.array(z.enum(TOPICS, { error: MODELS }))], {
    error: MODELS,
  })
  .transform((given) => [...new Set([given].flat())])
  .optional()
  .meta({ description: "Only changes of these; the parameter may be repeated" });

const PLACE = "a position, such as 120, or the id of a change, such as 120.3";

const place = z
  .string({ error: PLACE })
  .transform((text, context): ChangeCursor => {
    const cursor = parseCursor(text);
    if (cursor !== null) return cursor;
    context.addIssue({ code: "custom", message: PLACE });
    return z.NEVER;
  })
  .optional();

const query = parameters({
  model,
  after: place.meta({
    type: "string",
    description:
      "Begins behind this position or change, `0` with the first of all; without it with what changes from now on",
  }),
});

const headers = z.looseObject({
  "last-event-id": place.meta({
    type: "string",
    description: "The id of the last change that was read; goes before `after`",
  }),
});

/** What changes, as it changes. */
export function changeRoutes(sources: Sources, streams: ChangeStreams): readonly Route[] {
  return [
    route({
      operation: "streamChanges",
      url: "/v1/changes",
      tag: "changes",
      summary: "Every change of every read model, in order, as Server-Sent Events",
      description:
        "`event` is what has changed (`balances`, `withdrawals`, `deposits`, `trades`, `anomalies`), `data` the record as of the change, as its own route serves it, with `position`; a record that is gone is `{id, position, gone: true}`. `stuck` is null: no change tells it, the clock does. `id` is `POSITION.N`, the N-th change of that position, whatever is filtered; whoever comes back with it in `Last-Event-ID` goes on behind it, and misses and repeats nothing. `event: reset` says that a model has to be read anew, `event: state` that a model is behind, and its changes come later than those of the others. Comments keep the connection alive. A reader that is too slow is closed.",
      query,
      headers,
      answer: z.string(),
      mediaType: EVENT_STREAM,
      handle: async ({ query, headers, caller, method }, reply) => {
        const from = headers["last-event-id"] ?? query.after ?? null;
        if (from !== null) await assertReached(sources, from);
        if (streams.isFull())
          throw new Problem("overloaded", "too many streams of changes are open");
        const { platform } = caller;
        const topics = query.model ?? null;
        const { raw } = begin(reply);
        if (method === "HEAD") raw.end();
        else streams.open(raw, { from, topics, platform, caller });
      },
    }),
  ];
}

/** @throws Problem invalid_query: nothing that was given out lies beyond the stream's head */
async function assertReached({ stream }: Sources, { position }: ChangeCursor): Promise<void> {
  const head = await stream.head();
  if (position <= head.position) return;
  throw new Problem(
    "invalid_query",
    `position ${position} is asked for, and the stream ends at ${head.position}: it is another stream, or one from a backup`,
  );
}

/** Sends the head of the answer. What follows is nobody's to buffer, compress or keep. */
function begin(reply: FastifyReply): FastifyReply {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": EVENT_STREAM,
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  raw.flushHeaders();
  return reply;
}

const encoder = new TextEncoder();

const event = (name: string, data: string, id: string | null): string =>
  `${id === null ? "" : `id: ${id}\n`}event: ${name}\ndata: ${data}\n\n`;

/** What has changed, as `/v1/changes` writes it down. */
export const eventFrames: ChangeFrames = {
  change: (id, { topic, model, id: record, position, value }) => {
    const at = String(position);
    // JSON has no line breaks: each stands escaped in a text.
    if (value !== null)
      return event(topic, topic === "anomalies" ? withPosition(value, at) : value, id);
    const gone = { id: record, position: at, gone: true };
    return event(topic, JSON.stringify(topic === "anomalies" ? { ...gone, model } : gone), id);
  },
  reset: (id, { model, position, generation, version }) =>
    event(
      "reset",
      JSON.stringify({ model, position: String(position), generation, model_version: version }),
      id,
    ),
  state: (model, { state, position }) =>
    event("state", JSON.stringify({ model, state, position: String(position) }), null),
  // An id without data is remembered by whoever reads, and is no event; libraries hand over comments.
  place: (id) => `: at ${id}\nid: ${id}\n\n`,
  bytes: (text) => encoder.encode(text),
};

/** The other records have one of their own. */
const withPosition = (json: string, position: string): string =>
  `${json.slice(0, -1)},"position":"${position}"}`;
