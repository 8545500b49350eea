import { oneOf } from "@counterfoil/contracts/http";
import {
  acknowledgement,
  type QuarantinedRecord,
  quarantinedRecord,
  type RetryRecord,
  retryRecord,
} from "@counterfoil/contracts/operations-record";
import { note } from "@counterfoil/contracts/service-fact";
import { Problem } from "@counterfoil/http/problem";
import type { Word } from "@counterfoil/processing/operator";
import type { Platform } from "@counterfoil/processing/queries/platform";
import { z } from "zod";
import type { Caller } from "../access.ts";
import { parameters, pathId } from "../parameter.ts";
import { oneBody } from "../reading.ts";
import { type Route, route } from "../route.ts";

/** What a person says of what needs one, as an event on the stream. */
export type Acting = Readonly<{
  /** @returns its position. @throws NothingThere, AlreadyClosed */
  acknowledge: (word: Word, platform: Platform) => Promise<number>;
  /** @throws NothingThere, AlreadyClosed */
  dismiss: (word: Word) => Promise<QuarantinedRecord>;
  /** @throws NothingThere, AlreadyClosed */
  retry: (word: Omit<Word, "note">) => Promise<RetryRecord & Readonly<{ position: number }>>;
}>;

const body = z.strictObject({ note: note.meta({ description: "Why, for those who come later" }) });

const problems = [
  ...(["not_found", "already_closed", "stream_unavailable", "model_unavailable"] as const),
];

export function actingRoutes(acting: Acting): readonly Route[] {
  return [...noteRoutes(acting), retryRoute(acting)];
}

/** What nobody could read is nobody's: for a platform there is none of it. */
function assertForAll({ platform }: Caller, id: string): void {
  if (platform !== null) throw new Problem("not_found", `there is no delivery_id "${id}"`);
}

function retryRoute({ retry }: Acting): Route {
  return route({
    operation: "retryQuarantined",
    method: "POST",
    url: "/v1/quarantine/:delivery_id/retry",
    tag: "attention",
    summary: "Reads a quarantined delivery once more, with the present translation",
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

function noteRoutes({ acknowledge, dismiss }: Acting): readonly Route[] {
  return [
    route({
      operation: "acknowledgeAnomaly",
      method: "POST",
      url: "/v1/anomalies/:id/acknowledge",
      tag: "attention",
      summary: "Says that somebody knows of an anomaly: it needs nobody until it changes",
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
      summary: "Says that a delivery which nobody could read needs nobody",
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
