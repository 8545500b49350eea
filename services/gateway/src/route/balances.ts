import { listOf } from "@counterfoil/contracts/http";
import { balanceRecord } from "@counterfoil/contracts/record";
import { provider } from "@counterfoil/contracts/scalar";
import {
  BALANCE_KEY,
  type BalanceFilters,
  listBalances,
} from "@counterfoil/processing/queries/balances";
import type { z } from "zod";
import { minPositionOf, momentOf, momentParameters } from "../moment.ts";
import { anyChoice, anyMatch, cursor, limit, minPosition, parameters } from "../parameter.ts";
import {
  given,
  listBody,
  listFor,
  MODEL_PROBLEMS,
  pageOf,
  readModel,
  type Sources,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

const filters = {
  provider: anyChoice(provider.options, "Only this provider's"),
  participant_code: anyMatch("Zero Hash: the participant"),
  account_group: anyMatch("Zero Hash: the platform's group"),
  account_label: anyMatch("Zero Hash: the label"),
  account_type: anyMatch("available, collateral, …"),
  asset: anyMatch("The asset's code"),
  account_id: anyMatch("Any id that the provider ever gave the account"),
};

const query = parameters({
  ...filters,
  ...momentParameters,
  min_position: minPosition,
  limit,
  cursor,
});
type Query = z.output<typeof query>;

export function balanceRoutes(sources: Sources): readonly Route[] {
  return [
    route({
      operation: "listBalances",
      url: "/v1/balances",
      tag: "balances",
      summary: "Balances, one an account",
      description:
        "Of a past moment, an account is listed if something was reported of it by then. `position` is the position that the facts were looked at up to. A page may hold fewer than `limit` while `next_cursor` is given.",
      query,
      answer: listOf(balanceRecord),
      problems: ["invalid_cursor", "unsupported_combination", ...MODEL_PROBLEMS],
      handle: (request) => answerBalances(sources, request),
    }),
  ];
}

async function answerBalances(
  sources: Sources,
  { query, caller, disconnected }: RouteRequest<Query, unknown>,
) {
  const { limit: _limit, cursor: _cursor, min_position, ...named } = query;
  const { as_of: _as_of, at_position: _at, known_at: _known, ...filters } = given(named);
  const asked = await momentOf(sources, query, disconnected);
  const { moment } = asked;
  const list = { list: "balances", filters: { ...filters, ...asked.filters }, key: BALANCE_KEY };
  const scope = listFor(caller, list);
  const page = pageOf(query, scope);
  // Facts up to a position cannot be shown before they are folded.
  const minPosition = minPositionOf(moment, min_position);
  const reading = { model: "balances", minPosition, disconnected } as const;
  return readModel(sources, reading, async (rows, checkpoint) => {
    const request = {
      filters: filters as BalanceFilters,
      page,
      moment,
      platform: caller.platform,
      nextTurn: sources.clock.nextTurn,
    };
    const balances = await listBalances(rows, request);
    return listBody(balances, scope, moment.at_position ?? checkpoint.position);
  });
}
