import type {
  AnomalyRecord,
  BalanceRecord,
  DepositRecord,
  EntryRecord,
  QuarantinedRecord,
  StatusRecord,
  TradeRecord,
  WithdrawalRecord,
} from "@counterfoil/contracts/record";
import type { Api } from "./api.ts";
import { AVAILABLE } from "./ids.ts";

/** Everything that the demo shows and checks, at one position or later. */
export type Ledger = Readonly<{
  status: StatusRecord;
  balances: readonly BalanceRecord[];
  entries: readonly EntryRecord[];
  withdrawals: readonly WithdrawalRecord[];
  deposits: readonly DepositRecord[];
  trades: readonly TradeRecord[];
  anomalies: readonly AnomalyRecord[];
  quarantine: readonly QuarantinedRecord[];
}>;

/** Reads the ledger over HTTP, once every model has come as far as what was acknowledged. */
export async function gatherLedger({ get }: Api): Promise<Ledger> {
  const { head } = await get<StatusRecord>("/v1/status");
  const reached = { min_position: head };
  const entriesOf = (account: string) => `/v1/accounts/${encodeURIComponent(account)}/entries`;
  return {
    balances: await get("/v1/balances", reached),
    entries: await get(entriesOf(AVAILABLE), reached),
    withdrawals: await get("/v1/withdrawals", reached),
    deposits: await get("/v1/deposits", reached),
    trades: await get("/v1/trades", reached),
    anomalies: await get("/v1/anomalies", reached),
    quarantine: await get("/v1/quarantine"),
    status: await get("/v1/status"),
  };
}
