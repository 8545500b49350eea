import { listOf, oneOf } from "@counterfoil/contracts/http";
import { balanceRecord, entryRecord } from "@counterfoil/contracts/record";
import type { Rows } from "@counterfoil/processing/ports/model-store";
import { findAccount } from "@counterfoil/processing/queries/accounts";
import { ENTRY_KEY, listEntries } from "@counterfoil/processing/queries/entries";
import { z } from "zod";
import type { Sources } from "../deps.ts";
import { listBody, oneBody, pageOf } from "../paging.ts";
import { cursor, limit, minPosition, parameters } from "../parameter.ts";
import { oneFound, readModel } from "../reading.ts";
import { type Route, type RouteRequest, route } from "../route.ts";

const params = z.object({
  id: z
    .string()
    .meta({ description: "Our id (percent-encoded once more, as any text) or the provider's" }),
});
type Params = z.output<typeof params>;

const one = parameters({ min_position: minPosition });
const list = parameters({ min_position: minPosition, limit, cursor });

const problems = [
  "not_found",
  "ambiguous_id",
  "model_unavailable",
  "stream_unavailable",
  "position_timeout",
] as const;

export function accountRoutes(sources: Sources): readonly Route[] {
  return [
    route({
      url: "/v1/accounts/:id",
      tag: "balances",
      summary: "One account with its balance",
      query: one,
      params,
      answer: oneOf(balanceRecord),
      problems,
      handle: (request) => answerAccount(sources, request),
    }),
    route({
      url: "/v1/accounts/:id/entries",
      tag: "balances",
      summary: "The history of an account",
      description:
        "In the order of taking effect: runs with their movements, snapshots that say something new, what stood before the first, gaps (closed ones too) and contradictions.",
      query: list,
      params,
      answer: listOf(entryRecord),
      problems: ["invalid_cursor", ...problems],
      handle: (request) => answerEntries(sources, request),
    }),
  ];
}

async function accountIn(rows: Rows, id: string) {
  return oneFound(await findAccount(rows, id), "account", id);
}

const reading = ({ query, disconnected }: RouteRequest<z.output<typeof one>, Params>) =>
  ({ model: "balances", minPosition: query.min_position, disconnected }) as const;

function answerAccount(sources: Sources, request: RouteRequest<z.output<typeof one>, Params>) {
  return readModel(sources, reading(request), async (rows, { position }) =>
    oneBody(await accountIn(rows, request.params.id), position),
  );
}

function answerEntries(sources: Sources, request: RouteRequest<z.output<typeof list>, Params>) {
  return readModel(sources, reading(request), async (rows, { position }) => {
    const { id } = await accountIn(rows, request.params.id);
    const scope = { list: "entries", filters: { account: id }, key: ENTRY_KEY };
    const page = await listEntries(rows, id, pageOf(request.query, scope));
    return listBody(page, scope, position);
  });
}
