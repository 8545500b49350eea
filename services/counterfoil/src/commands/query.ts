import { loadConfig } from "@counterfoil/adapters/config";
import type { SearchHit } from "@counterfoil/contracts/http";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import type { TotalRecord } from "@counterfoil/contracts/record";
import { counted } from "@counterfoil/core/exact/text";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { readPublished } from "@counterfoil/processing/publish/subject-counts";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { createAppendTrial } from "@counterfoil/processing/queries/append-trial";
import { search } from "@counterfoil/processing/queries/search";
import { expectedOf, isUnknown, readStatus } from "@counterfoil/processing/queries/status";
import { readTotals, TOTAL_GROUPS, type TotalGroup } from "@counterfoil/processing/queries/totals";
import { Command, Option } from "commander";
import { EXIT } from "../error-report.ts";
import { print, printJson, renderTable, shortDigest } from "../output/print.ts";
import { readable } from "../output/visible.ts";
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

export function statusCommand(): Command {
  return new Command("status")
    .description("show how far each part has come, what needs a person, and what to do about it")
    .option(...JSON_OPTION)
    .addHelpText(
      "after",
      "\nEnds with 1 where a person is needed; what is acknowledged needs none.",
    )
    .action(async ({ json = false }: JsonOption) => {
      const causes: string[] = [];
      const onUnreadable = (model: string, error: unknown) =>
        void causes.push(`${model}: ${error instanceof Error ? error.message : String(error)}`);
      const status = await withLedger("read", (backends) =>
        withModels(backends, (models) => {
          const { ledger, environment, engine } = backends;
          const published = () => readPublished(backends.catalogue);
          const expected = expectedOf(loadConfig(process.env));
          const headKey = backends.signer.existingKey;
          const areAppendsRefused = createAppendTrial(backends, (error) =>
            onUnreadable("stream", error),
          );
          const sources = {
            ...{ ...backends, models, published, headKey, expected },
            ...{ areAppendsRefused, onUnreadable },
          };
          return readStatus(sources, { ledger, environment, engine });
        }),
      );
      if (json) printJson<"status">(status);
      else printStatus(readable(status), causes);
      if (status.needs_a_person.length > 0) process.exitCode = EXIT.findings;
    });
}

/** @param causes the engine's errors for the models that cannot be read */
function printStatus(status: StatusRecord, causes: readonly string[]): void {
  const { ledger, environment, engine, head, head_hash, needs_a_person } = status;
  print(`Ledger "${ledger}" (${environment}) on ${engine}`);
  print(`Head ${head}, hash ${head_hash}\n`);
  print(modelTable(status));
  printFlow(status);
  printAttention(status);
  print(needs_a_person.length === 0 ? "\nNobody is needed." : "\nA person is needed:");
  for (const need of needs_a_person) print(`  ${need.what}\n    ${need.do}`);
  if (causes.length > 0) print("\nWhat the engine says:");
  for (const cause of causes) print(`  ${cause}`);
}

function modelTable({ projections }: StatusRecord): string {
  const columns = [
    { title: "model" },
    { title: "state" },
    { title: "position", align: "right" },
    { title: "lag", align: "right" },
    { title: "seconds", align: "right" },
    { title: "generation", align: "right" },
    { title: "version", align: "right" },
    { title: "stopped keys", align: "right" },
    { title: "digest" },
    { title: "state digest" },
  ] as const;
  const rows = projections.map((projection) => {
    // Where nothing is built or can be read, the record's figures mean nothing.
    const known = <T>(value: T) => (projection.position === "0" ? null : value);
    const far = <T>(value: T) => (isUnknown(projection) ? null : value);
    return [
      projection.name,
      projection.state,
      far(projection.position),
      far(projection.lag),
      far(projection.lag_seconds),
      known(projection.generation),
      known(projection.model_version),
      known(projection.stopped_keys),
      known(shortDigest(projection.digest)),
      known(shortDigest(projection.state_digest)),
    ];
  });
  return renderTable(columns, rows);
}

/** Prints the state of the publisher, of the feed, and the last deliveries. */
function printFlow({ publisher, feed, last_deliveries, projections }: StatusRecord): void {
  print("");
  if (publisher !== null) {
    const { position, lag, lag_seconds, stopped_keys } = publisher;
    print(
      `Kafka: published to ${position}, ${counted(lag, "event")} (${lag_seconds} s) behind, ${counted(stopped_keys, "key")} stopped`,
    );
  }
  if (feed !== null) {
    const why = feed.reason === null ? "" : ` (${feed.reason})`;
    print(`Feed: ${feed.state} since ${feed.since}${why}`);
  }
  for (const { provider, channel, recorded_at, position } of last_deliveries) {
    print(`Last from ${provider} by ${channel}: ${recorded_at}, position ${position}`);
  }
  const balances = projections.find(({ name }) => name === "balances");
  const unread = balances?.lag ?? 0;
  if (balances !== undefined && balances.reason !== null) {
    const upTo = isUnknown(balances) ? "" : `; its generation is at position ${balances.position}`;
    print(`What was delivered is not known: balances cannot be read, ${balances.reason}${upTo}.`);
  } else if (unread > 0) {
    print(
      `What was delivered in the last ${counted(unread, "event")} is not known: balances is behind.`,
    );
  } else if (last_deliveries.length === 0) print("Nothing was delivered yet.");
}

function printAttention({ anomalies, quarantined, stuck }: StatusRecord): void {
  const rows = [
    ...anomalies.map(({ model, kind, ...count }) => ({ what: `${kind} in ${model}`, ...count })),
    ...(quarantined === null || quarantined.open === 0
      ? []
      : [{ what: "quarantined deliveries", ...quarantined }]),
    ...stuck.map(({ model, stage, ...count }) => ({
      what: `${model} stuck in ${stage}`,
      ...count,
    })),
  ];
  if (rows.length === 0) return;
  const columns = [
    { title: "open" },
    { title: "count", align: "right" },
    { title: "unacknowledged", align: "right" },
  ] as const;
  const cells = rows.map(({ what, open, unacknowledged }) => [what, open, unacknowledged]);
  print(`\n${renderTable(columns, cells)}`);
}

type TotalsOptions = JsonOption &
  Readonly<{
    by?: readonly TotalGroup[];
    asset?: readonly string[];
    at?: Point;
  }>;

/** Sums over accounts, as `GET /v1/totals` gives them. */
export function totalsCommand(): Command {
  return new Command("totals")
    .description("exact sums of all balances, per asset")
    .addOption(new Option("--by <groups...>", "group by these too").choices(TOTAL_GROUPS))
    .option("--asset <codes...>", "only these assets")
    .option("--at <point>", "use only the facts recorded up to this point", parsePoint)
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
      if (json) printJson<"totals">(answer);
      else print(totalsTable(groupBy, answer.data));
    });
}

function totalsTable(groupBy: readonly TotalGroup[], totals: readonly TotalRecord[]): string {
  if (totals.length === 0) return "no account has been reported by then";
  const columns = [
    { title: "ASSET" },
    ...groupBy.map((name) => ({ title: name.toUpperCase().replace("_", " ") })),
    ...["TOTAL", "ACCOUNTS", "WITH GAPS", "UNCERTAIN"].map((title) => ({
      title,
      align: "right" as const,
    })),
  ];
  return renderTable(
    columns,
    totals.map((total) => [
      total.asset,
      ...groupBy.map((name) => total[name] ?? null),
      total.total,
      total.accounts,
      total.accounts_with_gaps,
      total.accounts_uncertain,
    ]),
  );
}

/** Finds records by identifier, as `GET /v1/search` does. */
export function searchCommand(): Command {
  return new Command("search")
    .description("find what an identifier belongs to; at most five of each kind")
    .argument("<identifier>", "complete; for an account, a prefix is enough")
    .option(...JSON_OPTION)
    .action(async (identifier: string, { json = false }: JsonOption) => {
      const { hits, position } = await withLedger("read", (backends) =>
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
      if (json) printJson<"search">({ data: hits, position: String(position) });
      else
        print(hits.length === 0 ? `nothing is called "${readable(identifier)}"` : hitsTable(hits));
    });
}

const hitsTable = (hits: readonly SearchHit[]): string =>
  renderTable(
    ["KIND", "ID", "WHAT", "FOUND BY"].map((title) => ({ title })),
    hits.map(({ kind, id, title, matched }) => [kind, id, title, matched]),
  );
