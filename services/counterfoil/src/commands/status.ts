import { loadConfig } from "@counterfoil/adapters/config";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import { readPublished } from "@counterfoil/processing/publish/subject-counts";
import { expectedOf, readStatus } from "@counterfoil/processing/queries/status";
import { Command } from "commander";
import { EXIT } from "../error-report.ts";
import { print, printJson, renderTable, shortDigest } from "../output/print.ts";
import { JSON_OPTION, type JsonOption, withLedger, withModels } from "./context.ts";

export function statusCommand(): Command {
  return new Command("status")
    .description("show how far each part has come, what needs a person, and what to do about it")
    .option(...JSON_OPTION)
    .addHelpText(
      "after",
      "\nEnds with 1 where a person is needed; what is acknowledged needs none.",
    )
    .action(async ({ json = false }: JsonOption) => {
      const status = await withLedger("read", (backends) =>
        withModels(backends, (models) => {
          const { ledger, environment, engine } = backends;
          const published = () => readPublished(backends.catalogue);
          const expected = expectedOf(loadConfig(process.env));
          const headKey = backends.signer.existingKey;
          const sources = { ...backends, models, published, headKey, expected };
          return readStatus(sources, { ledger, environment, engine });
        }),
      );
      if (json) printJson(status);
      else printStatus(status);
      if (status.needs_a_person.length > 0) process.exitCode = EXIT.findings;
    });
}

function printStatus(status: StatusRecord): void {
  const { ledger, environment, engine, head, head_hash, needs_a_person } = status;
  print(`Ledger "${ledger}" (${environment}) on ${engine}`);
  print(`Head ${head}, hash ${head_hash}\n`);
  print(modelTable(status));
  printMoving(status);
  printAttention(status);
  print(needs_a_person.length === 0 ? "\nNobody is needed." : "\nA person is needed:");
  for (const need of needs_a_person) print(`  ${need.what}\n    ${need.do}`);
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
  const rows = projections.map((projection) => [
    projection.name,
    projection.state,
    projection.position,
    projection.lag,
    projection.lag_seconds,
    projection.generation,
    projection.model_version,
    projection.stopped_keys,
    shortDigest(projection.digest),
    shortDigest(projection.state_digest),
  ]);
  return renderTable(columns, rows);
}

/** What comes in, and what goes out. */
function printMoving({ publisher, feed, last_deliveries }: StatusRecord): void {
  print("");
  if (publisher !== null) {
    const { position, lag, lag_seconds, stopped_keys } = publisher;
    print(
      `Kafka: published to ${position}, ${lag} events (${lag_seconds} s) behind, ${stopped_keys} keys stopped`,
    );
  }
  if (feed !== null) {
    const why = feed.reason === null ? "" : ` (${feed.reason})`;
    print(`Feed: ${feed.state} since ${feed.since}${why}`);
  }
  for (const { provider, channel, recorded_at, position } of last_deliveries) {
    print(`Last from ${provider} by ${channel}: ${recorded_at}, position ${position}`);
  }
  if (last_deliveries.length === 0) print("Nothing was delivered yet.");
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
