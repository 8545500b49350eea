import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { accountParts } from "@counterfoil/core/account";
import { formatTime } from "@counterfoil/core/exact/time";
import { eventsInRange, type RangeReadOptions } from "./export-ledger.ts";
import { type Data, dataOf } from "./export-lines.ts";

/** What a cell holds: text, or a whole number. Amounts are text, with every digit that was printed. */
export type Cell = string | number | null;
export type FactRow = readonly Cell[];
export type FactColumn = Readonly<{ name: string; type: "text" | "integer" }>;

/** Fields that the data of facts may have, each a column. */
const FIELDS = [
  ...["provider", "account", "participant_code", "account_group", "account_label", "account_type"],
  ...["asset", "account_id", "run_id", "run_type", "movement_id", "movement_type", "change"],
  ...["balance", "deposit_id", "withdrawal_id", "payment", "fund", "trade_id", "leg_id", "leg"],
  ...["status", "amount", "settled_amount", "quantity", "rate", "notional", "total"],
  ...["quoted_currency", "fee", "fee_asset", "network", "transaction_hash", "reference", "reason"],
];

/** The columns of the table, in their order: the envelope, what facts say, and all of it as JSON. */
export const FACT_COLUMNS: readonly FactColumn[] = [
  { name: "position", type: "integer" },
  ...["event_id", "type", "subject", "occurred_at", "recorded_at", "delivery_id"].map(textColumn),
  ...FIELDS.map(textColumn),
  ...["amends", "data", "hash"].map(textColumn),
];

function textColumn(name: string): FactColumn {
  return { name, type: "text" };
}

/** The events of a range as rows of one flat table, page by page. */
export async function* factRows(options: RangeReadOptions): AsyncGenerator<readonly FactRow[]> {
  for await (const page of eventsInRange(options)) yield page.map(factRow);
}

function factRow(event: RecordedEvent): FactRow {
  const { position, id, type, subject, occurred_at, recorded_at, causation_id } = event;
  const times = [occurred_at === null ? null : formatTime(occurred_at), formatTime(recorded_at)];
  const data = dataOf(event);
  const fields = { ...partsOf(data), ...data };
  const amends = typeof data.event_type === "string" ? textOf(data.event_id) : null;
  return [
    ...[position, id, type, subject, ...times, causation_id],
    ...FIELDS.map((name) => textOf(fields[name])),
    ...[amends, event.data, event.hash],
  ];
}

/** Whose an account is stands in its id. */
function partsOf({ account }: Data): Data {
  return typeof account === "string" ? accountParts(account) : {};
}

const textOf = (value: unknown): string | null =>
  value === undefined || value === null ? null : String(value);

/** The table as RFC 4180 has it, with its columns in the first line. @returns how many rows */
export async function* exportCsv(options: RangeReadOptions): AsyncGenerator<string, number> {
  yield csvLine(FACT_COLUMNS.map(({ name }) => name));
  let count = 0;
  for await (const rows of factRows(options)) {
    count += rows.length;
    yield rows.map(csvLine).join("");
  }
  return count;
}

const csvLine = (row: FactRow): string => `${row.map(csvCell).join(",")}\r\n`;

/** What is absent is nothing, an empty text a pair of quotes. */
function csvCell(cell: Cell): string {
  if (typeof cell !== "string") return cell === null ? "" : String(cell);
  return cell === "" || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
