import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import type { BalanceRecord } from "@counterfoil/contracts/record";
import { retranslate } from "@counterfoil/processing/ingest/retranslate";
import { createRandom } from "@counterfoil/simulator/random";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { type AsyncBuffer, asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { balanceBody, take } from "../system/messages.ts";
import { hashing, openTestLedger } from "../system/support.ts";
import { faulty, labelsDropped, mended } from "../system/translation-bugs.ts";
import { createApi, digests, stateDigests, whenFolded } from "./support/api.ts";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { fillLedger } from "./support/filled-ledger.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { mountSmallDisk } from "./support/small-disk.ts";
import { configOf } from "./support/stand-in.ts";

jest.setTimeout(900_000);

/** Twenty and more take patience: `KILLS=20` in the environment. */
const KILLS = Number(process.env.KILLS ?? 3);
/** What its killed writer leaves. */
const PART = /\.part$/;

const disk = mountSmallDisk(24);
const folder = newFolder();
const env = configOf(folder);
const files = newFolder();
const whole = join(files, "ledger.jsonl");
let live: StatusRecord;
/** One that was known when half of it was recorded. */
let account: BalanceRecord;
let middle: number;

/** Everything below is read from a ledger whose live models are there. */
beforeAll(async () => {
  await fillLedger(folder, 250);
  const service = startRole(["start"], env);
  const api = createApi(await addressOf(service));
  live = await whenFolded(api);
  middle = Math.floor(Number(live.head) / 2);
  const known = { limit: "1", at_position: String(middle) };
  const [early] = await api.get<readonly BalanceRecord[]>("/v1/balances", known);
  account = await api.get(`/v1/accounts/${encodeURIComponent(early?.id ?? "")}`, {});
  const beside = await runCommand(["export", "--out", whole, "--json"], env);
  expect(beside).toMatchObject({ code: 0 });
  expect(JSON.parse(beside.stdout)).toMatchObject({ events: Number(live.head), from: "1" });
  expect(await stopRole(service)).toBe(0);
});
afterEach(endAllProcesses);
afterAll(() => {
  disk?.unmount();
  removeFolders();
});

const newTarget = () => configOf(newFolder());

async function json(args: readonly string[], from: Environment = env) {
  const { code, stdout, stderr } = await runCommand([...args, "--json"], from);
  // The status ends with 1 where a person is needed, as for a gap in what was played.
  const well = args[0] === "status" ? [0, 1] : [0];
  expect([well.includes(Number(code)), stderr.replaceAll(/^ {2}.*events.*\n/gm, "")]).toEqual([
    true,
    "",
  ]);
  return JSON.parse(stdout);
}

/** As who never ran a service on it: models are as they were, and nobody has left anything. */
async function expectUntouched(): Promise<void> {
  const status: StatusRecord = await json(["status"]);
  expect([status.head_hash, digests(status)]).toEqual([live.head_hash, digests(live)]);
  const models = readdirSync(join(folder, "models")).filter((name) => /\.db/.test(name));
  expect(models.filter((name) => !/^[a-z]+\.1\.db(?:-wal|-shm)?$/.test(name))).toEqual([]);
}

describe("a ledger that was moved", () => {
  test("is served by a new service with the same hash and the same state", async () => {
    const target = newTarget();
    expect(await json(["import", whole], target)).toMatchObject({
      position: live.head,
      hash: live.head_hash,
      resumed_at: "0",
    });
    // Before a model has read it, nobody knows what was delivered.
    const { stdout } = await runCommand(["status"], target);
    expect(stdout).toContain(`delivered in the last ${live.head} events is not known`);
    expect(stdout).not.toContain("Nothing was delivered");
    const service = startRole(["start"], target);
    const status = await whenFolded(createApi(await addressOf(service)), Number(live.head));
    expect(stateDigests(status)).toEqual(stateDigests(live));
    expect(digests(status)).toEqual(digests(live));
    expect(await stopRole(service)).toBe(0);
    expect((await json(["verify", "--models"], target)).findings).toEqual([]);
    const again = join(files, "again.jsonl");
    await json(["export", "--out", again], target);
    // Another installation signs it by another key.
    const withoutHead = (file: string) =>
      readFileSync(file, "utf8").replace(/"head":\{[^}]*\}/, "");
    expect(withoutHead(again)).toBe(withoutHead(whole));
  });

  test("is a table for analysts, with amounts as they were printed", async () => {
    const [csv, parquet] = [join(files, "facts.csv"), join(files, "facts.parquet")];
    await json(["export", "--out", csv, "--format", "csv"]);
    await json(["export", "--out", parquet, "--format", "parquet"]);
    const file: AsyncBuffer = await asyncBufferFromFile(parquet);
    const rows = await parquetReadObjects({ file });
    expect(rows).toHaveLength(Number(live.head));
    const lines = readFileSync(csv, "utf8").split("\r\n");
    expect(lines).toHaveLength(Number(live.head) + 2);
    const moved = rows.find(({ type }) => type === "MovementRecorded") as Record<string, unknown>;
    const stated = JSON.parse(String(moved.data));
    expect(moved.change).toBe(stated.change);
    const columns = (lines[0] ?? "").split(",");
    expect(columns).toEqual(Object.keys(moved));
    const ofCsv = lines[Number(moved.position)] ?? "";
    expect(ofCsv.split(",")[columns.indexOf("change")]).toBe(stated.change);
    expect(ofCsv).toContain(`"${JSON.stringify(stated).replaceAll('"', '""')}"`);
  });
});

describe("a replay", () => {
  test("up to the present has the live models' digests, and the account as HTTP serves it", async () => {
    const out = join(files, "replay.db");
    const replayed = await json([
      ...["replay", "--to", live.head, "--account", account.id, "--out", out],
    ]);
    expect(replayed).toMatchObject({ position: live.head, account });
    expect(replayed.code_version).toMatch(/^counterfoil \d/);
    for (const { name, digest, state_digest } of live.projections) {
      expect(replayed.digests[name]).toEqual({ digest, state_digest });
    }
    const file = new DatabaseSync(out, { readOnly: true });
    const noted = file.prepare("SELECT model, digest FROM replay ORDER BY model").all();
    expect(noted.map((row) => ({ ...row }))).toEqual(
      live.projections
        .map(({ name: model, digest }) => ({ model, digest }))
        .sort((a, b) => (a.model < b.model ? -1 : 1)),
    );
    const balance = file.prepare("SELECT balance FROM balances_accounts WHERE id = ?");
    expect(balance.get(account.id)?.balance).toBe(account.balance);
    file.close();
    await expectUntouched();
  });

  test("says what changed between two points, and by which events", async () => {
    const earlier = await json(["replay", "--to", `${middle}`, "--model", "balances"]);
    const [time, position] = [earlier.time, earlier.position];
    const byTime = await json(["replay", "--to", time, "--model", "balances"]);
    expect(Number(byTime.position)).toBeGreaterThanOrEqual(Number(position));
    const { data } = await json([
      ...["replay", "--diff", `${middle}`, live.head, "--account", account.id],
    ]);
    const at = (point: string) =>
      json(["replay", "--model", "balances", "--account", account.id, "--to", point]);
    const before = (await at(`${middle}`)).account;
    if (JSON.stringify(before) === JSON.stringify(account)) expect(data).toEqual([]);
    else
      expect(data).toMatchObject([{ model: "balances", id: account.id, before, after: account }]);
    expect((await json(["replay", "--diff", live.head, live.head])).data).toEqual([]);
  });

  test("says of one account that it is gone at the later point, or was at neither", async () => {
    const misread = await openTestLedger({
      engine: "sqlite",
      translations: faulty(labelsDropped),
    });
    await take(misread, {
      body: balanceBody({ run: 1, change: "5", balance: "5", at: Date.now() }),
    });
    const { position: earlier } = await misread.stream.head();
    await retranslate({ ...misread, hashing, translations: mended(labelsDropped) });
    const { position: later } = await misread.stream.head();
    await misread.release();
    const gone = "zerohash:DEF456:ABC123:default:available:BTC";
    const diff = async (account: string) =>
      runCommand(["replay", "--diff", `${earlier}`, `${later}`, "--account", account, "--json"], {
        COUNTERFOIL_DATA_DIR: misread.dataDir,
      });
    const { stdout, stderr, code } = await diff(gone);
    expect([stderr, code]).toEqual([expect.not.stringContaining("error"), 0]);
    const [difference] = JSON.parse(stdout).data;
    expect(difference).toMatchObject({ id: gone, before: { balance: "5" }, after: null });
    const nobody = await diff("nobody");
    expect([nobody.stderr, nobody.code]).toEqual([
      expect.stringContaining(`account nobody is missing at positions ${earlier} and ${later}\n`),
      2,
    ]);
    await misread.close();
  });
});

describe("bad input", () => {
  const nowhere = join(files, "none", "x.jsonl");
  test.each<[readonly string[], number, RegExp]>([
    [["export", "--out", nowhere], 3, /no such file or folder/],
    [["export", "--out", join(files, "a"), "--from", "99999999"], 2, /no position 99999999/],
    [["export", "--out", join(files, "a"), "--from", "0"], 2, /position from 1 on/],
    [
      ["export", "--out", join(files, "a"), "--to", "2026-02-30T00:00:00Z"],
      2,
      /expected a position/,
    ],
    [
      ["export", "--out", join(files, "a"), "--to", "1999-01-01T00:00:00Z"],
      2,
      /expected a position|nothing was/,
    ],
    [["export", "--out", join(files, "a"), "--to", "1999-01-01"], 2, /expected a position/],
    [["export", "--out", join(files, "a"), "--from", "9", "--to", "8"], 2, /range goes forward/],
    [["export", "--out", join(files, "a"), "--account", "nobody"], 2, /no event of account nobody/],
    [
      ["export", "--out", join(files, "a"), "--format", "xml"],
      2,
      /Allowed choices are jsonl, csv, parquet/,
    ],
    [["import", join(files, "none")], 3, /no such file/],
    [["import", files], 3, /it is a folder/],
    [["import", join(import.meta.dirname, "moving.e2e.test.ts")], 1, /line 1: expected an object/],
    [["replay", "--to", "99999999"], 2, /no position 99999999/],
    [["replay"], 2, /expected --to/],
    [["replay", "--to", "5", "--diff", "1", "2"], 2, /--diff <earlier> <later> and no --to/],
    [["replay", "--diff", "9", "8"], 2, /range goes forward/],
    [["replay", "--to", "9", "--model", "balance"], 2, /did you mean balances/],
    [["replay", "--to", "9", "--account", "nobody"], 2, /account nobody is missing/],
  ])("%j ends with %i and says why", async (args, expected, message) => {
    const { code, stderr } = await runCommand(args, args[0] === "import" ? newTarget() : env);
    expect(stderr).toMatch(message);
    expect(code).toBe(expected);
    expect(readdirSync(files).filter((name) => name === "a" || PART.test(name))).toEqual([]);
  });

  test("an export of another ledger, or into one that is not empty, is refused with its line", async () => {
    const other = await runCommand(["import", whole], {
      ...newTarget(),
      COUNTERFOIL_LEDGER: "books",
    });
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("line 1: ")]);
    const filled = newFolder();
    await fillLedger(filled, 1);
    const full = await runCommand(["import", whole], configOf(filled));
    expect([full.code, full.stderr]).toEqual([1, expect.stringMatching(/line \d+: position/)]);
  });
});

describe("ended at any point", () => {
  const random = createRandom("moving", "kills");

  /** Runs a command as often as it is killed, each time after another share of what it takes. */
  async function killed(
    args: () => readonly string[],
    of: () => Environment,
    expectNothingHalf: () => void,
  ): Promise<void> {
    const started = performance.now();
    expect((await runCommand(args(), of())).code).toBe(0);
    const takesMs = performance.now() - started;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const name = random.pick(["SIGKILL", "SIGKILL", "SIGINT"] as const);
      const [given, target] = [args(), of()];
      const afterMs = random.between(0, Math.ceil(takesMs));
      await runCommand(given, target, { signalled: { name, afterMs } });
      expectNothingHalf();
      const next = await runCommand(given, target);
      expect([next.code, /error: .*/s.exec(next.stderr)?.[0]]).toEqual([0, undefined]);
    }
    await expectUntouched();
  }

  test("an export is whole or not there, and the next one is whole", async () => {
    let out = "";
    const next = () => {
      out = join(newFolder(), "out.jsonl");
      return ["export", "--out", out];
    };
    const isWhole = () =>
      expect(!existsSync(out) || readFileSync(out).equals(readFileSync(whole))).toBe(true);
    await killed(next, () => env, isWhole);
    expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
  });

  test("an import is finished by the next one", async () => {
    let target = newTarget();
    const next = () => {
      target = newTarget();
      return ["import", whole];
    };
    await killed(
      next,
      () => target,
      () => {},
    );
    const verified = await json(["verify"], target);
    expect([verified.head.hash, verified.findings]).toEqual([live.head_hash, []]);
  });

  test("a replay leaves the live models alone, and no file", async () => {
    let out = "";
    const next = () => {
      out = join(newFolder(), "out.db");
      return ["replay", "--to", live.head, "--out", out];
    };
    const isWhole = () => {
      if (!existsSync(out)) return;
      const file = new DatabaseSync(out, { readOnly: true });
      expect(file.prepare("SELECT count(*) AS n FROM replay").get()?.n).toBe(4);
      file.close();
    };
    await killed(next, () => env, isWhole);
  });
});

/** Only who may mount has a disk that can be filled. */
const testWithDisk = disk === null ? test.skip : test;

testWithDisk("a full disk is said, nothing half is left, and with room it goes on", async () => {
  if (disk === null) return;
  const out = join(disk.folder, "ledger.jsonl");
  disk.fill();
  for (const args of [
    ["export", "--out", out],
    ["export", "--out", out, "--format", "parquet"],
    ["replay", "--to", live.head, "--out", out],
  ]) {
    const full = await runCommand(args, env);
    expect(full.stderr).toMatch(/free some space\n {2}then repeat the command: nothing/);
    expect(full.code).toBe(3);
    expect(readdirSync(disk.folder)).toEqual(["filler"]);
  }
  disk.free();
  disk.fillBut(6);
  const target = configOf(disk.folder);
  const full = await runCommand(["import", whole], target);
  expect([full.code, full.stderr]).toEqual([
    3,
    expect.stringMatching(/free some space\n.*import goes on/),
  ]);
  disk.free();
  const imported = await json(["import", whole], target);
  expect(imported.hash).toBe(live.head_hash);
  expect(Number(imported.resumed_at)).toBeGreaterThan(0);
  await expectUntouched();
});
