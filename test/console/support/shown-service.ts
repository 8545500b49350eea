import { connect } from "@counterfoil/adapters/connect";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { configSchema } from "@counterfoil/contracts/config";
import type { ProviderFact } from "@counterfoil/contracts/fact";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Translate, Translations } from "@counterfoil/core/translate/translation";
import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { createApi, whenFolded } from "../../e2e/support/api.ts";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  startRole,
} from "../../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../../e2e/support/folder.ts";
import { type Acknowledgement, sendScenario, sendWebhook } from "../../e2e/support/send.ts";
import { configOf } from "../../e2e/support/stand-in.ts";
import { balanceBody } from "../../system/messages.ts";

/** A service with something to look at. */
export type ShownService = Readonly<{
  address: string;
  env: Environment;
  /** Brings a report of the account with the gap. */
  report: (report: Readonly<{ run: number; change: string; balance: string }>) => Promise<void>;
  /** Brings a signed webhook of this type. */
  send: (payloadType: string, body: unknown) => Promise<Acknowledgement | null>;
  /** Reads all that came with a translation to which a run of the account with the gap is a deposit. */
  correct: (run: number) => Promise<void>;
  /** Once every model has all that has come. */
  whenFolded: () => Promise<void>;
  /** Sends the service's process a signal. */
  signal: (name: NodeJS.Signals) => void;
  stop: () => Promise<void>;
}>;

/** What the providers document, played in this order. */
const FLOWS = [
  ...["account-balance-webhooks", "trade-status", "deposit-status", "fund-transaction"],
  ...["payment-crypto", "payment-bank", "layer1-deposit", "layer1-withdrawal"],
];

const START_MS = 1_746_000_000_000;

/** The account of which 5 USD are missing between two runs. */
export const GAP_ACCOUNT = "zerohash:GAP001:PLAT01:general:available:USD";

/** The documented flows, and one account whose third report does not follow from the second. */
export async function startShownService(also: Environment = {}): Promise<ShownService> {
  const env = { ...configOf(newFolder()), ...also };
  const role = startRole(["start"], env);
  const address = await addressOf(role);
  for (const name of FLOWS) await sendScenario(name, address, { schemes: ["hmac"] });
  const send: ShownService["send"] = (payloadType, body) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return sendWebhook(address, { provider: "zerohash", payloadType, body: text });
  };
  const report: ShownService["report"] = async ({ run, change, balance }) => {
    const account = {
      account_id: "f2f6e0ba-8d1c-4ff4-9c0f-5f6f2a3e0001",
      participant_code: "GAP001",
      account_group: "PLAT01",
      asset: "USD",
    };
    const at = START_MS + run * 60_000;
    await send("account_balance.changed", balanceBody({ run, change, balance, at, account }));
  };
  await report({ run: 1, change: "100", balance: "100" });
  await report({ run: 2, change: "20", balance: "120" });
  await report({ run: 4, change: "5", balance: "130" });
  const allFolded = async () => {
    const api = createApi(address);
    const { head } = await api.get<{ head: string }>("/v1/status");
    await whenFolded(api, Number(head));
  };
  await allFolded();
  return {
    address,
    env,
    report,
    send,
    async correct(run) {
      const backends = await connect(configSchema.parse(env), "write");
      await retranslate({ ...backends, translations: seeingDeposit(run), hashing: nodeHashing });
      await backends.close();
      await allFolded();
    },
    whenFolded: allFolded,
    signal: role.signal,
    async stop() {
      await endAllProcesses();
      removeFolders();
    },
  };
}

/** The next translation, which says of one run alone something else than the present one. */
function seeingDeposit(run: number): Translations {
  const { present, versions } = TRANSLATIONS;
  const translation = present + 1;
  const seen = (fact: ProviderFact): ProviderFact => {
    const { account, run_id } = fact.data as Readonly<{ account?: string; run_id?: string }>;
    const isMeant = account === GAP_ACCOUNT && run_id === String(run);
    const data = { ...fact.data, translation, ...(isMeant && { run_type: "deposit" }) };
    return { ...fact, data } as ProviderFact;
  };
  const translate: Translate = (source, hashing) => {
    const reading = (versions[present] as Translate)(source, hashing);
    return reading.ok ? { ...reading, facts: reading.facts.map(seen) } : reading;
  };
  return { present: translation, versions: { ...versions, [translation]: translate } };
}
