import type { Ledger } from "./gather.ts";
import {
  AVAILABLE,
  COLLATERAL,
  DEPOSIT,
  LAYER1_ACCOUNT,
  LAYER1_DEPOSIT,
  MISDATED_RUN,
  WITHDRAWAL,
} from "./ids.ts";
import type { RebuiltModel } from "./rebuild-all.ts";

/** Something that must be true after the flows; `found` is printed where it is not. */
export type Expectation = Readonly<{ what: string; expected: string; found: string }>;

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
