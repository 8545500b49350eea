import type { BalanceRecord } from "@counterfoil/contracts/record";
import type { Row } from "../ports/table.ts";
import { positionIn, textIn, timeIn } from "./cell.ts";

/** The account as it stands. */
export function balanceRecord(account: Row): BalanceRecord {
  return { ...identityOf(account), ...standing(account) };
}

/** The account as one of its change rows holds it; null where nothing was said of it then. */
export function balanceRecordAt(account: Row, change: Row): BalanceRecord | null {
  return change.status === null ? null : { ...identityOf(account), ...standing(change) };
}

/** What never changes of an account: its id says it all. */
function identityOf(account: Row) {
  return {
    id: String(account.id),
    provider: account.provider as BalanceRecord["provider"],
    participant_code: textIn(account.participant_code),
    account_group: textIn(account.account_group),
    account_label: textIn(account.account_label),
    account_type: String(account.account_type),
    asset: String(account.asset),
    address: textIn(account.address),
  };
}

function standing(row: Row) {
  return {
    account_id: textIn(row.account_id),
    account_ids: JSON.parse(String(row.account_ids)) as string[],
    balance: textIn(row.balance),
    status: row.status as BalanceRecord["status"],
    open_gaps: Number(row.open_gaps),
    last_run_id: textIn(row.last_run_id),
    updated_at: timeIn(row.updated_at),
    position: positionIn(row.position),
  };
}
