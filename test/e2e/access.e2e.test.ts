import { rmSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import type { BalanceRecord, EventRecord } from "@counterfoil/contracts/record";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { balanceBody } from "../system/messages.ts";
import { type Api, createApi, createKey, until, whenFolded } from "./support/api.ts";
import {
  addressOf,
  type Environment,
  endAllProcesses,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

let env: Environment;
let folder: string;
let address: string;
let service: ReturnType<typeof startRole>;

/** Everything in one process, where readers are answered on a thread; and a gateway beside it. */
beforeAll(async () => {
  folder = newFolder();
  env = configOf(folder);
  service = startRole(["start"], env);
  address = await addressOf(service);
  const api = createApi(address);
  for (const group of ["PLAT01", "PLAT02"]) {
    const body = balanceBody({ run: 1, change: "1", balance: "1", at: 1_746_000_000_000 });
    const stated = { ...body, account_group: group, run_id: `of ${group}` };
    const hook = { provider: "zerohash", payloadType: "account_balance.changed" } as const;
    await sendWebhook(address, { ...hook, body: JSON.stringify(stated) });
  }
  const { head } = await api.get<{ head: string }>("/v1/status");
  await whenFolded(api, Number(head));
});

afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

async function statusOf(path: string, key?: string, init: RequestInit = {}): Promise<number> {
  const headers: Record<string, string> =
    key === undefined ? {} : { authorization: `Bearer ${key}` };
  return (await fetch(new URL(path, address), { ...init, headers })).status;
}

/** A status, asked for until it is the one; at the latest 5 s later it is. */
async function within5s(what: string, ask: () => Promise<number>, status: number): Promise<void> {
  const began = performance.now();
  await until(what, ask, (found) => found === status);
  expect(performance.now() - began).toBeLessThan(5_000);
}

/** `fetch` sets the Host itself. */
function statusUnder(host: string, path: string, method = "GET"): Promise<number> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    httpRequest({ hostname, port, path, method, headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

describe("from the first key on", () => {
  let all: Awaited<ReturnType<typeof createKey>>;
  let api: Api;

  test("everybody needs one, and a key opens the service", async () => {
    expect(await statusOf("/v1/balances")).toBe(200);
    expect(await statusUnder("evil.example", "/v1/balances")).toBe(421);
    expect(await statusOf("/v1/projections/balances/rebuild", undefined, { method: "POST" })).toBe(
      401,
    );
    all = await createKey(env, "--role", "reader", "--name", "books", "--expires", "90d");
    expect(all).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      prefix: expect.stringMatching(/^cf_[0-9a-f]{8}$/),
      role: "reader",
      platform: null,
      name: "books",
      expires_at: expect.stringMatching(/Z$/),
      secret: expect.stringMatching(/^cf_[0-9a-f]{8}_[\w-]{43}$/),
    });
    await within5s("the door to close", () => statusOf("/v1/balances"), 401);
    api = createApi(address, all.secret);
    expect((await api.get<readonly BalanceRecord[]>("/v1/balances")).length).toBeGreaterThan(1);
    for (const path of ["/healthz", "/readyz", "/metrics", "/openapi.json"]) {
      expect([path, await statusOf(path)]).toEqual([path, 200]);
    }
  });

  test("a key of a platform sees what is that platform's, on the thread of readers too", async () => {
    const everything = await api.get<readonly BalanceRecord[]>("/v1/balances");
    const platform = "PLAT02";
    const { secret } = await createKey(env, "--role", "reader", "--platform", platform);
    await within5s("the key", () => statusOf("/v1/balances", secret), 200);
    const scoped = createApi(address, secret);
    const own = everything.filter(
      (it) => it.account_group === platform || it.participant_code === platform,
    );
    expect(own).toHaveLength(1);
    expect(await scoped.get("/v1/balances")).toEqual(own);
    const nobody = await createKey(env, "--role", "reader", "--platform", "größe-日本");
    await within5s("the key", () => statusOf("/v1/balances", nobody.secret), 200);
    expect(await createApi(address, nobody.secret).get("/v1/balances")).toEqual([]);
  });

  test("a key that is revoked or rotated opens nothing 5 s later; the new one does", async () => {
    const old = await createKey(env, "--role", "reader", "--name", "old");
    await within5s("the key", () => statusOf("/v1/balances", old.secret), 200);
    const rotated = await runCommand(["keys", "rotate", old.id, "--json"], env);
    const fresh = JSON.parse(rotated.stdout);
    expect(fresh).toMatchObject({ role: "reader", platform: null, name: "old" });
    await within5s("the old key to go", () => statusOf("/v1/balances", old.secret), 401);
    expect(await statusOf("/v1/balances", fresh.secret)).toBe(200);
    const revoked = await runCommand(["keys", "revoke", fresh.id, "--json"], env);
    expect(JSON.parse(revoked.stdout)).toMatchObject({ id: fresh.id, state: "revoked" });
    await within5s("the new key to go", () => statusOf("/v1/balances", fresh.secret), 401);
    const again = await runCommand(["keys", "rotate", fresh.id, "--json"], env);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("is revoked")]);
    const { stdout } = await runCommand(["keys", "list", "--json"], env);
    const states = JSON.parse(stdout).map(({ name, state }: never) => [name, state]);
    expect(states).toContainEqual(["old", "revoked"]);
    expect(states).toContainEqual(["books", "active"]);
  });

  test("no secret, and no digest of one, is on the stream, in the log or in a message", async () => {
    const events = await api.get<readonly EventRecord[]>("/v1/events", {
      types: "ApiKeyCreated,ApiKeyRevoked",
    });
    expect(events.length).toBeGreaterThan(4);
    const said = JSON.stringify(events) + service.log();
    expect(said).not.toMatch(/cf_[0-9a-f]{8}_/);
    expect(said).not.toContain(all.secret.slice(-20));
  });

  test("files are their owner's alone", async () => {
    const names = await readdir(folder, { recursive: true });
    const loose = names.filter((name) => (statSync(join(folder, name)).mode & 0o077) !== 0);
    expect(loose).toEqual([]);
    expect(names).toContain("keys.db");
  });

  test("where the table of digests is lost nobody gets in, after a restart too", async () => {
    rmSync(join(folder, "keys.db"));
    await within5s("the key to go", () => statusOf("/v1/balances", all.secret), 401);
    expect(await stopRole(service)).toBe(0);
    service = startRole(["start"], { ...env, COUNTERFOIL_ALLOW_UNAUTHENTICATED: "true" });
    address = await addressOf(service);
    expect(await statusOf("/v1/balances")).toBe(401);
    expect(await statusOf("/v1/balances", all.secret)).toBe(401);
    await service.whenLogged(({ msg }) => String(msg).startsWith("API keys open nothing"));
    const listed = JSON.parse((await runCommand(["keys", "list", "--json"], env)).stdout);
    const states = listed.map(({ state }: { state: string }) => state);
    expect(states).toContain("lost");
    expect(states).not.toContain("active");
    const { secret } = await createKey(env, "--role", "operator");
    await within5s("a new key", () => statusOf("/v1/balances", secret), 200);
  });

  test("wrong usage says what is expected", async () => {
    const wrong: [string[], RegExp][] = [
      [["create"], /--role/],
      [["create", "--role", "owner"], /reader, operator/],
      [["create", "--role", "reader", "--platform", ""], /expected some text/],
      [["create", "--role", "reader", "--expires", "yesterday"], /expected a duration up/],
      [["create", "--role", "reader", "--expires", "2020-01-01T00:00:00Z"], /still to come/],
      [["create", "--role", "reader", "--expires", "99999999d"], /a duration up to 36500d/],
      [["create", "--role", "reader", "--expires", "36501d"], /a duration up to 36500d/],
      [["create", "--role", "reader", "--expires", "876001h"], /a duration up to 36500d/],
      [["revoke", "nobody"], /there is no key nobody/],
      [["rotate", "nobody"], /there is no key nobody/],
    ];
    const headNow = async () =>
      JSON.parse((await runCommand(["status", "--json"], env)).stdout).head;
    const before = await headNow();
    for (const [args, says] of wrong) {
      const { code, stderr } = await runCommand(["keys", ...args], env);
      expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
    }
    expect(await headNow()).toBe(before);
  });
});

test("without a key nobody beyond this machine gets in, and the log says what to do", async () => {
  const far = startRole(["start"], { ...configOf(newFolder()), COUNTERFOIL_HTTP_HOST: "0.0.0.0" });
  const { msg } = await far.whenLogged(
    ({ level, msg }) => level === 40 || /API key/.test(`${msg}`),
  );
  expect(msg).toContain("counterfoil keys create");
  expect(await stopRole(far)).toBe(0);
});
