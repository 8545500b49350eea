import { listOf, oneOf } from "@counterfoil/contracts/http";
import {
  depositRecord,
  historyRecord,
  LIFECYCLE_MODELS,
  type LifecycleModel,
  STAGES,
  tradeRecord,
  withdrawalRecord,
} from "@counterfoil/contracts/record";
import { provider } from "@counterfoil/contracts/scalar";
import {
  LIFECYCLE_KEY,
  type LifecycleFilters,
  listRecords,
} from "@counterfoil/processing/queries/lifecycle-list";
import { findRecord, HISTORY_KEY, listHistory } from "@counterfoil/processing/queries/lifecycles";
import { z } from "zod";
import {
  cursor,
  flag,
  limit,
  minPosition,
  parameters,
  pathId,
  repeatableChoice,
  repeatableText,
  time,
} from "../parameter.ts";
import {
  definedOnly,
  formatOptionalTime,
  listBody,
  MODEL_PROBLEMS,
  minPositionOf,
  momentOf,
  momentParameters,
  oneBody,
  pageOf,
  readModel,
  requireFound,
  type Sources,
  scopeFor,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** What differs between the three lifecycles. */
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

const problems = ["unsupported_combination", ...MODEL_PROBLEMS] as const;

/** Describes a record at a past moment. */
const AS_OF =
  "As of a time, stage, times and history show what had happened by then; the other fields show all that is known.";

const listQuery = (model: LifecycleModel) =>
  parameters({
    stage: repeatableChoice(STAGES[model], "Only those in this stage"),
    provider: repeatableChoice(provider.options, "Only this provider's"),
    asset: repeatableText("Only those of this asset (a trade: of one of its parties)"),
    participant_code: repeatableText(
      "Only those that this participant owns or is paid by (a trade: one of its parties)",
    ),
    account_group: repeatableText("Only those of this group; a trade has none"),
    identifier: repeatableText("Only those with this id, hash or reference, present or former"),
    updated_since: time("Only those that changed last at this time or later"),
    updated_until: time("Only those that changed last before this time"),
    stuck: flag("Whether it has stayed in its stage for longer than COUNTERFOIL_STUCK_AFTER"),
    ...momentParameters,
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
    description: `At a position, the one that had changed last by then comes first; as of a time alone, the one that was opened last. ${AS_OF} A page may have fewer records than \`limit\` although \`next_cursor\` is given.`,
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
  const { limit: _limit, cursor: _cursor, min_position, ...rest } = query;
  const { as_of: _as_of, at_position: _at, known_at: _known, ...named } = rest;
  const filters = definedOnly(named) as LifecycleFilters;
  const { updated_since, updated_until } = named;
  const formatted = definedOnly({
    ...filters,
    updated_since: formatOptionalTime(updated_since),
    updated_until: formatOptionalTime(updated_until),
  });
  const { platform } = caller;
  const requested = await momentOf(sources, query, disconnected);
  const { moment } = requested;
  const rule = await requested.rule();
  const scope = scopeFor(caller, {
    list: model,
    filters: { ...formatted, ...requested.filters },
    key: LIFECYCLE_KEY,
  });
  const page = pageOf(query, scope);
  const { nextTurn } = sources.clock;
  const reading = { model, minPosition: minPositionOf(moment, min_position), disconnected };
  return readModel(sources, reading, async (rows, { position }) => {
    const query = { model, filters, page, rule, moment, platform, nextTurn };
    return listBody(await listRecords(rows, query), scope, moment.at_position ?? position);
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
    description: AS_OF,
    query: parameters({ ...momentParameters, min_position: minPosition }),
    params,
    answer: oneOf(record),
    problems: ["not_found", "ambiguous_id", ...problems],
    handle: async ({ query, params: { id }, caller, disconnected }) => {
      const { moment, rule } = await momentOf(sources, query, disconnected);
      const request = { model, id, rule: await rule(), moment, platform: caller.platform };
      const minPosition = minPositionOf(moment, query.min_position);
      return readModel(sources, { model, minPosition, disconnected }, async (rows, { position }) =>
        oneBody(
          requireFound(await findRecord(rows, request), name, id),
          moment.at_position ?? position,
        ),
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
    query: parameters({ ...momentParameters, min_position: minPosition, limit, cursor }),
    params,
    answer: listOf(historyRecord),
    problems: ["not_found", "ambiguous_id", "invalid_cursor", ...problems],
    handle: async ({ query, params: { id }, caller, disconnected }) => {
      const { platform } = caller;
      const { moment, filters } = await momentOf(sources, query, disconnected);
      const list = { list: `${model}/history`, filters: { id, ...filters }, key: HISTORY_KEY };
      const scope = scopeFor(caller, list);
      const page = pageOf(query, scope);
      const minPosition = minPositionOf(moment, query.min_position);
      return readModel(sources, { model, minPosition, disconnected }, async (rows, { position }) =>
        listBody(
          requireFound(await listHistory(rows, { model, id, platform, moment }, page), name, id),
          scope,
          moment.at_position ?? position,
        ),
      );
    },
  });
}
