import { modelName } from "@counterfoil/contracts/fact";
import { listOf } from "@counterfoil/contracts/http";
import { anomalyKind, anomalyRecord } from "@counterfoil/contracts/record";
import {
  ANOMALY_KEY,
  type AnomalyFilters,
  type AnomalyPart,
  mergeAnomalies,
  readAnomalies,
} from "@counterfoil/processing/queries/anomalies";
import type { z } from "zod";
import type { Sources } from "../deps.ts";
import { given, listBody, pageOf } from "../paging.ts";
import { choice, cursor, flag, limit, match, minPosition, parameters } from "../parameter.ts";
import { readModel, stuckNow } from "../reading.ts";
import { type Asked, type Route, route } from "../route.ts";

const query = parameters({
  kind: choice(anomalyKind.options, "Only this kind"),
  model: choice(modelName.options, "Only this model's"),
  subject: match("Only those of this record"),
  open: flag("true: only those that are open; false: only those that were closed"),
  min_position: minPosition,
  limit,
  cursor,
});
type Query = z.output<typeof query>;

export function anomalyRoutes(sources: Sources): readonly Route[] {
  return [
    route({
      url: "/v1/anomalies",
      tag: "attention",
      summary: "What needs a person, over all models, the newest first",
      description:
        "`position` is that of the model that is furthest behind. A page may hold fewer than `limit` while `next_cursor` is given.",
      query,
      answer: listOf(anomalyRecord),
      problems: ["invalid_cursor", "model_unavailable", "stream_unavailable", "position_timeout"],
      handle: (asked) => answerAnomalies(sources, asked),
    }),
  ];
}

async function answerAnomalies(sources: Sources, { query, gone }: Asked<Query, unknown>) {
  const { kind, model: only, subject, open, min_position } = query;
  const filters: AnomalyFilters = given({ kind, subject, open });
  const scope = {
    list: "anomalies",
    filters: given({ ...filters, model: only }),
    key: ANOMALY_KEY,
  };
  const page = pageOf(query, scope);
  const rule = stuckNow(sources);
  const found: AnomalyPart[] = [];
  let position = Number.POSITIVE_INFINITY;
  for (const model of only === undefined ? modelName.options : [only]) {
    const reading = { model, minPosition: min_position, gone };
    await readModel(sources, reading, async (rows, checkpoint) => {
      const query = { model, filters, page, rule, nextTurn: sources.clock.nextTurn };
      found.push(...(await readAnomalies(rows, query)));
      position = Math.min(position, checkpoint.position);
    });
  }
  return listBody(mergeAnomalies(found, page.limit), scope, position);
}
