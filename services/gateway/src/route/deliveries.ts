import { nodeHashing } from "@counterfoil/adapters/node/hashing";
import { deliveryRecord } from "@counterfoil/contracts/delivery-record";
import { oneOf } from "@counterfoil/contracts/http";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { Problem } from "@counterfoil/http/problem";
import { findBody, findDelivery } from "@counterfoil/processing/queries/deliveries";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { Sources } from "../deps.ts";
import { oneBody } from "../paging.ts";
import { parameters } from "../parameter.ts";
import { type Route, route } from "../route.ts";

const params = z.object({ id: z.string().meta({ description: "The delivery's id" }) });
const query = parameters({});

const BYTES = "application/octet-stream";

export function deliveryRoutes(sources: Sources): readonly Route[] {
  return [
    route({
      url: "/v1/deliveries/:id",
      tag: "stream",
      summary: "A delivery with everything that it caused to be recorded",
      query,
      params,
      answer: oneOf(deliveryRecord),
      problems: ["not_found", "stream_unavailable"],
      handle: ({ params: { id } }) => answerDelivery(sources, id),
    }),
    route({
      url: "/v1/deliveries/:id/body",
      tag: "stream",
      summary: "The exact bytes of a delivery",
      query,
      params,
      answer: z.string().meta({ format: "binary" }),
      mediaType: BYTES,
      problems: ["not_found", "body_gone", "stream_unavailable"],
      handle: ({ params: { id } }, reply) => answerBody(sources, id, reply),
    }),
  ];
}

/** A delivery is read again to find what it caused. */
const READING = { translations: TRANSLATIONS, hashing: nodeHashing };

const unknownDelivery = (id: string) => new Problem("not_found", `there is no delivery "${id}"`);

async function answerDelivery({ stream }: Sources, id: string) {
  const delivery = await findDelivery(stream, id, READING);
  if (delivery === null) throw unknownDelivery(id);
  const body_url = `/v1/deliveries/${id}/body`;
  return oneBody({ ...delivery, body_url }, (await stream.head()).position);
}

async function answerBody({ stream }: Sources, id: string, reply: FastifyReply) {
  const body = await findBody(stream, id);
  if (body === null) throw unknownDelivery(id);
  const { sha256, bytes } = body;
  if (bytes === null) throw new Problem("body_gone", `the bytes with SHA-256 ${sha256} are gone`);
  // Whatever a provider sent is shown as bytes and nothing else, also by a browser.
  reply.type(BYTES).header("x-content-type-options", "nosniff");
  return reply.header("content-disposition", "attachment").send(Buffer.from(bytes));
}
