import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { type ExplainedKind, explainedKind, explanation } from "@counterfoil/contracts/provenance";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { Problem } from "@counterfoil/http/problem";
import { createStandings } from "@counterfoil/processing/queries/event-standing";
import { explain, MODELS_OF } from "@counterfoil/processing/queries/explain/explain";
import { TooFarBack } from "@counterfoil/processing/queries/explain/unwind";
import { isPast, type Moment } from "@counterfoil/processing/queries/moment";
import { z } from "zod";
import { minPositionOf, momentOf, momentParameters } from "../moment.ts";
import { cursor, limitUpTo, minPosition, parameters, pathId } from "../parameter.ts";
import { given, MODEL_PROBLEMS, oneFound, reachAll, type Sources } from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** Facts on a page, at most: each is asked what would be shown without it. */
const FACTS_MAX = 100;

const query = parameters({
  ...momentParameters,
  min_position: minPosition,
  limit: limitUpTo(FACTS_MAX),
  cursor,
});

const params = z.object({
  kind: explainedKind.meta({ description: "What is explained" }),
  id: pathId("As it is shown; of an entry the event id of its report"),
});

type Asked = RouteRequest<z.output<typeof query>, z.output<typeof params>>;

/** Why something is shown as it is. */
export function explainRoutes(sources: Sources): readonly Route[] {
  return [
    route({
      operation: "explain",
      url: "/v1/explain/:kind/:id",
      tag: "audit",
      summary:
        "Why something is shown as it is: its facts, their deliveries, what the rules decided",
      description:
        "The newest facts first, each with its role: `decides` (without it something else would be shown), `confirms` (a gap would open, or the status change), `repeats` and `superseded` (nothing would change). Roles are found by asking the rules what they would show without the fact.",
      query,
      params,
      answer: explanation,
      problems: [
        "not_found",
        "ambiguous_id",
        "invalid_cursor",
        "unsupported_combination",
        ...MODEL_PROBLEMS,
      ],
      handle: (request) => answer(sources, request),
    }),
  ];
}

async function answer(
  sources: Sources,
  { query, params: { kind, id }, caller, disconnected }: Asked,
) {
  checkTime(kind, query);
  const { moment, rule } = await momentOf(sources, query, disconnected);
  const minimum = minPositionOf(moment, query.min_position);
  if (minimum !== undefined) await reachAll(sources, MODELS_OF[kind], minimum, disconnected);
  const { platform } = caller;
  const { limit, cursor } = query;
  const asked = {
    ...{ kind, id, limit, platform, hashing: nodeHashing, translations: TRANSLATIONS },
    ...{ ...given({ cursor }), moment, rule },
    standings: platform === null ? null : createStandings(sources.models, platform),
    nextTurn: sources.clock.nextTurn,
  };
  try {
    const explained = await explain(sources, asked);
    if (explained.outcome === "missing") throw nothingThere(kind, id, moment);
    if (explained.outcome !== "invalid_cursor") return oneFound(explained, kind, id);
    throw new Problem("invalid_cursor", "the cursor was not given out for this: begin without one");
  } catch (error) {
    if (error instanceof TooFarBack) throw new Problem("unsupported_combination", error.message);
    throw error;
  }
}

function nothingThere(kind: ExplainedKind, id: string, moment: Moment): Problem {
  const then = isPast(moment) ? " at that moment" : "";
  const as =
    kind === "entry"
      ? "it is asked for by the event id of its report"
      : "ids are as the lists show them";
  return new Problem("not_found", `there is no ${kind} "${id}"${then}: ${as}`);
}

/** When it took effect these say themselves, as on their own routes. */
const TIMELESS: ReadonlySet<ExplainedKind> = new Set(["run", "anomaly"]);

function checkTime(kind: ExplainedKind, { as_of }: z.output<typeof query>): void {
  if (as_of === undefined || !TIMELESS.has(kind)) return;
  throw new Problem(
    "unsupported_combination",
    `as_of: when it took effect the ${kind} says itself; what was known of it at_position and known_at say`,
  );
}
