import { listOf } from "@counterfoil/contracts/http";
import { balanceRecord } from "@counterfoil/contracts/record";
import { provider } from "@counterfoil/contracts/scalar";
import { Problem } from "@counterfoil/http/problem";
import {
  BALANCE_KEY,
  type BalanceFilters,
  listBalances,
  type Moment,
} from "@counterfoil/processing/queries/balances";
import type { z } from "zod";
import {
  anyChoice,
  anyMatch,
  cursor,
  limit,
  minPosition,
  parameters,
  position,
  time,
} from "../parameter.ts";
import {
  given,
  listBody,
  listFor,
  pageOf,
  positionKnownBy,
  printedTime,
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
  as_of: time("After the last report in effect by then, by all facts known now"),
  at_position: position("By the facts up to this position"),
  known_at: time("By the facts recorded by then"),
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
      problems: [
        "invalid_cursor",
        "unsupported_combination",
        "model_unavailable",
        "stream_unavailable",
        "position_timeout",
        "position_ahead",
      ],
      handle: (request) => answerBalances(sources, request),
    }),
  ];
}

async function answerBalances(
  sources: Sources,
  { query, caller, disconnected }: RouteRequest<Query, unknown>,
) {
  const { limit: _limit, cursor: _cursor, min_position, ...named } = query;
  const { as_of, at_position, known_at, ...filters } = given(named);
  checkCombination(given({ as_of, at_position, known_at }));
  const times = given({ as_of: printedTime(as_of), at_position, known_at: printedTime(known_at) });
  const list = { list: "balances", filters: { ...filters, ...times }, key: BALANCE_KEY };
  const scope = listFor(caller, list);
  const page = pageOf(query, scope);
  const at =
    known_at === undefined ? at_position : await positionKnownBy(sources, known_at, disconnected);
  const moment: Moment = given({ as_of, at_position: at });
  // Facts up to a position cannot be shown before they are folded.
  const minimum = Math.max(min_position ?? 0, at ?? 0);
  const reading = { model: "balances", minPosition: minimum || undefined, disconnected } as const;
  return readModel(sources, reading, async (rows, checkpoint) => {
    const request = {
      filters: filters as BalanceFilters,
      page,
      moment,
      platform: caller.platform,
      nextTurn: sources.clock.nextTurn,
    };
    const balances = await listBalances(rows, request);
    return listBody(balances, scope, at ?? checkpoint.position);
  });
}

/** One moment at a time: what was known then of an even earlier one is not computed. */
function checkCombination(moments: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(moments);
  if (names.length < 2) return;
  throw new Problem("unsupported_combination", `${names.join(" and ")}: only one can be asked for`);
}
