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
import { type Asked, type Route, route } from "../route.ts";

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
      handle: (asked) => answerAccount(sources, asked),
    }),
    route({
      url: "/v1/accounts/:id/entries",
      tag: "balances",
      summary: "The history of an account",
      description:
        "In the order of taking effect: runs with their movements, snapshots that say something new, what stood before the first, gaps (closed ones too) and contradictions. A page may hold fewer than `limit` while `next_cursor` is given.",
      query: list,
      params,
      answer: listOf(entryRecord),
      problems: ["invalid_cursor", ...problems],
      handle: (asked) => answerEntries(sources, asked),
    }),
  ];
}

async function accountIn(rows: Rows, id: string) {
  return oneFound(await findAccount(rows, id), "account", id);
}

const reading = ({ query, gone }: Asked<z.output<typeof one>, Params>) =>
  ({ model: "balances", minPosition: query.min_position, gone }) as const;

function answerAccount(sources: Sources, asked: Asked<z.output<typeof one>, Params>) {
  return readModel(sources, reading(asked), async (rows, { position }) =>
    oneBody(await accountIn(rows, asked.params.id), position),
  );
}

function answerEntries(sources: Sources, asked: Asked<z.output<typeof list>, Params>) {
  return readModel(sources, reading(asked), async (rows, { position }) => {
    const { id } = await accountIn(rows, asked.params.id);
    const scope = { list: "entries", filters: { account: id }, key: ENTRY_KEY };
    const { nextTurn } = sources.clock;
    const page = await listEntries(rows, id, { page: pageOf(asked.query, scope), nextTurn });
    return listBody(page, scope, position);
  });
}
