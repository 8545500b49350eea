import type {
  DepositRecord,
  HistoryRecord,
  TradeRecord,
  WithdrawalRecord,
} from "@counterfoil/contracts/record";
import { print } from "../output/print.ts";
import { renderTable } from "../output/table.ts";
import type { Ledger } from "./gather.ts";
import { DEPOSIT, LAYER1_DEPOSIT, WITHDRAWAL } from "./ids.ts";
import { bold, dim, printHeading } from "./style.ts";

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
