import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createHeadKeyFile } from "@counterfoil/adapters/node/keys";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { certificateText } from "@counterfoil/core/audit/tree-head";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
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
    expect(await codeOf("head", "--out", join(given, "no", "folder"))).toBe(3);
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
    expect(await codeOf("proof", "inclusion", "9999")).toBe(2);
    expect(await codeOf("proof", "inclusion", "1", "--size", "9999")).toBe(2);
    expect(await codeOf("proof", "consistency", "1", "9999")).toBe(2);
    const refused = async (...args: readonly string[]) => {
      const { code, stderr } = await run("proof", ...args);
      return [code, stderr.split("\n")[1]?.trim()];
    };
    expect(await refused("consistency", "3", "2")).toEqual([2, "3 is behind 2: turn them around"]);
    expect(await refused("inclusion", "5", "--size", "4")).toEqual([
      2,
      "a tree of size 4 holds positions 1 to 4, found position 5: name a head whose tree_size is 5 or more",
    ]);
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

  test.each([
    ["verify", "--head"],
    ["verify", "--since"],
    ["verify", "--certificate"],
    ["verify", "--key"],
    ["prove", "nobody", "--out", "proof.json", "--since"],
    ["simulate", "layer1-deposit", "--keys"],
  ])("%s … is refused where the file after it never ends, or is too long", async (...args) => {
    const long = join(newFolder(), "long.json");
    writeFileSync(long, " ".repeat(64 * 1024 + 1));
    for (const [file, says] of [
      ["/dev/zero", "/dev/zero: it is a device, expected a regular file"],
      [data, `${data}: it is a folder`],
      [long, `${long}: it has 65537 bytes, expected at most 65536`],
      [`${long}.none`, `${long}.none: there is no such file`],
    ] as const) {
      const { code, stderr } = await run(...args, file);
      expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
    }
  });

  test("certificates say what was done, and are checked against the ledger", async () => {
    const folder = newFolder();
    const file = (name: string) => join(folder, name);
    const { position, hash, root, map_root } = JSON.parse(readFileSync(given, "utf8"));
    const signed = async (name: string, ...args: readonly string[]) => {
      const { code, stderr } = await run(
        ...args,
        "--certificate-out",
        file(name),
        "--actor",
        "Ann",
      );
      expect([code, /error.*/s.exec(stderr)?.[0]]).toEqual([0, undefined]);
      return JSON.parse(readFileSync(file(name), "utf8"));
    };
    const verified = await signed("verify", "verify", "--models");
    const tree = { from: "1", to: position, hash, root, map_root };
    expect(verified).toMatchObject({ statement: "verify", actor: "Ann", file: null, ...tree });
    expect(Object.keys(verified.models).sort()).toEqual([...MODEL_NAMES].sort());
    expect(statSync(file("verify")).mode & 0o777).toBe(0o600);

    const out = file("ledger.jsonl");
    const exported = await signed("export", "export", "--out", out);
    const sha256 = nodeHashing.sha256(readFileSync(out));
    expect(exported).toMatchObject({ ...tree, models: {}, file: { format: "jsonl", sha256 } });
    const replayed = await signed("replay", "replay", "--to", "3", "--out", file("replay.db"));
    expect(replayed).toMatchObject({ statement: "replay", from: "1", to: "3" });
    const rebuilt = await signed("rebuild", "rebuild", "balances", "--force");
    expect(rebuilt).toMatchObject({ statement: "rebuild", models: { balances: {} } });

    const codeWith = (...names: readonly string[]) =>
      codeOf("verify", ...names.flatMap((name) => ["--certificate", file(name)]));
    expect(await codeWith("verify", "export", "replay", "rebuild")).toBe(0);
    // A head is no certificate, nor the other way around.
    expect(await codeOf("verify", "--certificate", given)).toBe(2);
    expect(await codeOf("verify", "--head", file("verify"))).toBe(2);
    const altered = { ...replayed, actor: "Bob" };
    writeFileSync(file("altered"), JSON.stringify(altered));
    expect(await codeWith("altered")).toBe(2);
    const key = `${given}.key2`;
    const elsewhere = { ...env, COUNTERFOIL_HEAD_KEY_FILE: key };
    const args = ["verify", "--certificate-out", file("strange")];
    expect((await runCommand(args, elsewhere)).code).toBe(0);
    expect(await codeWith("strange")).toBe(2);
    const { public_key } = JSON.parse(readFileSync(file("strange"), "utf8"));
    expect(await codeOf("verify", "--certificate", file("strange"), "--key", public_key)).toBe(0);
    // Well signed, but not what folding gives; nor what the tree is.
    const signer = createHeadKeyFile(join(data, "head.key"));
    const codeSigned = async (changes: object) => {
      const stated = { ...replayed, ...changes };
      const signature = await signer.sign(certificateText(stated));
      writeFileSync(file("signed"), JSON.stringify({ ...stated, signature }));
      const { code, stdout } = await run("verify", "--certificate", file("signed"), "--json");
      return [code, JSON.parse(stdout).findings.map((each: { what: string }) => each.what)];
    };
    const { balances } = replayed.models;
    const models = { balances: { ...balances, state_digest: "f".repeat(64) } };
    expect(await codeSigned({})).toEqual([0, []]);
    expect(await codeSigned({ models })).toEqual([1, ["certificate"]]);
    expect(await codeSigned({ models, code_version: "another" })).toEqual([0, []]);
    expect(await codeSigned({ map_root: "0".repeat(64) })).toEqual([1, ["head"]]);
    expect(await codeSigned({ to: "999999" })).toEqual([1, ["head"]]);
  });

  test.each<[readonly string[], number, RegExp]>([
    [["verify", "--no-bodies", "--certificate-out", "x"], 2, /leave --no-bodies out/],
    [["verify", "--certificate-out", join("none", "x")], 3, /no such file or folder/],
    [["verify", "--certificate", "none"], 2, /none: there is no such file/],
    [["head", "--out", join("none", "x")], 3, /no such file or folder/],
    [["replay", "--diff", "1", "2", "--certificate-out", "x"], 2, /leave --diff out/],
    [["export", "--out", "x", "--certificate-out", join("none", "x")], 3, /no such file or folder/],
    [["rebuild", "balances", "--certificate-out", "docs"], 3, /it is a folder/],
    [["head", "--out", "/dev/null"], 3, /it is a device/],
  ])("%j ends with %i, writes nothing and says why", async (args, expected, message) => {
    const { code, stderr } = await run(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(expected);
    expect(["x", ".x.part", ".docs.part"].filter((name) => existsSync(name))).toEqual([]);
  });

  test.each([
    ["head", "--out", "stream.db"],
    ["export", "--out", "keys.db"],
    ["prove", "a", "--out", join("models", "balances.1.db")],
    ["replay", "--to", "3", "--out", "head.key"],
    ["verify", "--certificate-out", "head.key.former"],
  ])("%j is refused, because the ledger keeps that file", async (...args) => {
    const kept = readdirSync(data, { recursive: true });
    const { code, stderr } = await run(...args.slice(0, -1), join(data, args.at(-1) ?? ""));
    expect([code, stderr]).toEqual([2, expect.stringMatching(/expected another file/)]);
    expect(readdirSync(data, { recursive: true })).toEqual(kept);
    expect(await codeOf("verify")).toBe(0);
  });

  test("no certificate is signed of a ledger with a fault, whatever the command", async () => {
    const folder = newFolder();
    const damaged = { ...env, COUNTERFOIL_DATA_DIR: join(folder, "data") };
    cpSync(data, damaged.COUNTERFOIL_DATA_DIR, { recursive: true });
    const database = new DatabaseSync(join(damaged.COUNTERFOIL_DATA_DIR, "stream.db"));
    database.exec("UPDATE bodies SET bytes = CAST('{}' AS BLOB)");
    database.close();
    const out = join(folder, "certificate.json");
    for (const args of [
      ["export", "--out", join(folder, "a.jsonl")],
      ["export", "--out", join(folder, "a.csv"), "--format", "csv"],
      ["export", "--out", join(folder, "b.jsonl"), "--from", "3", "--to", "4"],
      ["rebuild", "balances", "--force"],
      ["replay", "--to", "3"],
      ["verify"],
    ]) {
      const { code, stderr, stdout } = await runCommand(
        [...args, "--certificate-out", out],
        damaged,
      );
      expect([args, code, `${stdout}${stderr}`]).toEqual([
        args,
        1,
        expect.stringMatching(/position \d+: body_digest: /),
      ]);
      expect(existsSync(out)).toBe(false);
    }
  });

  test("nothing is certified of what came since the present", async () => {
    const args = ["verify", "--since", given, "--certificate-out", `${given}.none`];
    expect((await run("head", "--out", given)).code).toBe(0);
    const { code, stderr } = await run(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining("nothing to certify")]);
    expect(existsSync(`${given}.none`)).toBe(false);
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
    expect(finding).toMatchObject({ what: "head", position: String(cut) });
    const since = await run("verify", "--since", given);
    expect(since).toMatchObject({ code: 1, stdout: expect.stringContaining("1 finding.") });
    expect(since.stdout).not.toContain("Nothing is wrong.");
    // The head that was made here tells it too, to who brings none.
    const alone = await run("verify");
    expect({ code: alone.code, stdout: alone.stdout }).toEqual({
      code: 1,
      stdout: expect.stringMatching(/positions \d+ to \d+ are missing.*head --rebuild/),
    });
    // Nothing is signed that contradicts what was signed before.
    const refused = await run("head");
    expect({ code: refused.code, stderr: refused.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("stream_forked"),
    });
    expect(await codeOf("head", "--rebuild")).toBe(0);
    expect(await codeOf("verify", "--head", given)).toBe(1);
    expect(await codeOf("verify")).toBe(0);
  });

  test.each([
    ["UPDATE heads SET head = replace(head, 'a', 'b')", "altered"],
    ["UPDATE heads SET position = position + 1", "kept as one over"],
  ])("is found altered where it is kept: %s", async (altering, found) => {
    const file = join(data, "models", "heads.1.db");
    const copy = readFileSync(file);
    const database = new DatabaseSync(file);
    database.exec(altering);
    database.close();
    const { code, stdout } = await run("verify");
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining(found) });
    writeFileSync(file, copy);
    expect(await codeOf("verify")).toBe(0);
  });
});
