import { styleText } from "node:util";
import type { ModelName } from "@counterfoil/contracts/fact";
import type {
  AnomalyRecord,
  QuarantinedRecord,
  StatusRecord,
} from "@counterfoil/contracts/operations-record";
import type {
  BalanceRecord,
  DepositRecord,
  EntryRecord,
  HistoryRecord,
  TradeRecord,
  WithdrawalRecord,
} from "@counterfoil/contracts/record";
import { printStyled, renderTable } from "../output/print.ts";
import { type Api, until } from "./service.ts";

/** The customer's accounts in "Use Cases" of the provider's page. */
export const AVAILABLE = "zerohash:DEF456:ABC123:general:available:BTC";
const COLLATERAL = "zerohash:DEF456:ABC123:general:collateral:BTC";

/** The flows of the same page, by their first movements. */
const DEPOSIT = "movement:e6b7d339-fcfe-480f-b910-2928995374d6";
const WITHDRAWAL = "movement:61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6";

/** The run that confirms the withdrawal; it is dated a week before it. */
const MISDATED_RUN = "85693";

const LAYER1_DEPOSIT = "018fea20a69e7cc58066f8d03362e797:d18a869f191944a09e5e784d7ca8f45a";
const LAYER1_ACCOUNT = "layer1:0xc4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9:ETH";

const MODELS: readonly ModelName[] = ["balances", "withdrawals", "deposits", "trades"];

/** All records that the demo shows and checks, at one position or later. */
type Ledger = Readonly<{
  status: StatusRecord;
  balances: readonly BalanceRecord[];
  entries: readonly EntryRecord[];
  withdrawals: readonly WithdrawalRecord[];
  deposits: readonly DepositRecord[];
  trades: readonly TradeRecord[];
  anomalies: readonly AnomalyRecord[];
  quarantine: readonly QuarantinedRecord[];
}>;

/** Reads the ledger over HTTP, once every model has processed all acknowledged deliveries. */
export async function gatherLedger({ get }: Api): Promise<Ledger> {
  const { head } = await get<StatusRecord>("/v1/status");
  const atHead = { min_position: head };
  const entriesOf = (account: string) => `/v1/accounts/${encodeURIComponent(account)}/entries`;
  return {
    balances: await get("/v1/balances", atHead),
    entries: await get(entriesOf(AVAILABLE), atHead),
    withdrawals: await get("/v1/withdrawals", atHead),
    deposits: await get("/v1/deposits", atHead),
    trades: await get("/v1/trades", atHead),
    anomalies: await get("/v1/anomalies", atHead),
    quarantine: await get("/v1/quarantine"),
    status: await get("/v1/status"),
  };
}

type Digests = Readonly<{ digest: string; state_digest: string }>;

/** A model's digests in the generation that was live, and in the rebuilt one. */
type RebuiltModel = Readonly<{ model: ModelName; live: Digests; rebuilt: Digests }>;

/**
 * Rebuilds every model, and waits until the new generations are served.
 *
 * @param rebuild runs the command: over HTTP a rebuild needs a key, and once there is one, visitors of
 *   the demo would need one too
 */
export async function rebuildAll(
  api: Api,
  before: StatusRecord,
  rebuild: () => Promise<void>,
): Promise<readonly RebuiltModel[]> {
  await rebuild();
  const generationOf = (status: StatusRecord, model: ModelName) =>
    status.projections.find(({ name }) => name === model)?.generation ?? 0;
  const after = await until(
    "the new generations to be served",
    () => api.get<StatusRecord>("/v1/status"),
    (status) => MODELS.every((it) => generationOf(status, it) > generationOf(before, it)),
  );
  return MODELS.map((model) => ({
    model,
    live: digestsOf(before, model),
    rebuilt: digestsOf(after, model),
  }));
}

function digestsOf({ projections }: StatusRecord, model: ModelName): Digests {
  const { digest = "", state_digest = "" } = projections.find(({ name }) => name === model) ?? {};
  return { digest, state_digest };
}

/** An expectation after the flows; `found` is printed if it differs from `expected`. */
type Expectation = Readonly<{ what: string; expected: string; found: string }>;

/** The results that the providers' pages document. */
export function expectationsOf(
  ledger: Ledger,
  models: readonly RebuiltModel[],
): readonly Expectation[] {
  return [
    ...balanceExpectations(ledger),
    ...lifecycleExpectations(ledger),
    ...anomalyExpectations(ledger),
    {
      what: "nothing is in quarantine",
      expected: "0",
      found: String(ledger.quarantine.length),
    },
    ...models.map(({ model, live, rebuilt }) => ({
      what: `${model}: live and rebuilt digests are equal`,
      expected: `${live.digest} ${live.state_digest}`,
      found: `${rebuilt.digest} ${rebuilt.state_digest}`,
    })),
  ];
}

function balanceExpectations({ balances, entries }: Ledger): readonly Expectation[] {
  const balanceOf = (id: string) => balances.find((account) => account.id === id)?.balance ?? "–";
  const gaps = balances.reduce((sum, { open_gaps }) => sum + open_gaps, 0);
  const expectBalance = (what: string, id: string, expected: string) => ({
    what: `${what} is ${expected}`,
    expected,
    found: balanceOf(id),
  });
  return [
    expectBalance("DEF456 BTC available", AVAILABLE, "0.35"),
    expectBalance("DEF456 BTC collateral", COLLATERAL, "0"),
    { what: "no gap is open", expected: "0", found: String(gaps) },
    {
      what: "the account's history has no gap",
      expected: "0",
      found: String(entries.filter(({ kind }) => kind === "gap").length),
    },
    expectBalance("Layer1 ETH available", `${LAYER1_ACCOUNT}:available`, "0.2"),
    expectBalance("Layer1 ETH reserved", `${LAYER1_ACCOUNT}:reserved`, "0"),
    expectBalance("Layer1 ETH on the blockchain", `${LAYER1_ACCOUNT}:blockchain`, "0.2"),
  ];
}

function lifecycleExpectations({ deposits, withdrawals }: Ledger): readonly Expectation[] {
  const deposit = deposits.find(({ id }) => id === DEPOSIT);
  const withdrawal = withdrawals.find(({ id }) => id === WITHDRAWAL);
  const layer1 = deposits.find(({ id }) => id === LAYER1_DEPOSIT);
  return [
    {
      what: "the deposit is credited with 0.2",
      expected: "credited 0.2",
      found: `${deposit?.stage} ${deposit?.amount}`,
    },
    {
      what: "the withdrawal is settled with 0.1, its link inferred",
      expected: "settled 0.1 inferred",
      found: `${withdrawal?.stage} ${withdrawal?.amount} ${withdrawal?.link}`,
    },
    {
      what: "the Layer1 deposit is credited, with five statuses",
      expected: "credited DETECTED UNCONFIRMED CONFIRMED SCREENING_REQUESTED SUCCESS",
      found: [layer1?.stage, ...(layer1?.history ?? []).map((step) => step.provider_status)].join(
        " ",
      ),
    },
  ];
}

function anomalyExpectations({ anomalies }: Ledger): readonly Expectation[] {
  const subjects = (
    kind: string,
    isMeant: (detail: Readonly<Record<string, unknown>>) => boolean,
  ) =>
    anomalies
      .filter((anomaly) => anomaly.kind === kind && isMeant(anomaly.detail))
      .map(({ subject }) => subject)
      .sort()
      .join(", ");
  return [
    {
      what: "the second account_id shows as an account_id_conflict",
      expected: COLLATERAL,
      found: subjects("account_id_conflict", () => true),
    },
    {
      what: "the misdated run shows as clock",
      expected: `${AVAILABLE}, ${COLLATERAL}`,
      found: subjects("clock", ({ run_id }) => run_id === MISDATED_RUN),
    },
    { what: "and there is no other anomaly", expected: "3", found: String(anomalies.length) },
  ];
}

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
  printStyled(renderTable(columns, rows));
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
  printStyled(renderTable(columns, entries.flatMap(rowsOfEntry)));
}

type Cells = readonly (string | null)[];

/** The row of an entry, and the rows of its movements. */
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

/** Shows the documented flows stage by stage, and the others in one line each. */
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
  printStyled(`  ${bold("The other flows")}\n`);
  printStyled(
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
  printStyled(
    `  ${bold(`${title} of ${amount} ${asset}`)}  ${dim(`${id}, ${stage}, link ${link}`)}\n`,
  );
  printStyled(`${renderTable(STEP_COLUMNS, history.map(stepRow))}\n`);
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

/** Shows the anomalies, which come from contradictions in the provider's own page. */
export function showAnomalies(anomalies: readonly AnomalyRecord[]): void {
  printHeading("Anomalies", `${anomalies.length} open: what a person should look at`);
  const width = Math.max(0, ...anomalies.map(({ kind }) => kind.length));
  for (const { kind, subject, detail } of anomalies) {
    printStyled(`  ${bold(kind.padEnd(width))}  ${subject}`);
    printStyled(`      ${dim(describeDetail(detail))}`);
  }
}

function describeDetail(detail: AnomalyRecord["detail"]): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(" and ") : String(value)}`)
    .join(", ");
}

const SHOWN_DIGITS = 32;

export function showDigests(models: readonly RebuiltModel[]): void {
  printStyled("");
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
  printStyled(renderTable(columns, rows));
}

/** Colours only on a terminal; `styleText` checks the stream. */
const style = (format: Parameters<typeof styleText>[0], text: string): string =>
  styleText(format, text, { stream: process.stdout });

export const bold = (text: string): string => style("bold", text);
export const dim = (text: string): string => style("dim", text);
const green = (text: string): string => style("green", text);
const red = (text: string): string => style("red", text);

export function printHeading(title: string, remark = ""): void {
  printStyled(`\n${bold(title)}${remark === "" ? "" : `  ${dim(remark)}`}\n`);
}

export function printChecked(isGood: boolean, text: string): void {
  printStyled(`  ${isGood ? green("✓") : red("✗")} ${text}`);
}
