import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { StatusRecord } from "@counterfoil/contracts/operations-record";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Api, createApi, whenFolded, whenServed } from "./support/api.ts";
import {
  addressOf,
  BIN,
  type Environment,
  endAllProcesses,
  runCommand,
  startRole,
  stopRole,
} from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendScenario, sendWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

let env: Environment;
let service: ReturnType<typeof startRole>;
let api: Api;
let quarantined: string;

/** Everything below runs beside a service that goes on serving. */
beforeAll(async () => {
  env = { ...configOf(newFolder()), COUNTERFOIL_LEDGER: "books" };
  service = startRole(["start"], env);
  const address = await addressOf(service);
  api = createApi(address);
  await sendScenario("layer1-deposit", address);
  await sendScenario("payment-crypto", address);
  const unreadable = { provider: "zerohash", payloadType: "payment_status_changed", body: "{}" };
  quarantined = (await sendWebhook(address, unreadable as never))?.delivery_id ?? "";
  await whenFolded(api);
});

afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

async function json(...args: readonly string[]) {
  const { code, stdout } = await runCommand([...args, "--json"], env);
  return { code, answer: JSON.parse(stdout) };
}

/** The end of the stream: the service reads it there. */
const headOf = async () => (await api.get<StatusRecord>("/v1/status")).head;

describe("commands beside a running service", () => {
  test("end quietly where nobody reads what they print", async () => {
    const line = `{ "${BIN}" quarantine list --all; echo "ended with $?" >&2; } | true`;
    const { stderr } = await promisify(execFile)("sh", ["-c", line], {
      env: { ...process.env, ...env },
    });
    expect(stderr).toBe("ended with 0\n");
  });

  test("totals and search print what HTTP answers", async () => {
    const asked = await json("totals", "--by", "account_type", "provider");
    const overHttp = async (path: string) => {
      const response = await fetch(new URL(path, await addressOf(service)));
      return response.json();
    };
    const totals = "/v1/totals?group_by=account_type&group_by=provider";
    expect(asked).toEqual({ code: 0, answer: await overHttp(totals) });
    const [first] = asked.answer.data;
    expect(first).toMatchObject({ provider: "layer1", accounts: 1 });
    const { position } = asked.answer;
    const then = await json("totals", "--by", "account_type", "provider", "--at", position);
    expect(then).toEqual(asked);
    expect((await json("totals", "--at", "1")).answer).toEqual({ position: "1", data: [] });
    expect((await json("totals", "--asset", "NONE")).answer.data).toEqual([]);
    const found = await json("search", quarantined);
    expect(found).toEqual({ code: 0, answer: await overHttp(`/v1/search?q=${quarantined}`) });
    expect(found.answer.data).toMatchObject([{ kind: "delivery", id: quarantined }]);
    const { stdout } = await runCommand(["search", "nobody"], env);
    expect(stdout).toBe('nothing is called "nobody"\n');
  });

  test("simulate says at once that nobody answers", async () => {
    const nowhere = ["simulate", "layer1-deposit", "--url", "http://127.0.0.1:1"];
    const { code, stdout, stderr } = await runCommand(nowhere, env);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain("http://127.0.0.1:1 does not answer (");
  });

  test("status says what the service says", async () => {
    const { code, answer } = await json("status");
    // Of a delivery that nobody could read, and of documented flows that nobody ever ended.
    expect(code).toBe(1);
    expect(answer).toEqual(await api.get("/v1/status"));
    const { stdout } = await runCommand(["status"], env);
    expect(stdout).toContain('Ledger "books" (production) on sqlite');
    expect(stdout).toMatch(/balances\s+live/);
  });

  test("verify finds nothing wrong, folding the models again", async () => {
    const { code, answer } = await json("verify", "--models");
    expect(code).toBe(0);
    expect(answer.findings).toEqual([]);
    expect(answer.bodies).toBe(13);
    for (const { live, refolded } of answer.models) expect(refolded.digest).toBe(live.digest);
  });

  test("rebuild activates a generation that the service goes over to; rollback goes back", async () => {
    const rebuilt = await json("rebuild", "all");
    expect(rebuilt.code).toBe(0);
    const outcomes = rebuilt.answer.map((it: { model: string; outcome: string }) => [
      it.model,
      it.outcome,
    ]);
    expect(Object.fromEntries(outcomes)).toEqual({
      balances: "activated",
      withdrawals: "activated",
      deposits: "activated",
      trades: "activated",
    });
    await whenServed(api, [2, 2, 2, 2]);

    expect((await json("rollback", "deposits")).answer.generation).toBe(1);
    await whenServed(api, [2, 2, 1, 2]);
    const missing = await runCommand(["rollback", "deposits", "--generation", "7"], env);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("generation_missing");
  });

  test("retranslate corrects nothing where the translation is the same", async () => {
    const { code, answer } = await json("retranslate");
    expect(code).toBe(0);
    expect(answer).toMatchObject({ deliveries: 12, appended: {}, rebuilds: [] });
  });

  test("explain says why something is shown, as the interface does", async () => {
    const [{ id }] = await api.get<readonly [{ id: string }]>("/v1/balances");
    const { code, answer } = await json("explain", id);
    expect(code).toBe(0);
    const address = await addressOf(service);
    const url = new URL(`/v1/explain/balance/${encodeURIComponent(id)}`, address);
    expect(answer).toEqual(await (await fetch(url)).json());
    expect(answer).toMatchObject({ kind: "balance", id, facts: expect.any(Array) });
    const { stdout } = await runCommand(["explain", "account", id, "--at", answer.position], env);
    expect(stdout).toContain(`balance ${id}, by the facts up to position ${answer.position}`);
    expect(stdout).toMatch(
      /[├└]─ decides: [^├└]*FundsReported at \d+.*\n.*delivery .* over the webhook/,
    );
    expect((await runCommand(["explain", "nobody"], env)).code).toBe(2);
    for (const kind of [["balance"], []]) {
      const other = await runCommand(["explain", ...kind, id, "--cursor", "x"], env);
      expect([other.code, other.stderr]).toEqual([
        2,
        expect.stringContaining("--cursor: it was not given out for this"),
      ]);
    }
    const wrong = await runCommand(["explain", "withdrawl", "x"], env);
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringContaining("did you mean withdrawal?"),
    ]);
    const past = await runCommand(["explain", "run", "1", "--at", "1"], env);
    expect([past.code, past.stderr]).toEqual([2, expect.stringContaining("by the facts up to")]);
  });

  test("quarantine lists what could not be read, and retries it", async () => {
    const listed = await json("quarantine", "list");
    expect(listed.answer).toMatchObject([{ delivery_id: quarantined, attempts: 1 }]);
    const retried = await json("quarantine", "retry", quarantined);
    expect(retried.code).toBe(1);
    expect(retried.answer).toMatchObject([{ delivery_id: quarantined, outcome: "unreadable" }]);
    const again = await json("quarantine", "retry");
    expect(again.answer).toMatchObject([{ outcome: "tried" }]);
    const unknown = await runCommand(["quarantine", "retry", "nobody"], env);
    expect(unknown.code).toBe(2);
  });

  test.each([
    { args: ["quarantine", "retry", "nobody"], code: "not_found" },
    { args: ["quarantine", "dismiss", "nobody", "--note", "n"], code: "not_found" },
    { args: ["anomalies", "acknowledge", "nobody", "--note", "n"], code: "not_found" },
    { args: ["erase", "nobody", "--note", "n", "--yes"], code: "not_found" },
    { args: ["keys", "revoke", "nobody"], code: "not_found" },
    { args: ["keys", "rotate", "nobody"], code: "not_found" },
    { args: ["rollback", "trades", "--generation", "9"], code: "generation_missing" },
  ])("$args is refused with $code and leaves nothing on the stream", async ({ args, code }) => {
    const before = await headOf();
    const { stderr } = await runCommand(args, env);
    expect(stderr).toContain(`error: ${code}`);
    expect(await headOf()).toBe(before);
  });

  test("head rotate leaves nothing on the stream where the key cannot be used", async () => {
    const before = await headOf();
    const file = join(newFolder(), "head.key");
    writeFileSync(file, "no key");
    const withKey = { ...env, COUNTERFOIL_HEAD_KEY_FILE: file };
    const { code, stderr } = await runCommand(["head", "rotate"], withKey);
    expect([code, stderr]).toEqual([2, expect.stringContaining("error: head_key_unusable")]);
    expect(await headOf()).toBe(before);
  });

  test.each([
    { command: "head", options: 1 },
    { command: "prove", options: 1 },
    { command: "export", options: 2 },
    { command: "replay", options: 2 },
    { command: "verify", options: 1 },
    { command: "rebuild", options: 1 },
  ])("$command --help says that an existing file is replaced", async ({ command, options }) => {
    const { stdout } = await runCommand([command, "--help"], env);
    expect(stdout.replaceAll(/\s+/g, " ").split("existing file is replaced")).toHaveLength(
      options + 1,
    );
  });

  test("rebuild names all among what it takes, and --scale a whole number", async () => {
    const rebuild = await runCommand(["rebuild", "foo"], env);
    expect([rebuild.code, rebuild.stderr]).toEqual([2, expect.stringContaining("trades, all")]);
    const { code, stderr } = await runCommand(["simulate", "history", "--scale", "0.6"], env);
    expect([code, stderr]).toEqual([2, expect.stringContaining("expected a whole number from 1")]);
  });

  test("simulate plays a flow against it, and says when it is refused", async () => {
    const url = await addressOf(service);
    const { code, answer } = await json("simulate", "trade-status", "--url", url);
    expect([code, answer.acknowledged]).toEqual([0, 3]);
    const secret = { ...env, COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: "another" };
    const flow = ["simulate", "fund-transaction", "--url", url, "--json"];
    const refused = await runCommand(flow, secret);
    expect([refused.code, JSON.parse(refused.stdout).refused]).toEqual([1, 1]);
    const feed = await runCommand(["simulate", "balances-feed-use-cases", "--url", url], env);
    expect(feed.code).toBe(2);
    expect(feed.stderr).toContain("--feed-port");
  });

  test("the service ends in due form, and verify still finds nothing", async () => {
    expect(await stopRole(service)).toBe(0);
    expect((await json("verify", "--models")).code).toBe(0);
  });
});
