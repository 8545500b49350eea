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
  .meta({ description: "Only changes of these models; the parameter may be repeated" });

const CURSOR = "a position, such as 120, or the id of a change, such as 120.3";

const cursor = z
  .string({ error: CURSOR })
  .transform((text, context): ChangeCursor => {
    const cursor = parseCursor(text);
    if (cursor !== null) return cursor;
    context.addIssue({ code: "custom", message: CURSOR });
    return z.NEVER;
  })
  .optional();

const query = parameters({
  model,
  after: cursor.meta({
    type: "string",
    description:
      "Starts after this position or change; `0` starts with the first change. By default only new changes are sent",
  }),
});

const headers = z.looseObject({
  "last-event-id": cursor.meta({
    type: "string",
    description: "The id of the last change that was read; takes precedence over `after`",
  }),
});

/** The stream of changes of the read models. */
export function changeRoutes(sources: Sources, streams: ChangeStreams): readonly Route[] {
  return [
    route({
      operation: "streamChanges",
      url: "/v1/changes",
      tag: "changes",
      summary: "Every change of every read model, in order, as Server-Sent Events",
      description:
        "`event` is what has changed (`balances`, `withdrawals`, `deposits`, `trades`, `anomalies`), `data` is the record as of the change, as its own route serves it, with `position`; a record that is gone is `{id, position, gone: true}`. `stuck` is null, since it depends on the clock and not on a change. `id` is `POSITION.N`, the N-th change of that position, independent of filters; a client that reconnects with it in `Last-Event-ID` continues after it, and misses and repeats nothing. `event: reset` means that a model has to be read again from its routes, `event: state` that a model is behind, so that its changes come later than those of the others. Comments keep the connection alive. The connection of a reader that is too slow is closed.",
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
        const { raw } = sendHead(reply);
        if (method === "HEAD") raw.end();
        else streams.open(raw, { from, topics, platform, caller });
      },
    }),
  ];
}

/** @throws Problem invalid_query if the position is beyond the head: no such id was ever sent */
async function assertReached({ stream }: Sources, { position }: ChangeCursor): Promise<void> {
  const head = await stream.head();
  if (position <= head.position) return;
  throw new Problem(
    "invalid_query",
    `position ${position} is asked for, and the stream ends at ${head.position}: it is another stream, or one from a backup`,
  );
}

/** Sends the status line and the headers; the body must not be buffered, compressed or cached. */
function sendHead(reply: FastifyReply): FastifyReply {
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

/** Formats changes as the Server-Sent Events of `/v1/changes`. */
export const eventFrames: ChangeFrames = {
  change: (id, { topic, model, id: record, position, value }) => {
    const at = String(position);
    // JSON has no line breaks: they are escaped in strings.
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
  // A reader keeps an id without data, and does not dispatch an event; libraries do report comments.
  place: (id) => `: at ${id}\nid: ${id}\n\n`,
  bytes: (text) => encoder.encode(text),
};

/** Adds the position to an anomaly; the other records have one. */
const withPosition = (json: string, position: string): string =>
  `${json.slice(0, -1)},"position":"${position}"}`;
