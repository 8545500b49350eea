import { RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import type { Row } from "@counterfoil/processing/ports/model-store";
import type {
  DepositTruth,
  History,
  Layer1TransferTruth,
  TradeTruth,
  WithdrawalTruth,
} from "@counterfoil/simulator/history/history";
import type { TestLedger } from "./support.ts";

type Told = Readonly<{ told: readonly unknown[]; expected: readonly unknown[] }>;

/** What the models tell of every flow, beside how the provider says that it went. */
export async function lifecyclesAsTold(ledger: TestLedger, { truth }: History): Promise<Told[]> {
  const [withdrawals, deposits, trades] = await Promise.all([
    ledger.rows("withdrawals", RECORDS),
    ledger.rows("deposits", RECORDS),
    ledger.rows("trades", RECORDS),
  ]);
  const transfers = (kind: Layer1TransferTruth["kind"]) =>
    truth.layer1Transfers.filter((transfer) => transfer.kind === kind);
  return [
    {
      told: withdrawals.map(outlineOf).sort(byText),
      expected: [
        ...truth.withdrawals.map(withdrawalOutline),
        ...transfers("withdrawal").map(transferOutline),
      ].sort(byText),
    },
    {
      told: deposits.map(outlineOf).sort(byText),
      expected: [
        ...truth.deposits.map(depositOutline),
        ...transfers("deposit").map(transferOutline),
      ].sort(byText),
    },
    {
      told: trades.map(({ id, stage }) => `${id} ${stage}`).sort(),
      expected: truth.trades
        .filter(({ states }) => states.length > 0)
        .map(tradeOutline)
        .sort(),
    },
  ];
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

type State = Readonly<{
  stage: string;
  link: string;
  participant_code: string | null;
  account_label: string | null;
  asset: string;
  network: string | null;
  amount: string;
  identifiers: Readonly<Record<string, string | readonly string[] | null>>;
}>;

function outlineOf(row: Row): unknown {
  const { stage, link, participant_code, account_label, asset, amount, identifiers } = JSON.parse(
    String(row.state),
  ) as State;
  const { movement_ids, withdrawal_request_id, payment_id, deposit_id, fund_id, transfer_id } =
    identifiers;
  return {
    holder: [participant_code, account_label],
    asset,
    amount,
    stage,
    link,
    ids: [transfer_id, withdrawal_request_id, payment_id, deposit_id, fund_id].filter(Boolean),
    movements: [...(movement_ids as readonly string[])].sort(),
  };
}

function withdrawalOutline(truth: WithdrawalTruth): unknown {
  const { requestId, paymentId, outcome, confirmMovementId, debitMovementId } = truth;
  const movements = [truth.pendingMovementId, confirmMovementId, debitMovementId];
  const open = paymentId === null ? "pending" : "broadcast";
  return {
    holder: [truth.participantCode, truth.accountLabel],
    asset: truth.asset,
    amount: truth.amount,
    stage: outcome === "pending" ? open : outcome,
    link: requestId === null && confirmMovementId !== null ? "inferred" : "stated",
    ids: [requestId, paymentId].filter(Boolean),
    movements: movements.filter(Boolean).sort(),
  };
}

function depositOutline(truth: DepositTruth): unknown {
  const { depositId, fundId, movementId, outcome } = truth;
  return {
    holder: [truth.participantCode, truth.accountLabel],
    asset: truth.asset,
    amount: truth.amount,
    stage: outcome,
    // Its hash tells it apart: nothing had to be guessed.
    link: "stated",
    ids: [depositId, fundId].filter(Boolean),
    movements: [movementId].filter(Boolean),
  };
}

const STAGES: Readonly<Record<string, string>> = {
  SUCCESS: "settled",
  FAILED: "failed",
  REJECTED: "rejected",
  DETECTED: "broadcast",
};
const DEPOSIT_STAGES: Readonly<Record<string, string>> = { ...STAGES, SUCCESS: "credited" };

function transferOutline({ kind, statuses, transferId, asset, amount }: Layer1TransferTruth) {
  const last = statuses.at(-1) ?? "";
  return {
    holder: [null, null],
    asset,
    amount,
    stage: (kind === "deposit" ? DEPOSIT_STAGES : STAGES)[last] ?? last,
    link: "stated",
    ids: [transferId],
    movements: [],
  };
}

const tradeOutline = ({ tradeId, states }: TradeTruth): string => `${tradeId} ${states.at(-1)}`;
