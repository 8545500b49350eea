import { consistencyProof, inclusionProof, treeHead } from "@counterfoil/contracts/audit";
import { listOf, oneOf } from "@counterfoil/contracts/http";
import { Problem } from "@counterfoil/http/problem";
import { HEADS_KEY } from "@counterfoil/processing/audit/heads";
import { cursor, limit, parameters, position, requiredPosition } from "../parameter.ts";
import { given, listBody, oneBody, pageOf, type Sources } from "../reading.ts";
import { type Route, route } from "../route.ts";

/**
 * Signed heads, and proofs under them. Hashes of one event and of the one before it would show a guess
 * at what it says of others to be right, so that a platform's key gets neither.
 */
export function headRoutes(sources: Sources): readonly Route[] {
  return [
    headRoute(sources),
    listRoute(sources),
    inclusionRoute(sources),
    consistencyRoute(sources),
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
