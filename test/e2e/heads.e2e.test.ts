import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
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
import { sendScenario } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

jest.setTimeout(120_000);

let env: Environment;
let data: string;
let given: string;

beforeAll(async () => {
  env = configOf(newFolder());
  data = env.COUNTERFOIL_DATA_DIR ?? "";
  given = join(newFolder(), "head.json");
  const service = startRole(["start"], { ...env, COUNTERFOIL_HEAD_EVERY: "1s" });
  const address = await addressOf(service);
  await sendScenario("layer1-deposit", address);
  const api = createApi(address);
  const { head: end } = await whenFolded(api);
  // The schedule's, of which there is one for everything that was recorded.
  await service.whenLogged(({ msg, position }) => msg === "head signed" && position === end);
  await stopRole(service);
});

afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

const run = async (...args: readonly string[]) => runCommand(args, env);
const codeOf = async (...args: readonly string[]) => (await run(...args)).code;

describe("a signed head, made and checked by commands", () => {
  test("is written whole, appends nothing, and its key is its owner's alone", async () => {
    const before = JSON.parse((await run("status", "--json")).stdout);
    expect(await codeOf("head", "--out", given)).toBe(0);
    const head = JSON.parse(readFileSync(given, "utf8"));
    expect(head).toMatchObject({
      ledger: "default",
      position: before.head,
      hash: before.head_hash,
    });
    expect(JSON.parse((await run("status", "--json")).stdout).head_hash).toBe(before.head_hash);
    expect(statSync(join(data, "head.key")).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(given, ".."))).toEqual(["head.json"]);
    expect(JSON.parse((await run("head")).stdout)).toEqual(head);
    expect(await codeOf("head", "--out", join(given, "no", "folder"))).toBe(2);
  });

  test("holds, alone and with a hash that was noted", async () => {
    const { position, hash } = JSON.parse(readFileSync(given, "utf8"));
    const { code, stdout } = await run(
      "verify",
      "--head",
      given,
      "--expect",
      `${position}:${hash}`,
    );
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining("Nothing is wrong"),
    });
    const since = JSON.parse((await run("verify", "--since", given, "--json")).stdout);
    expect(since).toMatchObject({ events: 0, findings: [] });
    expect(await codeOf("verify", "--expect", `${position}:${"0".repeat(64)}`)).toBe(1);
    expect(await codeOf("verify", "--expect", "7")).toBe(2);
  });

  test("proves events and earlier heads", async () => {
    const { root, tree_size } = JSON.parse(readFileSync(given, "utf8"));
    const inclusion = JSON.parse((await run("proof", "inclusion", "2")).stdout);
    expect(inclusion).toMatchObject({ position: "2", tree_size, root });
    const consistency = JSON.parse((await run("proof", "consistency", "1", tree_size)).stdout);
    expect(consistency).toMatchObject({ from: "1", to_root: root });
    expect(await codeOf("proof", "inclusion", "9999")).toBe(1);
    expect(await codeOf("proof", "consistency", "3", "2")).toBe(2);
  });

  test("is refused with 2 where it is none, or another's", async () => {
    const text = readFileSync(given, "utf8");
    const head = JSON.parse(text);
    const other = `${given}.other`;
    const codeWith = async (changed: string, ...more: string[]) => {
      writeFileSync(other, changed);
      return codeOf("verify", "--head", other, ...more);
    };
    expect(await codeOf("verify", "--head", `${given}.none`)).toBe(2);
    expect(await codeWith(text.replace(head.root, "0".repeat(64)))).toBe(2);
    expect(await codeWith(text.toUpperCase())).toBe(2);
    expect(await codeWith(JSON.stringify({ ...head, more: "" }))).toBe(2);
    const elsewhere = { ...env, COUNTERFOIL_HEAD_KEY_FILE: `${given}.key` };
    const strange = (await runCommand(["head", "--json"], elsewhere)).stdout;
    expect(await codeWith(strange)).toBe(2);
    expect(await codeWith(strange, "--key", JSON.parse(strange).public_key)).toBe(0);
  });

  test("holds after another key has followed", async () => {
    const answer = JSON.parse((await run("head", "rotate", "--actor", "ann")).stdout);
    const head = JSON.parse((await run("head", "--json")).stdout);
    expect(head.public_key).toBe(answer.new_key);
    expect(answer.old_key).toBe(JSON.parse(readFileSync(given, "utf8")).public_key);
    expect(await codeOf("verify", "--head", given)).toBe(0);
  });

  test("finds the end that was cut off, although the models went with it", async () => {
    const { position } = JSON.parse(readFileSync(given, "utf8"));
    const cut = Number(position) - 1;
    const database = new DatabaseSync(join(data, "stream.db"));
    database.prepare("DELETE FROM events WHERE position >= ?").run(cut);
    database.close();
    const models = join(data, "models");
    expect(existsSync(models)).toBe(true);
    const { code, stdout } = await run("verify", "--head", given, "--json");
    expect(code).toBe(1);
    const [finding] = JSON.parse(stdout).findings;
    expect(finding).toMatchObject({ what: "head", position: cut });
    expect(await codeOf("verify", "--since", given)).toBe(1);
    // Nothing is signed that contradicts what was signed before.
    const refused = await run("head");
    expect({ code: refused.code, stderr: refused.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("stream_forked"),
    });
    expect(await codeOf("head", "--rebuild")).toBe(0);
    expect(await codeOf("verify", "--head", given)).toBe(1);
  });
});
