import { listOf, oneOf } from "@counterfoil/contracts/http";
import {
  depositRecord,
  historyRecord,
  tradeRecord,
  withdrawalRecord,
} from "@counterfoil/contracts/record";
import { provider } from "@counterfoil/contracts/scalar";
import {
  findRecord,
  HISTORY_KEY,
  LIFECYCLE_KEY,
  type LifecycleFilters,
  listHistory,
  listRecords,
} from "@counterfoil/processing/queries/lifecycles";
import {
  LIFECYCLE_MODELS,
  type LifecycleModel,
  STAGES,
} from "@counterfoil/processing/queries/stuck";
import { z } from "zod";
import {
  anyChoice,
  anyMatch,
  cursor,
  flag,
  limit,
  minPosition,
  parameters,
  pathId,
  time,
} from "../parameter.ts";
import {
  given,
  listBody,
  listFor,
  oneBody,
  oneFound,
  pageOf,
  printedTime,
  readModel,
  type Sources,
  stuckNow,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** What the three lifecycles have that the others have not. */
const LIFECYCLES = {
  withdrawals: {
    record: withdrawalRecord,
    name: "withdrawal",
    operations: { list: "listWithdrawals", one: "getWithdrawal", history: "listWithdrawalHistory" },
  },
  deposits: {
    record: depositRecord,
    name: "deposit",
    operations: { list: "listDeposits", one: "getDeposit", history: "listDepositHistory" },
  },
  trades: {
    record: tradeRecord,
    name: "trade",
    operations: { list: "listTrades", one: "getTrade", history: "listTradeHistory" },
  },
} as const;

export function lifecycleRoutes(sources: Sources): readonly Route[] {
  return LIFECYCLE_MODELS.flatMap((model) => [
    listRoute(sources, model),
    oneRoute(sources, model),
    historyRoute(sources, model),
  ]);
}

const problems = [
  "model_unavailable",
  "stream_unavailable",
  "position_timeout",
  "position_ahead",
] as const;

const listQuery = (model: LifecycleModel) =>
  parameters({
    stage: anyChoice(STAGES[model], "Only those in this stage"),
    provider: anyChoice(provider.options, "Only this provider's"),
    asset: anyMatch("Only those of this asset (a trade: of one of its parties)"),
    participant_code: anyMatch(
      "Only those that this participant owns or is paid by (a trade: one of its parties)",
    ),
    account_group: anyMatch("Only those of this group; a trade has none"),
    identifier: anyMatch("Only those that this finds: any present or former id, hash, reference"),
    updated_since: time("Only those that changed last at this time or later"),
    updated_until: time("Only those that changed last before this time"),
    stuck: flag("Whether it has stayed in its stage for longer than COUNTERFOIL_STUCK_AFTER"),
    min_position: minPosition,
    limit,
    cursor,
  });
type ListQuery = z.output<ReturnType<typeof listQuery>>;

function listRoute(sources: Sources, model: LifecycleModel): Route {
  return route({
    operation: LIFECYCLES[model].operations.list,
    url: `/v1/${model}`,
    tag: "lifecycles",
    summary: `The ${model}, the one that changed last first`,
    description: "A page may hold fewer than `limit` while `next_cursor` is given.",
    query: listQuery(model),
    answer: listOf(LIFECYCLES[model].record),
    problems: ["invalid_cursor", ...problems],
    handle: (request) => answerList(sources, model, request),
  });
}

async function answerList(
  sources: Sources,
  model: LifecycleModel,
  { query, caller, disconnected }: RouteRequest<ListQuery, unknown>,
) {
  const { limit: _limit, cursor: _cursor, min_position, ...named } = query;
  const filters = given(named) as LifecycleFilters;
  const { updated_since, updated_until } = named;
  const printed = given({
    ...filters,
    updated_since: printedTime(updated_since),
    updated_until: printedTime(updated_until),
  });
  const { platform } = caller;
  const scope = listFor(caller, { list: model, filters: printed, key: LIFECYCLE_KEY });
  const page = pageOf(query, scope);
  const rule = stuckNow(sources);
  const { nextTurn } = sources.clock;
  const reading = { model, minPosition: min_position, disconnected };
  return readModel(sources, reading, async (rows, { position }) => {
    const query = { model, filters, page, rule, platform, nextTurn };
    return listBody(await listRecords(rows, query), scope, position);
  });
}

function oneRoute(sources: Sources, model: LifecycleModel): Route {
  const { name, record } = LIFECYCLES[model];
  const params = z.object({
    id: pathId(`Any id of the ${name}: present or former`),
  });
  return route({
    operation: LIFECYCLES[model].operations.one,
    url: `/v1/${model}/:id`,
    tag: "lifecycles",
    summary: `One ${name} with the newest entries of its history`,
    query: parameters({ min_position: minPosition }),
    params,
    answer: oneOf(record),
    problems: ["not_found", "ambiguous_id", ...problems],
    handle: ({ query: { min_position }, params: { id }, caller, disconnected }) => {
      const query = { model, id, rule: stuckNow(sources), platform: caller.platform };
      const reading = { model, minPosition: min_position, disconnected };
      return readModel(sources, reading, async (rows, { position }) =>
        oneBody(oneFound(await findRecord(rows, query), name, id), position),
      );
    },
  });
}

function historyRoute(sources: Sources, model: LifecycleModel): Route {
  const { name } = LIFECYCLES[model];
  const params = z.object({
    id: pathId(`Any id of the ${name}: present or former`),
  });
  return route({
    operation: LIFECYCLES[model].operations.history,
    url: `/v1/${model}/:id/history`,
    tag: "lifecycles",
    summary: `The whole history of one ${name}, in order`,
    query: parameters({ min_position: minPosition, limit, cursor }),
    params,
    answer: listOf(historyRecord),
    problems: ["not_found", "ambiguous_id", "invalid_cursor", ...problems],
    handle: ({ query, params: { id }, caller, disconnected }) => {
      const { platform } = caller;
      const list = { list: `${model}/history`, filters: { id }, key: HISTORY_KEY };
      const scope = listFor(caller, list);
      const page = pageOf(query, scope);
      const reading = { model, minPosition: query.min_position, disconnected };
      return readModel(sources, reading, async (rows, { position }) =>
        listBody(
          oneFound(await listHistory(rows, { model, id, platform }, page), name, id),
          scope,
          position,
        ),
      );
    },
  });
}
