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
import { HEADS_KEY, outsideTree } from "@counterfoil/processing/audit/heads";
import { createStandings } from "@counterfoil/processing/queries/events";
import { explain, MODELS_OF } from "@counterfoil/processing/queries/explain/explain";
import { TooFarBack } from "@counterfoil/processing/queries/explain/unwind";
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
  definedOnly,
  listBody,
  MODEL_PROBLEMS,
  minPositionOf,
  momentOf,
  momentParameters,
  oneBody,
  pageOf,
  requireFound,
  type Sources,
  waitForModels,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/**
 * Routes for signed heads, proofs and explanations. The hash of an event, with that of the one before
 * it, would confirm a guess at its content, which may be another platform's; so a platform's key gets
 * no head and no proof.
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
    mayBeLong: true,
    isLedgerWide: true,
    isRevalidated: true,
    summary: "A signed head over everything that was recorded",
    description:
      "The answer is the head itself; store it unchanged: `counterfoil verify --head` takes the file. A new head is signed if something was recorded since the last one; nothing is appended.",
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
  after: position("Only heads beyond this position"),
  limit,
  cursor,
});

function listRoute({ heads, stream }: Sources): Route {
  return route({
    operation: "listHeads",
    url: "/v1/heads",
    tag: "audit",
    isLedgerWide: true,
    isRevalidated: true,
    summary: "The heads that were signed here, in the order of their positions",
    query: list,
    answer: listOf(treeHead),
    problems: ["not_found", "invalid_cursor", "stream_unavailable", "model_unavailable"],
    handle: async ({ query }) => {
      const { after = 0 } = query;
      const scope = { list: "heads", filters: definedOnly({ after: query.after }), key: HEADS_KEY };
      const page = await heads.list(after, pageOf(query, scope));
      return listBody(page, scope, (await stream.head()).position);
    },
  });
}

/** Includes the problems of signing a head, since a proof may need a new one. */
const PROOF_PROBLEMS = [
  ...(["not_found", "unsupported_combination", "stream_unavailable"] as const),
  ...(["model_unavailable", "head_key_unusable"] as const),
] as const;

function inclusionRoute({ heads }: Sources): Route {
  return route({
    operation: "getInclusionProof",
    url: "/v1/proofs/inclusion",
    tag: "audit",
    mayBeLong: true,
    isLedgerWide: true,
    isRevalidated: true,
    summary: "Proves that a head covers the event at a position",
    query: parameters({
      position: requiredPosition("The position of the event"),
      tree_size: position("The head's `tree_size`; default the newest"),
    }),
    answer: oneOf(inclusionProof),
    problems: PROOF_PROBLEMS,
    handle: async ({ query: { position, tree_size } }) => {
      if (tree_size !== undefined && position > tree_size) {
        throw new Problem("unsupported_combination", outsideTree(position, tree_size));
      }
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
    mayBeLong: true,
    isLedgerWide: true,
    isRevalidated: true,
    summary: "Proves that a later head covers everything that an earlier one covered",
    query: parameters({
      from: requiredPosition("The earlier head's `tree_size`"),
      to: requiredPosition("The later head's `tree_size`"),
    }),
    answer: oneOf(consistencyProof),
    problems: PROOF_PROBLEMS,
    handle: async ({ query: { from, to } }) => {
      if (from > to) {
        const detail = `from is ${from} and to is ${to}: expected from up to to`;
        throw new Problem("unsupported_combination", detail);
      }
      return oneBody(await heads.proveConsistency(from, to), to);
    },
  });
}

/** The maximum number of facts on a page: each is evaluated by leaving it out. */
const FACTS_MAX = 100;

const explainQuery = parameters({
  ...momentParameters,
  min_position: minPosition,
  limit: limitUpTo(FACTS_MAX),
  cursor,
});

const explainParams = z.object({
  kind: explainedKind.meta({ description: "What is explained" }),
  id: pathId("The id in the lists; for an entry, the event id of its report"),
});

type ExplainRequest = RouteRequest<z.output<typeof explainQuery>, z.output<typeof explainParams>>;

/** Explains why a value is shown as it is. */
function explainRoute(sources: Sources): Route {
  return route({
    operation: "explain",
    url: "/v1/explain/:kind/:id",
    tag: "audit",
    mayBeLong: true,
    summary: "Why a value is shown as it is: its facts, their deliveries, what the rules decided",
    description:
      "The newest facts first, each with its role: `decides` (without it, another value would be shown), `confirms` (without it, a gap would open or the status would change), `repeats` and `superseded` (without it, nothing would change). Roles are found by applying the rules without the fact.",
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
  if (minimum !== undefined) await waitForModels(sources, MODELS_OF[kind], minimum, disconnected);
  const { platform } = caller;
  const { limit, cursor } = query;
  const request = {
    ...{ kind, id, limit, platform, hashing: nodeHashing, translations: TRANSLATIONS },
    ...{ ...definedOnly({ cursor }), moment, rule: await rule() },
    standings: platform === null ? null : createStandings(sources.models, platform),
    nextTurn: sources.clock.nextTurn,
  };
  try {
    const explained = await explain(sources, request);
    if (explained.outcome === "missing") throw notFound(kind, id, moment);
    if (explained.outcome !== "invalid_cursor") return requireFound(explained, kind, id);
    throw new Problem("invalid_cursor", "the cursor was not given out for this: begin without one");
  } catch (error) {
    if (error instanceof TooFarBack) throw new Problem("unsupported_combination", error.message);
    throw error;
  }
}

function notFound(kind: ExplainedKind, id: string, moment: Moment): Problem {
  const when = isPast(moment) ? " at that moment" : "";
  const hint =
    kind === "entry"
      ? "it is asked for by the event id of its report"
      : "ids are as the lists show them";
  return new Problem("not_found", `there is no ${kind} "${id}"${when}: ${hint}`);
}

/** Kinds that state their effective time themselves: `as_of` is refused, as on their own routes. */
const TIMELESS: ReadonlySet<ExplainedKind> = new Set(["run", "anomaly"]);

function checkTime(kind: ExplainedKind, { as_of }: z.output<typeof explainQuery>): void {
  if (as_of === undefined || !TIMELESS.has(kind)) return;
  throw new Problem(
    "unsupported_combination",
    `as_of: when it took effect the ${kind} says itself; what was known of it at_position and known_at say`,
  );
}
