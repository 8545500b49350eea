import { totalRecord } from "@counterfoil/contracts/record";
import { position as positionText, provider } from "@counterfoil/contracts/scalar";
import { Problem } from "@counterfoil/http/problem";
import { readTotals, TOTAL_GROUPS } from "@counterfoil/processing/queries/totals";
import { z } from "zod";
import { minPositionOf } from "../moment.ts";
import { anyChoice, anyMatch, minPosition, parameters, position, time } from "../parameter.ts";
import { given, MODEL_PROBLEMS, positionKnownBy, readModel, type Sources } from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

const query = parameters({
  group_by: anyChoice(
    ["asset", ...TOTAL_GROUPS],
    "What sums are told apart by, beside the asset: sums over several assets mean nothing",
  ),
  asset: anyMatch("The asset's code"),
  account_type: anyMatch("available, collateral, …"),
  account_group: anyMatch("Zero Hash: the platform's group"),
  provider: anyChoice(provider.options, "Only this provider's"),
  at_position: position("By the facts up to this position"),
  known_at: time("By the facts recorded by then"),
  as_of: time("Refused: sums are kept by position, not by the times that providers print"),
  min_position: minPosition,
});
type Query = z.output<typeof query>;

const totals = z.object({
  position: positionText.meta({ description: "Where on the stream this was computed" }),
  data: z.array(totalRecord),
});

export function totalRoutes(sources: Sources): readonly Route[] {
  return [
    route({
      operation: "listTotals",
      url: "/v1/totals",
      tag: "balances",
      summary: "What accounts hold together, an asset at a time",
      description:
        "Exact sums over accounts, kept in the transaction of their balances. `group_by` and filters may be repeated: several values of a filter are any of them. Groups without an account are left out.",
      query,
      answer: totals,
      problems: ["unsupported_combination", ...MODEL_PROBLEMS],
      handle: (request) => answerTotals(sources, request),
    }),
  ];
}

async function answerTotals(
  sources: Sources,
  { query, caller, disconnected }: RouteRequest<Query, unknown>,
): Promise<z.infer<typeof totals>> {
  const { group_by, at_position, known_at, as_of, min_position, ...filters } = query;
  checkMoment({ at_position, known_at, as_of });
  const at =
    known_at === undefined ? at_position : await positionKnownBy(sources, known_at, disconnected);
  const minPosition = minPositionOf(given({ at_position: at }), min_position);
  const reading = { model: "balances", minPosition, disconnected } as const;
  return readModel(sources, reading, async (rows, checkpoint) => {
    const data = await readTotals(rows, {
      groupBy: TOTAL_GROUPS.filter((name) => group_by?.includes(name)),
      filters: given(filters),
      platform: caller.platform,
      position: at,
      nextTurn: sources.clock.nextTurn,
    });
    return { position: String(at ?? checkpoint.position), data: [...data] };
  });
}

type Moments = Readonly<Pick<Query, "at_position" | "known_at" | "as_of">>;

/**
 * When a change takes effect may be learnt at any time later, so sums by that time would have to be added
 * up account by account.
 */
function checkMoment({ at_position, known_at, as_of }: Moments): void {
  if (as_of !== undefined) {
    throw new Problem(
      "unsupported_combination",
      "totals are not kept by the times that providers print: ask with known_at or at_position, or add up /v1/balances?as_of=…",
    );
  }
  if (at_position === undefined || known_at === undefined) return;
  throw new Problem(
    "unsupported_combination",
    "at_position and known_at: only one can be asked for",
  );
}
