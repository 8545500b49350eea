import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { COMMAND_RECORDS, type CommandName } from "@counterfoil/contracts/command-record";
import { createProgram } from "@counterfoil/counterfoil/main";
import { balanceWebhook } from "@counterfoil/gateway/testing/balance-webhook";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Command } from "commander";
import { createApi, whenFolded } from "./support/api.ts";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendScenario, sendWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

/** A small ledger that has one of everything that is listed, and a service that runs on it. */
let env: Environment;
let folder: string;
let address: string;
let quarantined: string;
let account: string;
let head: string;
let service: ReturnType<typeof startRole>;

beforeAll(async () => {
  folder = newFolder();
  env = configOf(join(folder, "data"));
  mkdirSync(join(folder, "data"));
  service = startRole(["start"], env);
  address = await addressOf(service);
  for (const flow of ["layer1-deposit", "payment-crypto"]) await sendScenario(flow, address);
  for (const [run, balance] of ["100", "200"].entries()) {
    const reported = balanceWebhook({ run: run + 1, at: run, balance, change: "1" });
    await sendWebhook(address, { provider: "zerohash", ...reported } as never);
  }
  const unreadable = { provider: "zerohash", payloadType: "payment_status_changed", body: "{}" };
  quarantined = (await sendWebhook(address, unreadable as never))?.delivery_id ?? "";
  const api = createApi(address);
  ({ head } = await whenFolded(api));
  account = (await api.get<readonly { id: string }[]>("/v1/balances"))[0]?.id ?? "";
});

afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

/** What a command prints, which its schema describes to the last field. */
async function printed<Name extends CommandName>(
  name: Name,
  args: readonly string[],
  { among = env, codes = [0] }: Readonly<{ among?: Environment; codes?: readonly number[] }> = {},
) {
  const command = [...name.split(" "), ...args];
  const { code, stdout, stderr } = await runCommand(
    isAlways(name) ? command : [...command, "--json"],
    among,
  );
  expect([name, codes.includes(code ?? -1), stderr]).toEqual([name, true, stderr]);
  const answer = JSON.parse(stdout);
  // Parsing leaves out every field that the schema does not have.
  expect(COMMAND_RECORDS[name].parse(answer)).toEqual(answer);
  return answer;
}

/** Prints JSON whether it is told to or not. */
const ALWAYS: readonly CommandName[] = ["head rotate", "proof inclusion", "proof consistency"];
const isAlways = (name: CommandName) => ALWAYS.includes(name);

const NOTE = ["--note", "a reason"];

/** In order: later ones work on what earlier ones did. */
const CASES = {
  status: () => printed("status", [], { codes: [0, 1] }),
  totals: () => printed("totals", ["--by", "account_type", "account_group", "provider"]),
  search: () => printed("search", [quarantined]),
  explain: async () => {
    const explained = await printed("explain", [account]);
    expect(explained.facts).not.toEqual([]);
  },
  "anomalies list": async () => expect(await printed("anomalies list", [])).not.toEqual([]),
  "anomalies acknowledge": async () => {
    const [{ id }] = await printed("anomalies list", []);
    await printed("anomalies acknowledge", [id, ...NOTE]);
  },
  verify: async () => {
    const whole = await printed("verify", ["--models"]);
    expect(whole.models).toHaveLength(4);
    const wrong = ["--expect", `2:${"0".repeat(64)}`];
    expect((await printed("verify", wrong, { codes: [1] })).findings).toMatchObject([
      { position: "2", what: "expected" },
    ]);
  },
  replay: async () => {
    await printed("replay", ["--to", head, "--account", account]);
  },
  "replay --diff": async () => {
    expect((await printed("replay --diff", ["1", head])).data).not.toEqual([]);
  },
  head: () => printed("head", []),
  "head rotate": () => printed("head rotate", []),
  "proof inclusion": () => printed("proof inclusion", ["2"]),
  "proof consistency": () => printed("proof consistency", ["2", "5"]),
  prove: async () => {
    await printed("prove", [account, "--out", join(folder, "proof.json")]);
  },
  rebuild: async () => {
    expect(await printed("rebuild", ["all"])).toHaveLength(4);
  },
  rollback: () => printed("rollback", ["trades"]),
  retranslate: () => printed("retranslate", []),
  "quarantine list": async () => expect(await printed("quarantine list", [])).toHaveLength(1),
  "quarantine retry": async () => {
    const retried = await printed("quarantine retry", [quarantined], { codes: [1] });
    expect(retried).toMatchObject([{ delivery_id: quarantined, outcome: "unreadable" }]);
  },
  "quarantine dismiss": () => printed("quarantine dismiss", [quarantined, ...NOTE]),
  simulate: () => printed("simulate", ["trade-status", "--url", address]),
  "simulate list": () => printed("simulate list", []),
  export: () => printed("export", ["--out", join(folder, "ledger.jsonl")]),
  import: () =>
    printed("import", [join(folder, "ledger.jsonl")], { among: configOf(join(folder, "copy")) }),
  erase: async () => {
    const [listed, done] = [
      await printed("erase", [quarantined, ...NOTE], { codes: [1] }),
      await printed("erase", [quarantined, ...NOTE, "--yes", "--shared"]),
    ];
    expect(listed.listed.first).toHaveLength(1);
    expect(done.done).toMatchObject({ erased: 1, kept: 0 });
  },
  "keys create": () => printed("keys create", ["--role", "reader", "--expires", "90d"]),
  "keys list": async () => expect(await printed("keys list", [])).toHaveLength(1),
  "keys rotate": async () => {
    const [{ id }] = await printed("keys list", []);
    await printed("keys rotate", [id]);
  },
  "keys revoke": async () => {
    const { id } = (await printed("keys list", [])).at(-1);
    expect(await printed("keys revoke", [id])).toMatchObject({ state: "revoked" });
  },
} as const satisfies Readonly<Record<CommandName, () => Promise<unknown>>>;

test.each(Object.entries(CASES))("%s prints what its schema says, and nothing else", (_name, run) =>
  run(),
);

test("rebuild prints the rows that differ, with integers beyond JSON's numbers as text", async () => {
  expect(await stopRole(service)).toBe(0);
  const models = join(folder, "data", "models");
  for (const file of readdirSync(models).filter((name) => /^balances.*\.db$/.test(name))) {
    const database = new DatabaseSync(join(models, file));
    database.exec("UPDATE accounts SET open_gaps = open_gaps + 1");
    database.exec(`UPDATE checkpoint SET digest = '${"0".repeat(64)}'`);
    database.close();
  }
  const [{ outcome, differences }] = await printed("rebuild", ["balances"], { codes: [1] });
  expect(outcome).toBe("refused");
  const [{ table, columns, live }] = differences;
  expect([table, columns]).toEqual(["accounts", ["open_gaps"]]);
  expect(live.updated_at).toMatch(/^\d{19}$/);
});

/** Every command that knows --json, by its whole name. */
function commandsWithJson(command: Command, path = ""): readonly string[] {
  return command.commands.flatMap((child) => {
    const name = `${path}${child.name()}`;
    const own = child.options.some(({ long }) => long === "--json") ? [name] : [];
    return [...own, ...commandsWithJson(child, `${name} `)];
  });
}

test("every command that knows --json has a schema", () => {
  const flows = new Set([...SCENARIOS.keys(), "history"].map((flow) => `simulate ${flow}`));
  const named = commandsWithJson(createProgram()).map((name) =>
    flows.has(name) ? "simulate" : name,
  );
  expect(named).toContain("verify");
  const more = [...ALWAYS, "replay --diff"];
  expect([...new Set([...named, ...more])].sort()).toEqual(Object.keys(COMMAND_RECORDS).sort());
});
