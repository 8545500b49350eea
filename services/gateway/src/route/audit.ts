import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import {
  consistencyProof,
  type ExplainedKind,
  explainedKind,
  explanation,
  inclusionProof,
  treeHead,
} from "@counterfoil/contracts/audit";
import { listOf, oneOf } from "@counterfoil/contracts/http";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { Problem } from "@counterfoil/http/problem";
import { HEADS_KEY } from "@counterfoil/processing/audit/heads";
import { createStandings } from "@counterfoil/processing/queries/event-standing";
import { explain, MODELS_OF } from "@counterfoil/processing/queries/explain/explain";
import { TooFarBack } from "@counterfoil/processing/queries/explain/take-back";
import { isPast, type Moment } from "@counterfoil/processing/queries/moment";
import { z } from "zod";
import {
  cursor,
  limit,
  limitUpTo,
  minPosition,
  parameters,
  pathId,
  position,
  requiredPosition,
} from "../parameter.ts";
import {
  given,
  listBody,
  MODEL_PROBLEMS,
  minPositionOf,
  momentOf,
  momentParameters,
  oneBody,
  oneFound,
  pageOf,
  reachAll,
  type Sources,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/**
 * Signed heads, proofs under them, and why something is shown as it is. Hashes of one event and of the one before it would show a guess
 * at what it says of others to be right, so that a platform's key gets no head and no proof.
 */
export function auditRoutes(sources: Sources): readonly Route[] {
  return [
    headRoute(sources),
    listRoute(sources),
    inclusionRoute(sources),
    consistencyRoute(sources),
    explainRoute(sources),
  ];
}

function headRoute({ heads }: Sources): Route {
  return route({
    operation: "getHead",
    url: "/v1/head",
    tag: "audit",
    isOfAll: true,
    summary: "A signed head over everything that was recorded",
    description:
      "The answer is the head itself, to be kept as it is: `counterfoil verify --head` takes the file. Signs one where something was recorded since the last, and appends nothing.",
    query: parameters({}),
    answer: treeHead,
    problems: [
      ...(["not_found", "stream_unavailable", "model_unavailable"] as const),
      ...(["head_key_unusable", "stream_forked", "stream_corrupted"] as const),
    ],
    handle: () => heads.make(),
  });
}

const list = parameters({
  after: position("Only heads over more than this position"),
  limit,
  cursor,
});

function listRoute({ heads, stream }: Sources): Route {
  return route({
    operation: "listHeads",
    url: "/v1/heads",
    tag: "audit",
    isOfAll: true,
    summary: "The heads that were signed here, in the order of their positions",
    query: list,
    answer: listOf(treeHead),
    problems: ["not_found", "invalid_cursor", "stream_unavailable", "model_unavailable"],
    handle: async ({ query }) => {
      const { after = 0 } = query;
      const scope = { list: "heads", filters: given({ after: query.after }), key: HEADS_KEY };
      const page = await heads.list(after, pageOf(query, scope));
      return listBody(page, scope, (await stream.head()).position);
    },
  });
}

/** A proof may be under a head that is only made for it. */
const PROOF_PROBLEMS = [
  ...(["not_found", "unsupported_combination", "stream_unavailable"] as const),
  ...(["model_unavailable", "head_key_unusable"] as const),
] as const;

function inclusionRoute({ heads }: Sources): Route {
  return route({
    operation: "getInclusionProof",
    url: "/v1/proofs/inclusion",
    tag: "audit",
    isOfAll: true,
    summary: "That the event at a position lies under a head",
    query: parameters({
      position: requiredPosition("Of the event"),
      tree_size: position("The head's `tree_size`; the newest unless it is given"),
    }),
    answer: oneOf(inclusionProof),
    problems: PROOF_PROBLEMS,
    handle: async ({ query: { position, tree_size } }) => {
      if (tree_size !== undefined) checkOrder(["position", position], ["tree_size", tree_size]);
      const proof = await heads.proveInclusion(position, tree_size);
      return oneBody(proof, Number(proof.tree_size));
    },
  });
}

function consistencyRoute({ heads }: Sources): Route {
  return route({
    operation: "getConsistencyProof",
    url: "/v1/proofs/consistency",
    tag: "audit",
    isOfAll: true,
    summary: "That a later head holds everything that an earlier one held",
    query: parameters({
      from: requiredPosition("The earlier head's `tree_size`"),
      to: requiredPosition("The later head's `tree_size`"),
    }),
    answer: oneOf(consistencyProof),
    problems: PROOF_PROBLEMS,
    handle: async ({ query: { from, to } }) => {
      checkOrder(["from", from], ["to", to]);
      return oneBody(await heads.proveConsistency(from, to), to);
    },
  });
}

type Given = readonly [name: string, value: number];

/** @throws Problem unsupported_combination */
function checkOrder([first, low]: Given, [last, high]: Given): void {
  if (low <= high) return;
  const detail = `${first} is ${low} and ${last} is ${high}: expected ${first} up to ${last}`;
  throw new Problem("unsupported_combination", detail);
}

/** Facts on a page, at most: each is asked what would be shown without it. */
const FACTS_MAX = 100;

const explainQuery = parameters({
  ...momentParameters,
  min_position: minPosition,
  limit: limitUpTo(FACTS_MAX),
  cursor,
});

const explainParams = z.object({
  kind: explainedKind.meta({ description: "What is explained" }),
  id: pathId("As it is shown; of an entry the event id of its report"),
});

type ExplainRequest = RouteRequest<z.output<typeof explainQuery>, z.output<typeof explainParams>>;

/** Why something is shown as it is. */
function explainRoute(sources: Sources): Route {
  return route({
    operation: "explain",
    url: "/v1/explain/:kind/:id",
    tag: "audit",
    summary: "Why something is shown as it is: its facts, their deliveries, what the rules decided",
    description:
      "The newest facts first, each with its role: `decides` (without it something else would be shown), `confirms` (a gap would open, or the status change), `repeats` and `superseded` (nothing would change). Roles are found by asking the rules what they would show without the fact.",
    query: explainQuery,
    params: explainParams,
    answer: explanation,
    problems: [
      "not_found",
      "ambiguous_id",
      "invalid_cursor",
      "unsupported_combination",
      ...MODEL_PROBLEMS,
    ],
    handle: (request) => answerExplain(sources, request),
  });
}

async function answerExplain(
  sources: Sources,
  { query, params: { kind, id }, caller, disconnected }: ExplainRequest,
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

function checkTime(kind: ExplainedKind, { as_of }: z.output<typeof explainQuery>): void {
  if (as_of === undefined || !TIMELESS.has(kind)) return;
  throw new Problem(
    "unsupported_combination",
    `as_of: when it took effect the ${kind} says itself; what was known of it at_position and known_at say`,
  );
}
