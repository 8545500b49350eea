import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { ProblemDocument } from "@counterfoil/contracts/http";
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

export type ServiceProcess = Readonly<{
  /** Where it answers readers and takes webhooks. */
  address: string;
  /** Resolves with the exit code once the process has ended, for whatever reason. */
  ended: Promise<number | null>;
  stop: () => Promise<void>;
}>;

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/**
 * Starts `counterfoil start` as a process of its own and resolves when it is ready. Nothing of this
 * process's configuration reaches it.
 *
 * @throws Error with what it said, where it ends before it is ready
 */
export async function startServiceProcess(
  config: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, "start"], {
    env: { ...withoutConfig(process.env), ...config },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const address = await untilReady(child);
  return {
    address,
    ended,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Runs a command beside the service. @throws Error with what it said, where it fails */
export async function runCommand(
  config: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<void> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...args], {
    env: { ...withoutConfig(process.env), ...config },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}:\n${said.join("")}`);
}

function withoutConfig(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith("COUNTERFOIL_")),
  );
}

/** It says its address in its log, since it may have chosen the port itself. */
function untilReady(child: ChildProcess): Promise<string> {
  const said: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      said.push(`${line}\n`);
      const { msg, address } = JSON.parse(line) as Readonly<{ msg?: string; address?: string }>;
      if (msg === "ready" && address !== undefined) resolve(address);
    });
    child.once("exit", (code) =>
      reject(new Error(`the service ended with ${code} before it was ready:\n${said.join("")}`)),
    );
  });
}

type Answer<Data> = Readonly<{ data: Data; position: string }>;
type Parameters = Readonly<Record<string, string | number>>;

/** The service's HTTP interface, as any program would use it. */
export type Api = Readonly<{
  get: <Data>(path: string, parameters?: Parameters) => Promise<Data>;
  post: <Data>(path: string) => Promise<Data>;
}>;

/** @param key an API key's secret, where the ledger has keys */
export function createApi(address: string, key?: string): Api {
  const headers: Record<string, string> =
    key === undefined ? {} : { authorization: `Bearer ${key}` };
  return {
    get: (path, parameters = {}) => {
      const url = new URL(path, address);
      for (const [name, value] of Object.entries(parameters)) {
        url.searchParams.set(name, String(value));
      }
      return request(url, { method: "GET", headers });
    },
    post: (path) => request(new URL(path, address), { method: "POST", headers }),
  };
}

async function request<Data>(url: URL, init: RequestInit): Promise<Data> {
  const response = await fetch(url, init);
  const body = (await response.json()) as Answer<Data> | ProblemDocument;
  if ("data" in body) return body.data;
  throw new Error(`${init.method} ${url.pathname}: ${body.status} ${body.code}: ${body.detail}`);
}

const POLL_EVERY_MS = 20;
const PATIENCE_MS = 120_000;

/** Asks again and again until the answer is the one that is waited for. */
export async function until<Data>(
  what: string,
  ask: () => Promise<Data>,
  isReached: (data: Data) => boolean,
): Promise<Data> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const data = await ask();
    if (isReached(data)) return data;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await wait(POLL_EVERY_MS);
  }
}

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
