import { Decimal } from "decimal.js";
import { dumbo, type EmmettEvent, emmett } from "./emmett.ts";

/** A document an account: the balance stated last, the sum of all changes, how many reports. */
type BalanceDocument = { balance: string; moved: string; reports: number };

const TYPES: EmmettEvent["type"][] = ["MovementRecorded", "BalanceReported"];

/** As its guide shows a read model over many streams: one document an account. */
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

/** The fastest that it offers: one statement of one's own an event. */
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
