import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { modelName } from "@counterfoil/contracts/fact";
import { listOf, oneOf, searchAnswer } from "@counterfoil/contracts/http";
import { balanceRecord, entryRecord, runRecord, totalRecord } from "@counterfoil/contracts/record";
import { position as positionText, provider } from "@counterfoil/contracts/scalar";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { Problem } from "@counterfoil/http/problem";
import type { Rows } from "@counterfoil/processing/ports/model-store";
import {
  BALANCE_KEY,
  type BalanceFilters,
  findAccount,
  listBalances,
} from "@counterfoil/processing/queries/balances";
import { ENTRY_KEY, listEntries } from "@counterfoil/processing/queries/entries";
import { createStandings } from "@counterfoil/processing/queries/events";
import { checkStartsKnown, isPast, type Moment } from "@counterfoil/processing/queries/moment";
import { findRun } from "@counterfoil/processing/queries/runs";
import { search } from "@counterfoil/processing/queries/search";
import { readTotals, TOTAL_GROUPS } from "@counterfoil/processing/queries/totals";
import { z } from "zod";
import {
  choice,
  cursor,
  limit,
  minPosition,
  parameters,
  pathId,
  position,
  repeatableChoice,
  repeatableText,
  requiredText,
  time,
} from "../parameter.ts";
import {
  currentStuckRule,
  definedOnly,
  knownParameters,
  listBody,
  MODEL_PROBLEMS,
  minPositionOf,
  momentOf,
  momentParameters,
  oneBody,
  pageOf,
  positionKnownBy,
  type RequestedMoment,
  readModel,
  requireFound,
  type Sources,
  scopeFor,
  waitForModels,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** Routes for accounts with their balances, sums, search, histories and runs. */
export function balanceRoutes(sources: Sources): readonly Route[] {
  return [
    balancesRoute(sources),
    totalsRoute(sources),
    searchRoute(sources),
    accountRoute(sources),
    entriesRoute(sources),
    runRoute(sources),
  ];
}

const balanceFilters = {
  provider: repeatableChoice(provider.options, "Only this provider's"),
  participant_code: repeatableText("Zero Hash: the participant"),
  account_group: repeatableText("Zero Hash: the platform's group"),
  account_label: repeatableText("Zero Hash: the label"),
  account_type: repeatableText("available, collateral, …"),
  asset: repeatableText("The asset's code"),
  account_id: repeatableText("Any present or former id of the account at the provider"),
};

const balancesQuery = parameters({
  ...balanceFilters,
  ...momentParameters,
  min_position: minPosition,
  limit,
  cursor,
});

function balancesRoute(sources: Sources): Route {
  return route({
    operation: "listBalances",
    url: "/v1/balances",
    tag: "balances",
    summary: "Balances, one per account",
    description:
      "At a past moment, an account is listed if something was reported of it by then. `position` is the position up to which facts are included. A page may have fewer records than `limit` although `next_cursor` is given.",
    query: balancesQuery,
    answer: listOf(balanceRecord),
    problems: ["invalid_cursor", "unsupported_combination", ...MODEL_PROBLEMS],
    handle: (request) => answerBalances(sources, request),
  });
}

async function answerBalances(
  sources: Sources,
  { query, caller, disconnected }: RouteRequest<z.output<typeof balancesQuery>, unknown>,
) {
  const { limit: _limit, cursor: _cursor, min_position, ...named } = query;
  const { as_of: _as_of, at_position: _at, known_at: _known, ...filters } = definedOnly(named);
  const requested = await momentOf(sources, query, disconnected);
  const { moment } = requested;
  const allFilters = { ...filters, ...requested.filters };
  const list = { list: "balances", filters: allFilters, key: BALANCE_KEY };
  const scope = scopeFor(caller, list);
  const page = pageOf(query, scope);
  // The model must have processed all facts up to the requested position.
  const minPosition = minPositionOf(moment, min_position);
  const reading = { model: "balances", minPosition, disconnected } as const;
  return readModel(sources, reading, async (rows, checkpoint, { modelVersion }) => {
    if (isPast(moment)) checkStartsKnown(modelVersion);
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

const totalsQuery = parameters({
  group_by: repeatableChoice(
    ["asset", ...TOTAL_GROUPS],
    "Groups the sums by this, besides the asset, by which they are always grouped",
  ),
  asset: repeatableText("The asset's code"),
  account_type: repeatableText("available, collateral, …"),
  account_group: repeatableText("Zero Hash: the platform's group"),
  provider: repeatableChoice(provider.options, "Only this provider's"),
  at_position: position("Use only the facts up to this position"),
  known_at: time("Use only the facts recorded by this time"),
  as_of: time("Refused: sums are kept by position, not by the times that providers print"),
  min_position: minPosition,
});
type TotalsQuery = z.output<typeof totalsQuery>;

const totals = z.object({
  position: positionText.meta({
    description: "The position of the stream that it was computed at",
  }),
  data: z.array(totalRecord),
});

function totalsRoute(sources: Sources): Route {
  return route({
    operation: "listTotals",
    url: "/v1/totals",
    tag: "balances",
    summary: "Sums of the balances of accounts, per asset",
    description:
      "Exact sums over accounts, updated in the transaction of their balances. `group_by` and filters may be repeated; a filter with several values matches any of them. Groups without an account are omitted. Layer1's `blockchain` funds are the available and the reserved ones together: they are summed only where `account_type` is a group or a filter.",
    query: totalsQuery,
    answer: totals,
    problems: ["unsupported_combination", ...MODEL_PROBLEMS],
    handle: (request) => answerTotals(sources, request),
  });
}

async function answerTotals(
  sources: Sources,
  { query, caller, disconnected }: RouteRequest<TotalsQuery, unknown>,
): Promise<z.infer<typeof totals>> {
  const { group_by, at_position, known_at, as_of, min_position, ...filters } = query;
  checkMoment({ at_position, known_at, as_of });
  const at =
    known_at === undefined ? at_position : await positionKnownBy(sources, known_at, disconnected);
  const minPosition = minPositionOf(definedOnly({ at_position: at }), min_position);
  const reading = { model: "balances", minPosition, disconnected } as const;
  return readModel(sources, reading, async (rows, checkpoint) => {
    const data = await readTotals(rows, {
      groupBy: TOTAL_GROUPS.filter((name) => group_by?.includes(name)),
      filters: definedOnly(filters),
      platform: caller.platform,
      position: at,
      nextTurn: sources.clock.nextTurn,
    });
    return { position: String(at ?? checkpoint.position), data: [...data] };
  });
}

type TotalsMoment = Readonly<Pick<TotalsQuery, "at_position" | "known_at" | "as_of">>;

/**
 * Refuses `as_of`: the effective time of a change may become known at any later time, so sums as of an
 * effective time would have to be added up account by account.
 */
function checkMoment({ at_position, known_at, as_of }: TotalsMoment): void {
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

const searchQuery = parameters({
  q: requiredText("A complete identifier; for an account, a prefix is enough"),
  min_position: minPosition,
});

function searchRoute(sources: Sources): Route {
  const { models } = sources;
  return route({
    operation: "search",
    url: "/v1/search",
    tag: "balances",
    summary: "Finds what an identifier belongs to",
    description:
      "Accounts (by our id and the provider's), participants, groups, addresses, runs, movements, withdrawals, deposits and trades by any of their identifiers, deliveries, events, anomalies. Matches are exact; addresses and our own ids are case-insensitive. At most five of each kind; an empty list if nothing matches. `position` is that of the model that is furthest behind.",
    query: searchQuery,
    answer: searchAnswer,
    problems: MODEL_PROBLEMS,
    handle: async ({ query: { q, min_position }, caller: { platform }, disconnected }) => {
      if (min_position !== undefined) {
        await waitForModels(sources, modelName.options, min_position, disconnected);
      }
      const { hits, position: computedAt } = await search(sources, {
        text: q.trim(),
        platform,
        rule: currentStuckRule(sources),
        standings: platform === null ? null : createStandings(models, platform),
        translations: TRANSLATIONS,
        hashing: nodeHashing,
      });
      return { data: [...hits], position: String(computedAt) };
    },
  });
}

const accountParams = z.object({
  id: pathId("Our id (percent-encoded once more, like any text in a path) or the provider's"),
});

const accountQuery = parameters({ ...momentParameters, min_position: minPosition });
const runQuery = parameters({ ...knownParameters, min_position: minPosition });
const entriesQuery = parameters({
  order: choice(["asc", "desc"], "`desc`: the newest first"),
  ...momentParameters,
  min_position: minPosition,
  limit,
  cursor,
});

const problems = [
  "unsupported_combination",
  "not_found",
  "ambiguous_id",
  ...MODEL_PROBLEMS,
] as const;

function accountRoute(sources: Sources): Route {
  return route({
    operation: "getAccount",
    url: "/v1/accounts/:id",
    tag: "balances",
    summary: "One account with its balance",
    query: accountQuery,
    params: accountParams,
    answer: oneOf(balanceRecord),
    problems,
    handle: (request) =>
      readAt(sources, request, async (rows, { moment }, position) =>
        oneBody(await accountIn(rows, request, moment), position),
      ),
  });
}

function entriesRoute(sources: Sources): Route {
  return route({
    operation: "listEntries",
    url: "/v1/accounts/:id/entries",
    tag: "balances",
    summary: "The history of an account",
    description:
      "In the order of effective times: runs with their movements, snapshots that report a new balance, the opening balance, gaps (including closed ones) and contradictions. A page may have fewer records than `limit` although `next_cursor` is given.",
    query: entriesQuery,
    params: accountParams,
    answer: listOf(entryRecord),
    problems: ["invalid_cursor", ...problems],
    handle: (request) =>
      readAt(sources, request, async (rows, { moment, filters: momentFilters }, position) => {
        const { id } = await accountIn(rows, request, moment);
        const descending = request.query.order === "desc";
        const filters = { account: id, ...(descending && { order: "desc" }), ...momentFilters };
        const scope = scopeFor(request.caller, { list: "entries", filters, key: ENTRY_KEY });
        const { nextTurn } = sources.clock;
        const page = pageOf(request.query, scope);
        const found = await listEntries(rows, id, { page, descending, moment, nextTurn });
        return listBody(found, scope, position);
      }),
  });
}

const runParams = z.object({
  run_id: pathId("The run's id, or <provider>:<run id>"),
});

function runRoute(sources: Sources): Route {
  return route({
    operation: "getRun",
    url: "/v1/runs/:run_id",
    tag: "balances",
    summary: "A run with its movements on all accounts",
    description:
      "At most 10,000 accounts, 1,000 movements of each and 10,000 movements in all are shown; `movement_count` is the number of movements of an account.",
    query: runQuery,
    params: runParams,
    answer: oneOf(runRecord),
    problems,
    handle: (request) =>
      readAt(sources, request, async (rows, { moment }, position) => {
        const { run_id } = request.params;
        const { platform } = request.caller;
        const { nextTurn } = sources.clock;
        const found = await findRun(rows, run_id, { platform, moment, nextTurn });
        return oneBody(requireFound(found, "run", run_id), position);
      }),
  });
}

/** Reads the balances model at the requested moment, and passes the position of the facts to `read`. */
async function readAt<T>(
  sources: Sources,
  { query, disconnected }: RouteRequest<z.output<typeof runQuery>, unknown>,
  read: (rows: Rows, requested: RequestedMoment, position: number) => Promise<T>,
): Promise<T> {
  const requested = await momentOf(sources, query, disconnected);
  const minPosition = minPositionOf(requested.moment, query.min_position);
  const reading = { model: "balances", minPosition, disconnected } as const;
  return readModel(sources, reading, (rows, { position }) =>
    read(rows, requested, requested.moment.at_position ?? position),
  );
}

async function accountIn(
  rows: Rows,
  {
    params: { id },
    caller: { platform },
  }: Pick<RouteRequest<unknown, { id: string }>, "params" | "caller">,
  moment: Moment,
) {
  return requireFound(await findAccount(rows, { id, platform, moment }), "account", id);
}
