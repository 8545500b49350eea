import type { SearchHit } from "@counterfoil/contracts/http";
import type { TotalRecord } from "@counterfoil/contracts/record";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { search } from "@counterfoil/processing/queries/search";
import { stuckRule } from "@counterfoil/processing/queries/stuck";
import { readTotals, TOTAL_GROUPS, type TotalGroup } from "@counterfoil/processing/queries/totals";
import { Command, Option } from "commander";
import { print, printJson, renderTable } from "../output/print.ts";
import {
  JSON_OPTION,
  type JsonOption,
  lastPositionOf,
  POINT_HELP,
  type Point,
  parsePoint,
  stuckAfterSeconds,
  withLedger,
  withModels,
} from "./context.ts";

type TotalsOptions = JsonOption &
  Readonly<{
    by?: readonly TotalGroup[];
    asset?: readonly string[];
    at?: Point;
  }>;

/** Sums over accounts, as `GET /v1/totals` gives them. */
export function totalsCommand(): Command {
  return new Command("totals")
    .description("what all accounts hold together, an asset at a time; exact")
    .addOption(new Option("--by <groups...>", "told apart by these too").choices(TOTAL_GROUPS))
    .option("--asset <codes...>", "only these assets")
    .option("--at <point>", "by the facts recorded up to there", parsePoint)
    .option(...JSON_OPTION)
    .addHelpText("after", `\n${POINT_HELP}`)
    .action(async ({ by = [], asset, at, json = false }: TotalsOptions) => {
      const groupBy = TOTAL_GROUPS.filter((name) => by.includes(name));
      const answer = await withLedger("read", (backends) =>
        withModels(backends, async (models) => {
          const position = at && (await lastPositionOf(backends.stream, at));
          return models.snapshot("balances", async (rows, checkpoint) => ({
            position: String(Math.min(position ?? checkpoint.position, checkpoint.position)),
            data: await readTotals(rows, {
              groupBy,
              filters: asset === undefined ? {} : { asset },
              platform: null,
              position,
              nextTurn: backends.clock.nextTurn,
            }),
          }));
        }),
      );
      if (json) printJson(answer);
      else print(totalsTable(groupBy, answer.data));
    });
}

function totalsTable(groupBy: readonly TotalGroup[], totals: readonly TotalRecord[]): string {
  if (totals.length === 0) return "no account has been reported by then";
  const columns = [
    { title: "ASSET" },
    ...groupBy.map((name) => ({ title: name.toUpperCase().replace("_", " ") })),
    ...["TOTAL", "ACCOUNTS", "WITH GAPS"].map((title) => ({ title, align: "right" as const })),
  ];
  return renderTable(
    columns,
    totals.map((total) => [
      total.asset,
      ...groupBy.map((name) => total[name] ?? null),
      total.total,
      total.accounts,
      total.accounts_with_gaps,
    ]),
  );
}

/** What an identifier stands for, as `GET /v1/search` gives it. */
export function searchCommand(): Command {
  return new Command("search")
    .description("what an identifier stands for, of whatever kind; at most five of each")
    .argument("<identifier>", "whole; of an account its beginning is enough")
    .option(...JSON_OPTION)
    .action(async (identifier: string, { json = false }: JsonOption) => {
      const data = await withLedger("read", (backends) =>
        withModels(backends, (models) =>
          search(
            { models, stream: backends.stream },
            {
              text: identifier.trim(),
              platform: null,
              standings: null,
              rule: stuckRule(backends.clock.now(), stuckAfterSeconds()),
              translations: TRANSLATIONS,
              hashing: backends.hashing,
            },
          ),
        ),
      );
      if (json) printJson({ data });
      else print(data.length === 0 ? `nothing is called "${identifier}"` : hitsTable(data));
    });
}

const hitsTable = (hits: readonly SearchHit[]): string =>
  renderTable(
    ["KIND", "ID", "WHAT", "FOUND BY"].map((title) => ({ title })),
    hits.map(({ kind, id, title, matched }) => [kind, id, title, matched]),
  );
