import { listOf, oneOf } from "@counterfoil/contracts/http";
import { balanceRecord, entryRecord, runRecord } from "@counterfoil/contracts/record";
import type { Rows } from "@counterfoil/processing/ports/model-store";
import { findAccount } from "@counterfoil/processing/queries/balances";
import { ENTRY_KEY, listEntries } from "@counterfoil/processing/queries/entries";
import type { Moment } from "@counterfoil/processing/queries/moment";
import { findRun } from "@counterfoil/processing/queries/runs";
import { z } from "zod";
import {
  type AskedMoment,
  knownParameters,
  minPositionOf,
  momentOf,
  momentParameters,
} from "../moment.ts";
import { choice, cursor, limit, minPosition, parameters, pathId } from "../parameter.ts";
import {
  listBody,
  listFor,
  MODEL_PROBLEMS,
  oneBody,
  oneFound,
  pageOf,
  readModel,
  type Sources,
} from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

/** One account, its history, and the runs that made it. */
export function accountRoutes(sources: Sources): readonly Route[] {
  return [accountRoute(sources), entriesRoute(sources), runRoute(sources)];
}

const params = z.object({
  id: pathId("Our id (percent-encoded once more, as any text) or the provider's"),
});

const one = parameters({ ...momentParameters, min_position: minPosition });
const ofRun = parameters({ ...knownParameters, min_position: minPosition });
const entries = parameters({
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
    query: one,
    params,
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
    query: entries,
    params,
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
    query: ofRun,
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
  { query, disconnected }: RouteRequest<z.output<typeof ofRun>, unknown>,
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
