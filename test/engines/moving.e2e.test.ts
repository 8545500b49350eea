import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startEventStoreDouble } from "@counterfoil/adapters/eventstore/testing/eventstore-double";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import { afterAll, expect, test } from "@jest/globals";
import { type Environment, runCommand } from "../e2e/support/counterfoil.ts";
import { fillLedger } from "../e2e/support/filled-ledger.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { configOf } from "../e2e/support/stand-in.ts";

afterAll(removeFolders);

async function run(args: readonly string[], env: Environment): Promise<string> {
  const { code, stdout, stderr } = await runCommand(args, env);
  // The status ends with 1 where a person is needed, as where no model was built yet.
  const isWell = code === 0 || (args[0] === "status" && code === 1);
  expect([args, isWell, stderr.match(/error:[\s\S]*/)?.[0]]).toEqual([args, true, undefined]);
  return stdout;
}

const headOf = async (env: Environment): Promise<StatusRecord> =>
  JSON.parse(await run(["status", "--json"], env));

const files = newFolder();
const exportOf = async (env: Environment, name: string): Promise<string> => {
  const file = join(files, name);
  await run(["export", "--out", file], env);
  return file;
};

/** Each engine has a key of its own here, and signs what it holds at another time. */
const withoutHead = (file: string): string =>
  readFileSync(file, "utf8").replace(/"head":\{[^}]*\}/, "");

describeOwnPostgres("the commands move a ledger", (use) => {
  test("from SQLite to PostgreSQL, to EventStoreDB and back, with the same digests rebuilt", async () => {
    const folder = newFolder();
    await fillLedger(folder, 20);
    const { url } = use();
    const double = await startEventStoreDouble();
    const engines: Environment[] = [
      { COUNTERFOIL_POSTGRES_URL: await newDatabase(url) },
      {
        COUNTERFOIL_POSTGRES_URL: await newDatabase(url),
        COUNTERFOIL_EVENTSTORE_URL: double.url,
      },
      {},
    ];
    const first = await exportOf(configOf(folder), "first.jsonl");
    const replayed = JSON.parse(await run(["replay", "--to", "100", "--json"], configOf(folder)));
    const { head, head_hash } = await headOf(configOf(folder));
    let file = first;
    for (const [at, engine] of engines.entries()) {
      const env = { ...configOf(newFolder()), ...engine };
      expect(JSON.parse(await run(["import", file, "--json"], env))).toMatchObject({
        position: head,
        hash: head_hash,
        resumed_at: "0",
      });
      expect(await headOf(env)).toMatchObject({ head, head_hash });
      expect(JSON.parse(await run(["replay", "--to", "100", "--json"], env))).toEqual(replayed);
      file = await exportOf(env, `${at}.jsonl`);
      expect(withoutHead(file)).toBe(withoutHead(first));
    }
    await double.close();
  });
});
