import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ROOT } from "../support/module-graph.ts";
import { ACCOUNT_ID, balanceBody, type Change } from "../system/messages.ts";
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
import { type Acknowledgement, sendWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

let env: Environment;
/** The head that an auditor received, and when; more came after it. */
let old: string;
let oldTime: string;
/** A delivery that came before it. */
let first: Acknowledgement | null;

const files = newFolder();
const file = (name: string) => join(files, name);
const START = Date.now() - 3_600_000;

const change = (run: number, amount: string, balance: string): Change => ({
  ...{ run, change: amount, balance, at: START + run * 1000 },
});

/** Serves for as long as these webhooks take. */
async function receive(changes: readonly Change[]): Promise<readonly (Acknowledgement | null)[]> {
  const service = startRole(["start"], env);
  const address = await addressOf(service);
  const received: (Acknowledgement | null)[] = [];
  for (const each of changes) {
    const body = JSON.stringify(balanceBody(each));
    const payloadType = "account_balance.changed";
    received.push(await sendWebhook(address, { provider: "zerohash", payloadType, body }));
  }
  await whenFolded(createApi(address), Number(received.at(-1)?.position));
  await stopRole(service);
  return received;
}

beforeAll(async () => {
  env = configOf(newFolder());
  [first = null] = await receive([change(1, "1", "1"), change(2, "2", "3"), change(3, "-1", "2")]);
  old = file("old.json");
  expect((await run("head", "--out", old)).code).toBe(0);
  oldTime = JSON.parse(readFileSync(old, "utf8")).signed_at;
  // One more; one that contradicts what was said of run 3; one behind a gap.
  await receive([change(4, "5", "7"), change(3, "-1", "9"), change(6, "1", "9")]);
});

afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

const run = (...args: readonly string[]) => runCommand(args, env);

type Proven = Readonly<{ code: number | null; stderr: string; text: string; proof: Proof }>;
type Proof = Readonly<{
  balance: string;
  public_key: string;
  head: Record<string, string>;
  bodies: Record<string, string | null>;
  events: readonly Record<string, string>[];
}>;

async function prove(name: string, ...args: readonly string[]): Promise<Proven> {
  const { code, stderr } = await run("prove", ACCOUNT_ID, "--out", file(name), ...args);
  const text = code === 0 ? readFileSync(file(name), "utf8") : "{}";
  return { code, stderr, text, proof: JSON.parse(text) };
}

/** By the script as the auditor starts it. */
function check(name: string, ...args: readonly string[]): Promise<readonly [number, string]> {
  const script = join(ROOT, "packages/proof-check/check.mjs");
  return new Promise((done) => {
    execFile(process.execPath, [script, file(name), ...args], (error, stdout, stderr) =>
      done([Number(error?.code ?? 0), stdout + stderr]),
    );
  });
}

test("a proof of the present holds against a head of before", async () => {
  const { code, proof } = await prove("now.json");
  expect([code, proof.balance]).toEqual([0, "9"]);
  const [checked, said] = await check("now.json", "--head", old);
  expect([checked, said]).toEqual([0, expect.stringContaining(`${ACCOUNT_ID} holds 9 after`)]);
  expect(said).toContain("1 gap is open");
  const { stdout } = await run("verify");
  expect(stdout).toContain("1 open gap, 1 unacknowledged: `counterfoil anomalies list --kind gap`");
});

test.each([
  ["its position", () => JSON.parse(readFileSync(old, "utf8")).position],
  ["the time at which it was signed", () => oldTime],
])(
  "--at %s proves what was held under the old head, by a map that is built again",
  async (_, at) => {
    const { code, proof } = await prove("then.json", "--at", at());
    expect([code, proof.balance]).toEqual([0, "2"]);
    expect(proof.head).toEqual(JSON.parse(readFileSync(old, "utf8")));
    expect((await check("then.json", "--head", old))[0]).toBe(0);
  },
);

test.each<[string, readonly string[], number, RegExp]>([
  ["a point before any head", ["--at", "2"], 2, /no head was signed at or before position 2/],
  ["a point that does not exist", ["--at", "99999"], 2, /99999/],
  ["what is no head", ["--since", file("none.json")], 2, /none\.json: there is no such file/],
])("%s is refused, and nothing is written", async (_, args, exit, message) => {
  const { code, stderr } = await run("prove", ACCOUNT_ID, "--out", file("refused.json"), ...args);
  expect([code, stderr]).toEqual([exit, expect.stringMatching(message)]);
  expect(() => readFileSync(file("refused.json"))).toThrow(/ENOENT/);
});

test.each([
  ["of which nothing is known", "zerohash:NOBODY:A:general:available:BTC", /no event of account/],
  ["that is none", "ledger", /is no account/],
])("an account %s is not found", async (_, account, message) => {
  const { code, stderr } = await run("prove", account, "--out", file("refused.json"));
  expect(stderr).toMatch(/^error: not_found/);
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
});

test("models that were built anew change no byte of a proof", async () => {
  const { position } = JSON.parse((await run("head")).stdout);
  const before = await prove("before.json", "--at", position);
  expect((await run("rebuild", "balances", "--force")).code).toBe(0);
  const after = await prove("after.json", "--at", position);
  expect(after.text).toBe(before.text);
});

test("bytes that were erased are not in a proof, which holds and says so", async () => {
  const args = ["--note", "request 4711", "--yes"];
  const before = await prove("whole.json");
  expect((await check("whole.json", "--head", old))[1]).toContain("0 have no bytes here");
  expect((await run("erase", String(first?.delivery_id), ...args)).code).toBe(0);
  const { code, proof } = await prove("erased.json");
  expect([code, proof.balance]).toEqual([0, "9"]);
  const gone = Object.entries(proof.bodies).filter(([, bytes]) => bytes === null);
  expect(gone).toHaveLength(1);
  const [checked, said] = await check("erased.json", "--head", old);
  expect([checked, said]).toEqual([0, expect.stringContaining("2 have no bytes here")]);
  // What was given away before still holds them, and still holds.
  expect(before.proof.bodies[gone[0]?.[0] ?? ""]).not.toBeNull();
  expect((await check("whole.json", "--head", old))[0]).toBe(0);
});

test("after another key has followed, proofs hold for who has either key or a head of before", async () => {
  const former = JSON.parse(readFileSync(old, "utf8")).public_key;
  const { new_key } = JSON.parse((await run("head", "rotate")).stdout);
  const now = await prove("rotated.json");
  expect([now.proof.public_key, now.proof.head.public_key]).toEqual([new_key, new_key]);
  const then = await prove("rotated-then.json", "--at", oldTime);
  expect([then.proof.public_key, then.proof.head.public_key]).toEqual([new_key, former]);
  for (const name of ["rotated.json", "rotated-then.json"]) {
    for (const brought of [
      ["--key", former],
      ["--key", new_key],
      ["--head", old],
    ]) {
      expect([name, brought, (await check(name, ...brought))[0]]).toEqual([name, brought, 0]);
    }
    const [code, said] = await check(name, "--key", "ab".repeat(32));
    expect([code, said]).toEqual([1, expect.stringContaining("none of those that you brought")]);
  }
  expect((await run("verify", "--head", old)).code).toBe(0);
});

test("where kept heads are lost, what others hold is worth as much as before", async () => {
  const kept = join(env.COUNTERFOIL_DATA_DIR ?? "", "models", "heads.1.db");
  for (const end of ["", "-wal", "-shm"]) rmSync(kept + end, { force: true });
  expect((await run("verify", "--head", old)).code).toBe(0);
  expect((await prove("unlinked.json")).proof.balance).toBe("9");
  const [code, said] = await check("unlinked.json", "--head", old);
  expect([code, said]).toEqual([3, expect.stringContaining("nothing here shows that it goes on")]);
  await prove("linked.json", "--since", old);
  expect((await check("linked.json", "--head", old))[0]).toBe(0);
});

test("verify --since reads what came after a head, and takes what is under it as it was then", async () => {
  const { tree_size } = JSON.parse(readFileSync(old, "utf8"));
  const whole = JSON.parse((await run("verify", "--json")).stdout);
  const { code, stdout } = await run("verify", "--since", old, "--json");
  const since = JSON.parse(stdout);
  expect([code, since.findings, since.root]).toEqual([0, [], null]);
  expect(since.events).toBe(whole.events - Number(tree_size));
  const alter = (position: number, text: string) => {
    const database = new DatabaseSync(join(env.COUNTERFOIL_DATA_DIR ?? "", "stream.db"));
    const [{ data }] = database
      .prepare("SELECT data FROM events WHERE position = ?")
      .all(position) as [{ data: string }];
    database.prepare("UPDATE events SET data = ? WHERE position = ?").run(text || data, position);
    database.close();
    return data;
  };
  const under = alter(2, '{"altered":true}');
  expect((await run("verify", "--since", old)).code).toBe(0);
  expect((await run("verify", "--since", old, "--head", old)).code).toBe(1);
  alter(2, under);
  const [{ position: behind = "" } = {}] = (await prove("sound.json")).proof.events.slice(-1);
  const after = alter(Number(behind), '{"altered":true}');
  const found = JSON.parse((await run("verify", "--since", old, "--json")).stdout);
  expect(found.findings[0]).toMatchObject({ what: "hash", position: behind });
  // Nor is a proof made of it, which nobody could check.
  const refused = await prove("altered.json");
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining(`position ${behind}`),
  ]);
  alter(Number(behind), after);
  expect((await run("verify", "--since", old)).code).toBe(0);
  writeFileSync(file("cut.json"), readFileSync(old, "utf8").replace(tree_size, `${tree_size}0`));
  expect((await run("verify", "--since", file("cut.json"))).code).toBe(2);
});
