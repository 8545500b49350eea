import { Decimal } from "decimal.js";
import { dumbo, type EmmettEvent, emmett } from "./emmett.ts";

/** One document per account: the last stated balance, the sum of all changes, the number of reports. */
type BalanceDocument = { balance: string; moved: string; reports: number };

const TYPES: EmmettEvent["type"][] = ["MovementRecorded", "BalanceReported"];

/** A read model over many streams as in emmett's guide: one document per account. */
export const balanceDocuments = emmett.pongoMultiStreamProjection<BalanceDocument, EmmettEvent>({
  collectionName: "balance_documents",
  canHandle: TYPES,
  getDocumentId: ({ data }) => String(data.account),
  initialState: () => ({ balance: "0", moved: "0", reports: 0 }),
  evolve: (document: BalanceDocument, { type, data }: EmmettEvent) => {
    if (type === "BalanceReported") {
      return { ...document, balance: String(data.balance), reports: document.reports + 1 };
    }
    const moved = new Decimal(document.moved).plus(String(data.change)).toFixed();
    return { ...document, moved };
  },
});

const UPSERT = "INSERT INTO balance_rows (id, balance, moved, reports)";
const ON_REPORT =
  "ON CONFLICT (id) DO UPDATE SET balance = excluded.balance, reports = balance_rows.reports + 1";
const ON_MOVEMENT = "ON CONFLICT (id) DO UPDATE SET moved = balance_rows.moved + excluded.moved";

/** The fastest kind of projection in emmett: one hand-written statement per event. */
export const balanceRows = emmett.postgreSQLRawSQLProjection<EmmettEvent>({
  name: "balance_rows",
  canHandle: TYPES,
  init: () =>
    dumbo.rawSql(
      "CREATE TABLE IF NOT EXISTS balance_rows (id text PRIMARY KEY, balance numeric, moved numeric, reports int)",
    ),
  evolve: ({ type, data }) =>
    type === "BalanceReported"
      ? dumbo.sql(`${UPSERT} VALUES (%L, %L, 0, 1) ${ON_REPORT}`, data.account, data.balance)
      : dumbo.sql(`${UPSERT} VALUES (%L, 0, %L, 0) ${ON_MOVEMENT}`, data.account, data.change),
});
