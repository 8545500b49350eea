import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { afterAll, afterEach, test } from "@jest/globals";
import { endAllProcesses } from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { configOf } from "../e2e/support/stand-in.ts";
import { expectWholeBackup } from "./backup-under-load.ts";

afterEach(endAllProcesses);
afterAll(removeFolders);
const run = promisify(execFile);

test("SQLite: the stream's file, copied by SQLite's own backup", async () => {
  const [folder, restored] = [newFolder(), join(newFolder(), "restored")];
  await expectWholeBackup({
    env: configOf(folder),
    backUp: async () => {
      const source = new DatabaseSync(join(folder, "stream.db"), { readOnly: true });
      mkdirSync(restored);
      await backup(source, join(restored, "stream.db"));
      source.close();
      return configOf(restored);
    },
  });
});

describeOwnPostgres("PostgreSQL", (use) => {
  test("a dump of the database, restored into another one", async () => {
    const { url: serverUrl, binDir } = use();
    const [url, restored] = [await newDatabase(serverUrl), await newDatabase(serverUrl)];
    const file = join(newFolder(), "ledger.dump");
    const program = (name: string, ...args: string[]) => run(join(binDir, name), args);
    await expectWholeBackup({
      env: { ...configOf(newFolder()), COUNTERFOIL_POSTGRES_URL: url },
      backUp: async () => {
        await program("pg_dump", "--format=custom", `--file=${file}`, url);
        await program("pg_restore", "--exit-on-error", "--no-owner", `--dbname=${restored}`, file);
        return { ...configOf(newFolder()), COUNTERFOIL_POSTGRES_URL: restored };
      },
    });
  });
});
