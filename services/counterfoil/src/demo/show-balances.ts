import type { BalanceRecord, EntryRecord } from "@counterfoil/contracts/record";
import { print } from "../output/print.ts";
import { renderTable } from "../output/table.ts";
import { AVAILABLE } from "./ids.ts";
import { printHeading } from "./style.ts";

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
