import { copyFileSync, cpSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
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

afterEach(endAllProcesses);
afterAll(removeFolders);

/** Runs a service while a flow is sent to it. */
async function serveFlow(env: Environment, name: string): Promise<void> {
  const service = startRole(["start"], env);
  const address = await addressOf(service);
  await sendScenario(name, address);
  await whenFolded(createApi(address));
  expect(await stopRole(service)).toBe(0);
}

const served = new Map<string, Promise<Environment>>();

/** A ledger of its own to which a flow was sent: a copy of one that was served. */
async function ledgerWith(name: string): Promise<Environment> {
  const first = served.get(name) ?? serveFirst(name);
  served.set(name, first);
  const copy = newFolder();
  cpSync(String((await first).COUNTERFOIL_DATA_DIR), copy, { recursive: true });
  return configOf(copy);
}

async function serveFirst(name: string): Promise<Environment> {
  const env = configOf(newFolder());
  await serveFlow(env, name);
  return env;
}

function alter(env: Environment, statement: string): void {
  const database = new DatabaseSync(join(String(env.COUNTERFOIL_DATA_DIR), "stream.db"));
  database.exec(statement);
  database.close();
}

describe("a stream that was tampered with", () => {
  test.each([
    {
      what: "a byte of an event's data",
      statement: "UPDATE events SET data = data || ' ' WHERE position = 9",
      position: 9,
    },
    {
      what: "a time",
      statement: "UPDATE events SET recorded_at = 1 WHERE position = 5",
      position: 5,
    },
    {
      what: "the first event",
      statement: "UPDATE events SET type = 'X' WHERE position = 1",
      position: 1,
    },
    {
      what: "an event that is gone",
      statement: "DELETE FROM events WHERE position = 7",
      position: 7,
    },
  ])("$what: start refuses, and verify names the position", async ({ statement, position }) => {
    const env = await ledgerWith("layer1-deposit");
    alter(env, statement);
    const started = await runCommand(["start"], env);
    expect(started.code).toBe(1);
    expect(started.stderr).toContain("error: stream_corrupted");
    expect(started.stderr).toContain(`position ${position}`);
    const verified = await runCommand(["verify", "--json"], env);
    expect(verified.code).toBe(1);
    expect(JSON.parse(verified.stdout).findings[0].position).toBe(String(position));
  });

  test("no database at all", async () => {
    const env = await ledgerWith("trade-status");
    copyFileSync(new URL(import.meta.url), join(String(env.COUNTERFOIL_DATA_DIR), "stream.db"));
    for (const command of ["start", "verify", "status"]) {
      const { code, stderr } = await runCommand([command], env);
      expect([command, code]).toEqual([command, 1]);
      expect(stderr).toContain("stream_corrupted");
    }
  });
});

test("a backup that is older than the models: refused as forked until they are rebuilt", async () => {
  const env = await ledgerWith("layer1-deposit");
  const file = join(String(env.COUNTERFOIL_DATA_DIR), "stream.db");
  copyFileSync(file, `${file}.backup`);
  await serveFlow(env, "layer1-withdrawal");
  copyFileSync(`${file}.backup`, file);

  const started = await runCommand(["start"], env);
  expect(started.code).toBe(1);
  expect(started.stderr).toContain("error: stream_forked");
  expect((await runCommand(["rebuild", "all"], env)).code).toBe(0);
  await serveFlow(env, "trade-status");
  const verified = await runCommand(["verify", "--models", "--json"], env);
  expect(JSON.parse(verified.stdout).findings).toEqual([]);
});

test("a stream of another ledger is refused", async () => {
  const env = await ledgerWith("trade-status");
  alter(env, "UPDATE meta SET value = 'other' WHERE key = 'ledger'");
  const { code, stderr } = await runCommand(["start"], env);
  expect(code).toBe(2);
  expect(stderr).toContain("error: ledger_mismatch");
});

test("a ledger of another environment is refused to who writes, follows or reads it", async () => {
  const trial = { ...configOf(newFolder()), COUNTERFOIL_ENVIRONMENT: "trial" };
  await serveFlow(trial, "trade-status");
  const production = { ...trial, COUNTERFOIL_ENVIRONMENT: "production" };
  for (const command of ["start", "projector", "status"]) {
    const { code, stderr } = await runCommand([command], production);
    expect([command, code]).toEqual([command, 2]);
    expect(stderr).toContain("error: ledger_mismatch");
    expect(stderr).toContain('opened for the environment "trial", expected "production"');
  }
  expect((await runCommand(["status"], trial)).code).toBe(0);
});
