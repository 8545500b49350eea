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
  TradeRecord,
  WithdrawalRecord,
} from "@counterfoil/contracts/record";
import { type Api, until } from "./service.ts";

/** The customer's accounts of the page's "Use Cases". */
export const AVAILABLE = "zerohash:DEF456:ABC123:general:available:BTC";
const COLLATERAL = "zerohash:DEF456:ABC123:general:collateral:BTC";

/** The same page's flows, by the movements that they begin with. */
export const DEPOSIT = "movement:e6b7d339-fcfe-480f-b910-2928995374d6";
export const WITHDRAWAL = "movement:61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6";

/** Confirms the withdrawal, and is dated a week before it. */
const MISDATED_RUN = "85693";

export const LAYER1_DEPOSIT = "018fea20a69e7cc58066f8d03362e797:d18a869f191944a09e5e784d7ca8f45a";
const LAYER1_ACCOUNT = "layer1:0xc4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9:ETH";

const MODELS: readonly ModelName[] = ["balances", "withdrawals", "deposits", "trades"];

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

export type Digests = Readonly<{ digest: string; state_digest: string }>;

/** A model's digests in the generation that was live, and in the one that was built anew. */
export type RebuiltModel = Readonly<{ model: ModelName; live: Digests; rebuilt: Digests }>;

/**
 * Builds every model anew beside the service, and waits until the new ones are served.
 *
 * @param rebuild by a command: over HTTP it takes a key, and then whoever looks around needs one too
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

/** Something that must be true after the flows; `found` is printed where it is not. */
type Expectation = Readonly<{ what: string; expected: string; found: string }>;

/** What the providers' pages say must come out. */
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
