import { styleText } from "node:util";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import type {
  BalanceRecord,
  DepositRecord,
  EntryRecord,
  HistoryRecord,
  TradeRecord,
  WithdrawalRecord,
} from "@counterfoil/contracts/record";
import { print, renderTable } from "../output/print.ts";
import {
  AVAILABLE,
  DEPOSIT,
  type Digests,
  LAYER1_DEPOSIT,
  type Ledger,
  type RebuiltModel,
  WITHDRAWAL,
} from "./ledger.ts";

export function showBalances(balances: readonly BalanceRecord[], position: string): void {
  printHeading("Balances", `as of position ${position}`);
  const columns = [
    { title: "account" },
    { title: "balance", align: "right" },
    { title: "status" },
    { title: "open gaps", align: "right" },
  ] as const;
  const rows = balances.map(({ id, balance, status, open_gaps }) => [
    id,
    balance,
    status,
    open_gaps,
  ]);
  print(renderTable(columns, rows));
}

export function showEntries(entries: readonly EntryRecord[]): void {
  printHeading("Its history, movement by movement", AVAILABLE);
  const columns = [
    { title: "entry" },
    { title: "run" },
    { title: "change", align: "right" },
    { title: "balance", align: "right" },
    { title: "in effect since" },
    { title: "stated" },
  ] as const;
  print(renderTable(columns, entries.flatMap(rowsOfEntry)));
}

type Cells = readonly (string | null)[];

/** What an entry says, and below it the movements that it is made of. */
function rowsOfEntry(entry: EntryRecord): readonly Cells[] {
  switch (entry.kind) {
    case "opening":
      return [["opening", "", "", entry.balance, entry.effective_at, ""]];
    case "run":
      return [runRow(entry), ...movementRows(entry)];
    case "snapshot":
      return [["snapshot", "", "", entry.balance, entry.effective_at, entry.occurred_at]];
    case "gap":
      return [[gapTitle(entry), "", entry.missing_amount, "", entry.opened_at, ""]];
    case "contradiction":
      return [["contradiction", entry.run_id, "", "", entry.effective_at, entry.occurred_at]];
  }
}

type Run = Extract<EntryRecord, { kind: "run" }>;

function runRow({ run_type, run_id, change, balance, effective_at, occurred_at }: Run): Cells {
  const stated = occurred_at === effective_at ? "" : occurred_at;
  return [`run: ${run_type ?? "?"}`, run_id, change, balance, effective_at, stated];
}

function movementRows({ movements }: Run): readonly Cells[] {
  return movements.map(({ movement_type, change }, at) => [
    `${at === movements.length - 1 ? "└" : "├"} ${movement_type}`,
    "",
    change,
    "",
    "",
    "",
  ]);
}

function gapTitle({ closed_position }: Extract<EntryRecord, { kind: "gap" }>): string {
  return closed_position === null ? "gap" : "gap, closed";
}

/** The documented flows stage by stage, and what else was played in one line each. */
export function showLifecycles({ withdrawals, deposits, trades }: Ledger): void {
  printHeading("Timelines");
  for (const record of deposits) if (record.id === DEPOSIT) showTimeline("Deposit", record);
  for (const record of withdrawals) {
    if (record.id === WITHDRAWAL) showTimeline("Withdrawal", record);
  }
  for (const record of deposits) {
    if (record.id === LAYER1_DEPOSIT) showTimeline("Layer1 deposit", record);
  }
  const shown = new Set([DEPOSIT, WITHDRAWAL, LAYER1_DEPOSIT]);
  print(`  ${bold("The other flows")}\n`);
  print(
    renderTable(OTHER_COLUMNS, [
      ...withdrawals.filter(({ id }) => !shown.has(id)).map((it) => transferRow("withdrawal", it)),
      ...deposits.filter(({ id }) => !shown.has(id)).map((it) => transferRow("deposit", it)),
      ...trades.map(tradeRow),
    ]),
  );
}

const STEP_COLUMNS = [
  { title: "stage" },
  { title: "provider's word" },
  { title: "at" },
  { title: "seconds in stage", align: "right" },
] as const;

type Transfer = DepositRecord | WithdrawalRecord;

function showTimeline(title: string, record: Transfer): void {
  const { id, amount, asset, stage, link, history } = record;
  print(`  ${bold(`${title} of ${amount} ${asset}`)}  ${dim(`${id}, ${stage}, link ${link}`)}\n`);
  print(`${renderTable(STEP_COLUMNS, history.map(stepRow))}\n`);
}

function stepRow({ stage, provider_status, occurred_at, seconds_in_stage }: HistoryRecord) {
  return [stage, provider_status, occurred_at, seconds_in_stage];
}

const OTHER_COLUMNS = [
  { title: "flow" },
  { title: "id" },
  { title: "amount", align: "right" },
  { title: "stage" },
  { title: "steps", align: "right" },
] as const;

function transferRow(flow: string, { id, provider, amount, asset, stage, history }: Transfer) {
  return [`${provider} ${flow}`, id, `${amount} ${asset}`, stage, history.length];
}

function tradeRow({ id, provider, fields, stage, history }: TradeRecord) {
  return [
    `${provider} trade`,
    id,
    `${fields.trade_quantity} ${fields.underlying}`,
    stage,
    history.length,
  ];
}

/** Where the provider's own page contradicts itself. */
export function showAnomalies(anomalies: readonly AnomalyRecord[]): void {
  printHeading("Anomalies", `${anomalies.length} open: what a person should look at`);
  const width = Math.max(0, ...anomalies.map(({ kind }) => kind.length));
  for (const { kind, subject, detail } of anomalies) {
    print(`  ${bold(kind.padEnd(width))}  ${subject}`);
    print(`      ${dim(describeDetail(detail))}`);
  }
}

function describeDetail(detail: AnomalyRecord["detail"]): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(" and ") : String(value)}`)
    .join(", ");
}

const SHOWN_DIGITS = 32;

export function showDigests(models: readonly RebuiltModel[]): void {
  print("");
  const columns = [
    { title: "model" },
    { title: "digest of" },
    { title: "live" },
    { title: "rebuilt" },
    { title: "" },
  ] as const;
  const rowOf = ({ model, live, rebuilt }: RebuiltModel, name: keyof Digests) => [
    model,
    name === "digest" ? "all rows" : "the state",
    live[name].slice(0, SHOWN_DIGITS),
    rebuilt[name].slice(0, SHOWN_DIGITS),
    live[name] === rebuilt[name] ? green("equal") : red("different"),
  ];
  const rows = models.flatMap((model) => [rowOf(model, "digest"), rowOf(model, "state_digest")]);
  print(renderTable(columns, rows));
}

/** Colours only where a person looks on; `styleText` asks the stream. */
const style = (format: Parameters<typeof styleText>[0], text: string): string =>
  styleText(format, text, { stream: process.stdout });

export const bold = (text: string): string => style("bold", text);
export const dim = (text: string): string => style("dim", text);
const green = (text: string): string => style("green", text);
const red = (text: string): string => style("red", text);

export function printHeading(title: string, remark = ""): void {
  print(`\n${bold(title)}${remark === "" ? "" : `  ${dim(remark)}`}\n`);
}

export function printChecked(isGood: boolean, text: string): void {
  print(`  ${isGood ? green("✓") : red("✗")} ${text}`);
}
