import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { EventRecord } from "@counterfoil/contracts/record";
import { createRandom } from "@counterfoil/simulator/random";
import { afterAll, afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { createApi, whenFolded } from "./support/api.ts";
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
import { sendWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

jest.setTimeout(900_000);

/** Twenty and more take patience: `KILLS=20` in the environment. */
const KILLS = Number(process.env.KILLS ?? 3);
const NOTE = ["--note", "request 4711"];

let folder: string;
let env: Environment;
let given: string;

beforeAll(async () => {
  folder = newFolder();
  env = configOf(folder);
  given = join(newFolder(), "head.json");
  await fillLedger(folder, 25);
  expect((await runCommand(["head", "--out", given], env)).code).toBe(0);
});
afterEach(endAllProcesses);
afterAll(removeFolders);

type Result = Readonly<{
  code: number | null;
  answer: Readonly<Record<string, unknown>>;
}>;

async function json(args: readonly string[]): Promise<Result> {
  const { code, stdout, stderr } = await runCommand([...args, "--json"], env);
  return { code, answer: stdout === "" ? { stderr } : JSON.parse(stdout) };
}

const PIECE = 60;

/** Files of the ledger in which a piece of these bytes stands that stands nowhere else. */
function filesWith(bytes: Buffer, others: Buffer): readonly string[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at + PIECE <= bytes.length; at += PIECE / 2) {
    const piece = bytes.subarray(at, at + PIECE);
    if (!others.includes(piece)) pieces.push(piece);
  }
  expect(pieces).not.toEqual([]);
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => {
    const path = join(folder, name);
    if (!statSync(path).isFile()) return false;
    const content = readFileSync(path);
    return pieces.some((piece) => content.includes(piece));
  });
}

type Stored = Readonly<{
  /** By digest, every body that is stored. */
  bodies: ReadonlyMap<string, Buffer>;
  /** The data of all events: what a fact says may stay, in the very words of the body. */
  facts: Buffer;
}>;

/** As an export has it. */
async function readStored(): Promise<Stored> {
  const out = join(newFolder(), "ledger.jsonl");
  expect((await json(["export", "--out", out])).code).toBe(0);
  const lines = readFileSync(out, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const bodies = lines
    .filter(({ body, base64 }) => body !== undefined && base64 !== null)
    .map(({ body, base64 }): [string, Buffer] => [body, Buffer.from(base64, "base64")]);
  const facts = lines.map(({ data = "" }) => data).join("\n");
  return { bodies: new Map(bodies), facts: Buffer.from(facts) };
}

/** Everything else that holds words of a body. */
const besides = ({ bodies, facts }: Stored, body: Buffer): Buffer =>
  Buffer.concat([facts, ...[...bodies.values()].filter((each) => each !== body)]);

async function expectSound(): Promise<void> {
  const { code, answer } = await json(["verify", "--models", "--head", given]);
  expect([code, answer.findings]).toEqual([0, []]);
}

async function deliveriesOf(address: string): Promise<readonly EventRecord[]> {
  const query = { types: "DeliveryReceived", limit: "400" };
  return createApi(address).get<readonly EventRecord[]>("/v1/events", query);
}

test("a name that the ledger does not know is not recorded in it", async () => {
  const { code, answer } = await json(["erase", "--participant", "Jane Doe", ...NOTE, "--yes"]);
  expect([code, answer.done]).toMatchObject([0, { erased: 0 }]);
  const service = startRole(["start"], env);
  const query = { types: "OperatorActed", limit: "400" };
  const acts = await createApi(await addressOf(service)).get<object>("/v1/events", query);
  expect(JSON.stringify(acts)).not.toContain("Jane Doe");
});

test("a delivery's bytes are in no file any more, beside a running service", async () => {
  const service = startRole(["start"], env);
  const address = await addressOf(service);
  await whenFolded(createApi(address));
  const [first] = (await deliveriesOf(address)).slice(7);
  const { id, data } = first as EventRecord;
  const stored = await readStored();
  const body = stored.bodies.get(String(data.sha256)) as Buffer;
  const others = besides(stored, body);
  expect(filesWith(body, others)).not.toEqual([]);

  const listed = await json(["erase", id, ...NOTE]);
  expect([listed.code, listed.answer.done]).toEqual([1, null]);
  expect(listed.answer).toMatchObject({ target: id, listed: { deliveries: 1, shared: 0 } });
  expect((await fetch(new URL(`/v1/deliveries/${id}/body`, address))).status).toBe(200);

  const { code, stdout } = await runCommand(["erase", id, ...NOTE, "--actor", "Ann", "--yes"], env);
  expect([code, stdout]).toEqual([0, expect.stringContaining("1 body erased.")]);
  expect(stdout).toMatch(/backups and copies .*: until they are removed/);
  expect(filesWith(body, others)).toEqual([]);
  const answer = await fetch(new URL(`/v1/deliveries/${id}/body`, address));
  expect([answer.status, await answer.json()]).toMatchObject([410, { code: "body_gone" }]);
  const shown = await createApi(address).get<object>(`/v1/deliveries/${id}`);
  expect(shown).toMatchObject({ erased: { actor: "Ann", note: "request 4711" } });

  // The provider sends it once more: a repeat is acknowledged, and brings nothing back.
  const webhook = {
    provider: "zerohash",
    payloadType: String(data.payload_type),
    body: String(body),
  };
  const repeat = await sendWebhook(address, { ...webhook, provider: data.provider as "zerohash" });
  expect(repeat).toMatchObject({ outcome: "repeated", delivery_id: id });
  expect(filesWith(body, others)).toEqual([]);
  await expectSound();
  expect(await stopRole(service)).toBe(0);
  expect(filesWith(body, others)).toEqual([]);
  await expectSound();
});

test("killed at any point it leaves a sound ledger, and is finished by the next", async () => {
  const random = createRandom("erase", "kills");
  const service = startRole(["start"], env);
  const deliveries = await deliveriesOf(await addressOf(service));
  await stopRole(service);
  const before = await readStored();
  const known = deliveries.filter(({ data }) => before.bodies.has(String(data.sha256)));
  let takesMs = 1500;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const { id, data } = known[kill * 3] as EventRecord;
    const body = before.bodies.get(String(data.sha256)) as Buffer;
    const others = besides(before, body);
    const args = ["erase", id, ...NOTE, "--yes", "--shared"];
    const name = random.pick(["SIGKILL", "SIGKILL", "SIGINT"] as const);
    const afterMs = random.between(0, takesMs);
    await runCommand(args, env, { signalled: { name, afterMs } });
    const { answer } = await json(["verify", "--head", given]);
    const found = (answer.findings as readonly { what: string }[]).map(({ what }) => what);
    expect(found.filter((what) => what !== "body_left")).toEqual([]);
    const started = performance.now();
    expect(await json(args)).toMatchObject({ code: 0 });
    takesMs = Math.ceil(performance.now() - started);
    expect(filesWith(body, others)).toEqual([]);
    await expectSound();
  }
});

test("a participant's bytes go all, and those that name others too only when that is said", async () => {
  const { bodies } = await readStored();
  const text = [...bodies.values()].map(String).find((each) => each.includes('"participant_code"'));
  const code = String(/"participant_code":\s*"(\w+)"/.exec(text ?? "")?.[1]);
  const naming = [...bodies.values()].filter((each) =>
    new RegExp(`\\b${code}\\b`).test(String(each)),
  );
  const unsaid = await json(["erase", "--participant", code, ...NOTE, "--yes"]);
  const { kept } = unsaid.answer.done as Readonly<{ kept: number }>;
  expect(unsaid.code).toBe(kept > 0 ? 1 : 0);
  const all = await json(["erase", "--participant", code, ...NOTE, "--yes", "--shared"]);
  expect(all).toMatchObject({ code: 0, answer: { done: { kept: 0 } } });
  const { bodies: left } = await readStored();
  expect([...left.values()].filter((each) => naming.some((one) => one.equals(each)))).toEqual([]);
  expect(left.size).toBe(bodies.size - naming.length);
  await expectSound();
});

test.each<[readonly string[], number, RegExp]>([
  [["erase", "nobody", ...NOTE], 2, /there is no delivery "nobody"/],
  [["erase", ...NOTE], 2, /either a delivery's id or --participant/],
  [["erase", "nobody", "--participant", "A", ...NOTE], 2, /either a delivery's id or/],
  [["erase", "nobody"], 2, /--note/],
  [["erase", "nobody", "--note", " "], 2, /--note: expected a text/],
  [["erase", "--participant", " A", ...NOTE], 2, /expected a participant's code/],
])("%j ends with %i and says why", async (args, expected, message) => {
  const { code, stderr } = await runCommand(args, env);
  expect(stderr).toMatch(message);
  expect(code).toBe(expected);
});
