import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { listOf, oneOf, searchHit } from "@counterfoil/contracts/http";
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
import { createStandings } from "@counterfoil/processing/queries/event-standing";
import { isPast, type Moment } from "@counterfoil/processing/queries/moment";
import { checkStartsKnown } from "@counterfoil/processing/queries/past-accounts";
import { findRun } from "@counterfoil/processing/queries/runs";
import { search } from "@counterfoil/processing/queries/search";
import { readTotals, TOTAL_GROUPS } from "@counterfoil/processing/queries/totals";
import { z } from "zod";
import {
  anyChoice,
  anyMatch,
  choice,
  cursor,
  limit,
  minPosition,
  parameters,
  pathId,
  position,
  required,
  time,
} from "../parameter.ts";
import {
  type AskedMoment,
  given,
  knownParameters,
  listBody,
  listFor,
  MODEL_PROBLEMS,
  minPositionOf,
  momentOf,
  momentParameters,
  oneBody,
  oneFound,
  pageOf,
  positionKnownBy,
  readModel,
  type Sources,
  stuckNow,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** Accounts with their balances, sums over them, their history, and the runs that made it. */
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
  provider: anyChoice(provider.options, "Only this provider's"),
  participant_code: anyMatch("Zero Hash: the participant"),
  account_group: anyMatch("Zero Hash: the platform's group"),
  account_label: anyMatch("Zero Hash: the label"),
  account_type: anyMatch("available, collateral, …"),
  asset: anyMatch("The asset's code"),
  account_id: anyMatch("Any id that the provider ever gave the account"),
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
    summary: "Balances, one an account",
    description:
      "Of a past moment, an account is listed if something was reported of it by then. `position` is the position that the facts were looked at up to. A page may hold fewer than `limit` while `next_cursor` is given.",
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
  const { as_of: _as_of, at_position: _at, known_at: _known, ...filters } = given(named);
  const asked = await momentOf(sources, query, disconnected);
  const { moment } = asked;
  const list = { list: "balances", filters: { ...filters, ...asked.filters }, key: BALANCE_KEY };
  const scope = listFor(caller, list);
  const page = pageOf(query, scope);
  // Facts up to a position cannot be shown before they are folded.
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
type TotalsQuery = z.output<typeof totalsQuery>;

const totals = z.object({
  position: positionText.meta({ description: "Where on the stream this was computed" }),
  data: z.array(totalRecord),
});

function totalsRoute(sources: Sources): Route {
  return route({
    operation: "listTotals",
    url: "/v1/totals",
    tag: "balances",
    summary: "What accounts hold together, an asset at a time",
    description:
      "Exact sums over accounts, kept in the transaction of their balances. `group_by` and filters may be repeated: several values of a filter are any of them. Groups without an account are left out.",
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

type TotalsMoment = Readonly<Pick<TotalsQuery, "at_position" | "known_at" | "as_of">>;

/**
 * When a change takes effect may be learnt at any time later, so sums by that time would have to be added
 * up account by account.
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
  q: required("An identifier, whole; of an account its beginning is enough"),
});

const found = z.object({ data: z.array(searchHit) });

function searchRoute(sources: Sources): Route {
  const { models } = sources;
  return route({
    operation: "search",
    url: "/v1/search",
    tag: "balances",
    summary: "What an identifier stands for",
    description:
      "Accounts (ours and the provider's ids), participants, groups, addresses, runs, movements, withdrawals, deposits and trades by any of their identifiers, deliveries, events, anomalies. Matches are exact; addresses and our own ids in any case. At most five of a kind; an empty list where nothing is called so.",
    query: searchQuery,
    answer: found,
    problems: ["model_unavailable", "stream_unavailable"],
    handle: async ({ query: { q }, caller: { platform } }) => {
      const data = await search(sources, {
        text: q.trim(),
        platform,
        rule: stuckNow(sources),
        standings: platform === null ? null : createStandings(models, platform),
        translations: TRANSLATIONS,
        hashing: nodeHashing,
      });
      return { data: [...data] };
    },
  });
}

const accountParams = z.object({
  id: pathId("Our id (percent-encoded once more, as any text) or the provider's"),
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
      "In the order of taking effect: runs with their movements, snapshots that say something new, what stood before the first, gaps (closed ones too) and contradictions. A page may hold fewer than `limit` while `next_cursor` is given.",
    query: entriesQuery,
    params: accountParams,
    answer: listOf(entryRecord),
    problems: ["invalid_cursor", ...problems],
    handle: (request) =>
      readAt(sources, request, async (rows, { moment, filters: times }, position) => {
        const { id } = await accountIn(rows, request, moment);
        const descending = request.query.order === "desc";
        const filters = { account: id, ...(descending && { order: "desc" }), ...times };
        const scope = listFor(request.caller, { list: "entries", filters, key: ENTRY_KEY });
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
      "Shown are 10,000 accounts at most, 1,000 movements of one and 10,000 of all of them: `movement_count` says how many an account has.",
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
        return oneBody(oneFound(found, "run", run_id), position);
      }),
  });
}

/** Reads the balances at the moment that is asked for; the position is that of the facts. */
async function readAt<T>(
  sources: Sources,
  { query, disconnected }: RouteRequest<z.output<typeof runQuery>, unknown>,
  read: (rows: Rows, asked: AskedMoment, position: number) => Promise<T>,
): Promise<T> {
  const asked = await momentOf(sources, query, disconnected);
  const minPosition = minPositionOf(asked.moment, query.min_position);
  const reading = { model: "balances", minPosition, disconnected } as const;
  return readModel(sources, reading, (rows, { position }) =>
    read(rows, asked, asked.moment.at_position ?? position),
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
  return oneFound(await findAccount(rows, { id, platform, moment }), "account", id);
}
