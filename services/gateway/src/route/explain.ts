import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { type ExplainedKind, explainedKind, explanation } from "@counterfoil/contracts/provenance";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { Problem } from "@counterfoil/http/problem";
import { createStandings } from "@counterfoil/processing/queries/event-standing";
import { explain, MODELS_OF } from "@counterfoil/processing/queries/explain/explain";
import { TooFarBack } from "@counterfoil/processing/queries/explain/unwind";
import { z } from "zod";
import {
  cursor,
  limitUpTo,
  minPosition,
  parameters,
  pathId,
  position,
  time,
} from "../parameter.ts";
import {
  given,
  MODEL_PROBLEMS,
  oneFound,
  positionKnownBy,
  readModel,
  type Sources,
  stuckNow,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** Facts on a page, at most: each is asked what would be shown without it. */
const FACTS_MAX = 100;

const query = parameters({
  as_of: time("A balance after the last report in effect by then"),
  at_position: position("A balance by the facts up to this position"),
  known_at: time("A balance by the facts recorded by then"),
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
  const { as_of, known_at, limit, cursor } = query;
  checkMoment(kind, query);
  const atPosition =
    known_at === undefined
      ? query.at_position
      : await positionKnownBy(sources, known_at, disconnected);
  const minimum = Math.max(query.min_position ?? 0, atPosition ?? 0);
  if (minimum > 0) await reachAll(sources, kind, minimum, disconnected);
  const { platform } = caller;
  const asked = {
    ...{ kind, id, limit, platform, hashing: nodeHashing, translations: TRANSLATIONS },
    ...given({ cursor, asOf: as_of, atPosition }),
    rule: stuckNow(sources),
    standings: platform === null ? null : createStandings(sources.models, platform),
    nextTurn: sources.clock.nextTurn,
  };
  try {
    const explained = await explain(sources, asked);
    if (explained.outcome !== "invalid_cursor") return oneFound(explained, kind, id);
    throw new Problem("invalid_cursor", "the cursor was not given out for this: begin without one");
  } catch (error) {
    if (error instanceof TooFarBack) throw new Problem("unsupported_combination", error.message);
    throw error;
  }
}

async function reachAll(
  sources: Sources,
  kind: ExplainedKind,
  minPosition: number,
  disconnected: () => AbortSignal,
): Promise<void> {
  for (const model of MODELS_OF[kind]) {
    await readModel(sources, { model, minPosition, disconnected }, async () => undefined);
  }
}

const PAST: ReadonlySet<ExplainedKind> = new Set(["balance", "account"]);

/** Of a past moment only balances are explained, of two positions at once none. */
function checkMoment(
  kind: ExplainedKind,
  { as_of, at_position, known_at }: z.output<typeof query>,
): void {
  const names = Object.keys(given({ as_of, at_position, known_at }));
  if (names.length > 0 && !PAST.has(kind)) {
    throw new Problem(
      "unsupported_combination",
      `${names.join(" and ")}: of a past moment only a balance is explained, not ${kind}`,
    );
  }
  if (at_position === undefined || known_at === undefined) return;
  throw new Problem(
    "unsupported_combination",
    "at_position and known_at: only one can be asked for",
  );
}
