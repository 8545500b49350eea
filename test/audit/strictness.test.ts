import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { eraseBodies, findErasable } from "@counterfoil/processing/erasure";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ROOT } from "../support/module-graph.ts";
import { exportText } from "../system/exports.ts";
import { ACCOUNT_ID, balanceBody, snapshotBody, take } from "../system/messages.ts";
import { EFFORT, hashing, openTestLedger, type TestLedger } from "../system/support.ts";
import {
  type Line,
  linesOf,
  type Proof,
  reseal,
  resealExport,
  signHead,
  textOf,
} from "./forger.ts";
import { hasChromium, startPage } from "./page.ts";
import { auditor, checkByNode, hasPython, startPython } from "./proofs.ts";

/**
 * Two programs by which an auditor is to be sure must not differ. Here every value of a proof and of
 * an export takes every other type and shape, and is sealed again by whoever has the key.
 */
const describeBoth = hasPython ? describe : describe.skip;
const TODAY = 1_790_000_000_000_000_000n;
const SECOND = 1_000_000_000n;

let python: ReturnType<typeof startPython>;
/** The page has the steps of check.mjs: it is asked now and then. */
const page = hasChromium ? startPage(50) : null;
let ledger: TestLedger;
let its: ReturnType<typeof auditor>;
let key: string;
let proof: string;
let lines: readonly Line[];

beforeAll(async () => {
  if (hasPython) python = startPython();
  ledger = await openTestLedger();
  ledger.clock.set(TODAY);
  its = auditor(ledger);
  const source = createHeads(its.options);
  const run = (number: number) =>
    balanceBody({
      ...{ run: number, change: "1", balance: String(number) },
      at: Number(TODAY / 1_000_000n) - number,
    });
  const { deliveryId } = await take(ledger, { body: run(1) });
  await source.rotate();
  const openedAt = ledger.clock.now();
  const connection = "first";
  await ledger.feedOpened({ provider: "zerohash", connection, multi_chain: true, openedAt });
  ledger.clock.set(ledger.clock.now() + SECOND);
  await take(ledger, {
    body: snapshotBody([{ balance: "1" }]),
    place: { connection, frame: 1 },
  });
  ledger.clock.set(ledger.clock.now() + SECOND);
  // The same run once more, with another time: it amends a fact.
  const [again, other] = [run(2), run(2)];
  await take(ledger, { body: again });
  await take(ledger, { body: { ...other, run_timestamp: other.timestamp - 1000 } });
  await take(ledger, { body: run(3) });
  const found = await Array.fromAsync(findErasable({ ...ledger, hashing }, { deliveryId }));
  await eraseBodies({ ...ledger, hashing, note: "n", actor: "Ann" }, found.flat());
  await ledger.catchUp();
  const head = await source.make();
  key = await its.signer.publicKey();
  proof = (await its.prove(ACCOUNT_ID)).text;
  lines = linesOf(await exportText(ledger.stream, { head }));
});

afterAll(async () => {
  await ledger.close();
  its.end();
  await python?.end();
  await page?.end();
});

const sign = async (said: string) => await its.signer.sign(said);

/** What a value becomes: another type, another shape, or almost the same. */
function othersOf(value: unknown): readonly unknown[] {
  const texts =
    typeof value === "string"
      ? [Number(value), value.toUpperCase(), `${value}\n`, `0${value}`]
      : [];
  const unpadded = typeof value === "string" && value.endsWith("=") ? [value.slice(0, -1)] : [];
  const numbers = typeof value === "number" ? [String(value), value + 0.5, -value, 1e21] : [];
  const objects =
    value !== null && typeof value === "object" ? [{ ...value, constructor: "" }, [value]] : [];
  const all = [...texts, ...unpadded, ...numbers, ...objects];
  return [...all, 7.5, true, null, "", "00".repeat(32), [], {}, MISSING].filter(
    (other) => JSON.stringify(other) !== JSON.stringify(value),
  );
}
const MISSING = undefined;

type Path = readonly (string | number)[];

/** The path to each value; of a list its first and its last item. */
function pathsIn(value: unknown, path: Path = []): readonly Path[] {
  if (value === null || typeof value !== "object") return [path];
  const names = Array.isArray(value)
    ? [...new Set([0, value.length - 1])].filter((at) => at >= 0)
    : Object.keys(value);
  const inner = names.flatMap((name) => pathsIn((value as Line)[name], [...path, name]));
  return path.length === 0 ? inner : [path, ...inner];
}

function withValue<Whole>(whole: Whole, path: Path, value: unknown): Whole {
  const copy = structuredClone(whole);
  const last = path.at(-1) as string;
  const holder = path
    .slice(0, -1)
    .reduce((at, name) => (at as Line)[name] as object, copy as object);
  if (value === MISSING && !Array.isArray(holder)) delete (holder as Line)[last];
  else (holder as Line)[last] = value ?? null;
  return copy;
}

const valueAt = (whole: object, path: Path): unknown =>
  path.reduce((at, name) => (at as Line)[name] as object, whole);

/** The RFC 8785 form, of numbers too. */
function canonical(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical((value as Line)[name])}`).join(",")}}`;
}

async function sealed(altered: Proof): Promise<string> {
  const { signature: _, ...said } = altered as Proof & { signature?: string };
  const signature = await sign(`counterfoil/balance-proof/v1\n${canonical(said)}`);
  return canonical({ ...said, signature });
}

const resealed = (altered: Proof): Promise<string> =>
  reseal(structuredClone(altered), sign).catch(() => sealed(altered));

type Found = readonly [code: number, first: string | undefined];
const RAW =
  /Error|undefined|not a function|NoneType|not iterable|unexpected token|as docs\/stream-format/i;

/** Where the checkers differ, or print what only a programmer understands. */
async function differences(file: string, text: string, where: string): Promise<readonly string[]> {
  const path = its.file(file, text);
  const args = [path, "--key", key];
  const [byNode, byPython] = await Promise.all([checkByNode(args), python.check(args)]);
  if (page !== null) expect([where, await page.check(args)]).toEqual([where, byNode]);
  const [a, b] = [byNode, byPython].map(([code, [first]]) => [code, first] as Found);
  const isSame = JSON.stringify(a) === JSON.stringify(b) && !RAW.test(String(a?.[1]));
  return isSame ? [] : [`${where}: ${JSON.stringify(a)}, ${JSON.stringify(b)}`];
}

describeBoth("both checkers say the same", () => {
  test("of what was not altered", async () => {
    expect(await differences("proof.json", proof, "proof")).toEqual([]);
    expect(await differences("export.jsonl", textOf(lines), "export")).toEqual([]);
    const [code] = await checkByNode([its.file("proof.json", proof), "--key", key]);
    expect(code).toBe(0);
    expect(await checkByNode([its.file("export.jsonl", textOf(lines)), "--key", key])).toEqual([
      0,
      expect.anything(),
    ]);
  });

  test("of a proof with any other value", async () => {
    const whole: Proof = JSON.parse(proof);
    const found: string[] = [];
    for (const path of pathsIn(whole)) {
      for (const other of othersOf(valueAt(whole, path))) {
        const altered = withValue(whole, path, other);
        const where = `${path.join(".")} = ${JSON.stringify(other)}`;
        const isHead = path[0] === "head" && path.length > 1 && path[1] !== "signature";
        if (isHead) {
          const given = altered.head.public_key ?? key;
          altered.head = await signHead(altered.head, given, sign).catch(() => altered.head);
        }
        const isOwn = ["head", "map", "tree", "consistency"].includes(String(path[0]));
        const text = path[0] === "signature" ? canonical(altered) : await sealed(altered);
        found.push(...(await differences("altered.json", text, where)));
        if (isOwn) continue;
        found.push(
          ...(await differences("altered.json", await resealed(altered), `${where}, made to fit`)),
        );
      }
    }
    expect(found).toEqual([]);
  });

  test("of a proof whose events state anything else", async () => {
    const whole: Proof = JSON.parse(proof);
    const found: string[] = [];
    const types = new Set<string>();
    for (const [at, event] of whole.events.entries()) {
      if (types.has(String(event.type))) continue;
      types.add(String(event.type));
      const data = JSON.parse(String(event.data));
      for (const path of pathsIn(data)) {
        for (const other of othersOf(valueAt(data, path))) {
          const altered = withValue(
            whole,
            ["events", at, "data"],
            JSON.stringify(withValue(data, path, other)),
          );
          const where = `${event.type}: ${path.join(".")} = ${JSON.stringify(other)}`;
          found.push(...(await differences("altered.json", await resealed(altered), where)));
        }
      }
      for (const other of ["", "{", "[]", "7", "null", '{"a":NaN}', "[".repeat(20_000)]) {
        const altered = withValue(whole, ["events", at, "data"], other);
        const where = `${event.type}: ${other.slice(0, 9)}`;
        found.push(...(await differences("altered.json", await resealed(altered), where)));
      }
    }
    expect([...types].sort()).toEqual([
      ...["BalanceReported", "DeliveryReceived", "FactSeen", "FeedOpened", "MovementRecorded"],
    ]);
    expect(found).toEqual([]);
  });

  test("of a proof with other bytes of the provider", async () => {
    const whole: Proof = JSON.parse(proof);
    const [digest = "", base64] = Object.entries(whole.bodies).find(([, bytes]) => bytes) ?? [];
    const message = JSON.parse(Buffer.from(String(base64), "base64").toString());
    const found: string[] = [];
    const withBytes = (bytes: Buffer) => {
      const sha256 = hashing.sha256(bytes);
      const { [digest]: _, ...bodies } = whole.bodies;
      const events = whole.events.map((event) => ({
        ...event,
        data: String(event.data).replaceAll(digest, sha256),
      }));
      return resealed({
        ...whole,
        events,
        bodies: { ...bodies, [sha256]: bytes.toString("base64") },
      });
    };
    for (const path of pathsIn(message)) {
      for (const other of othersOf(valueAt(message, path))) {
        const bytes = Buffer.from(JSON.stringify(withValue(message, path, other)));
        const where = `bytes: ${path.join(".")} = ${JSON.stringify(other)}`;
        found.push(...(await differences("altered.json", await withBytes(bytes), where)));
      }
    }
    for (const bytes of [
      Buffer.of(0xff),
      Buffer.from("{"),
      Buffer.from("[]"),
      Buffer.from("null"),
    ]) {
      found.push(...(await differences("altered.json", await withBytes(bytes), String(bytes))));
    }
    expect(found).toEqual([]);
  });

  test("of an export with any other value", async () => {
    const found: string[] = [];
    const kinds = new Set<string>();
    for (const [at, line] of lines.entries()) {
      const kind = String(line.type ?? Object.keys(line)[0]);
      if (kinds.has(kind)) continue;
      kinds.add(kind);
      const data = typeof line.data === "string" ? JSON.parse(line.data) : {};
      const inData = pathsIn(data).flatMap((path) =>
        othersOf(valueAt(data, path)).map((other) => ({
          what: `data.${path.join(".")} = ${JSON.stringify(other)}`,
          altered: { ...line, data: JSON.stringify(withValue(data, path, other)) },
        })),
      );
      const inLine = pathsIn(line).flatMap((path) =>
        othersOf(valueAt(line, path)).map((other) => ({
          what: `${path.join(".")} = ${JSON.stringify(other)}`,
          altered: withValue(line, path, other),
        })),
      );
      const all = [...inLine, ...(line.data === undefined ? [] : inData)];
      // Every second one, unless there is more time.
      const tried = all.filter((_, number) => EFFORT > 1 || number % 2 === 0);
      for (const { what, altered } of tried) {
        const other = lines.with(at, altered);
        const text = await resealExport(other, { key, sign }).catch(() => textOf(other));
        found.push(...(await differences("altered.jsonl", text, `${kind}: ${what}`)));
      }
    }
    expect(kinds.size).toBeGreaterThan(8);
    expect(found).toEqual([]);
  });

  test("of what is nested deeply, up to where none of them reads it", async () => {
    const whole: Proof = JSON.parse(proof);
    const found: string[] = [];
    const spare = startPage();
    for (const [depth, code] of [
      [1000, 0],
      [1001, 1],
      [2000, 1],
      [4000, 1],
      [100_000, 1],
    ] as const) {
      // Brackets in a text are none.
      const value = `["${"[".repeat(2000)}\\"",${"[".repeat(depth - 2)}${"]".repeat(depth - 2)}]`;
      const at = whole.events.findIndex(({ type }) => type === "DeliveryReceived");
      const data = String(whole.events[at]?.data).replace("{", `{"spare":${value},`);
      const nested = await resealed(withValue(whole, ["events", at, "data"], data));
      const end = lines.map((line) => ("end" in line ? { ...line, head: "HEAD" } : line));
      const exported = textOf(end).replace('"HEAD"', value);
      for (const [file, text] of [
        ["nested.json", nested],
        ["nested.jsonl", exported],
      ] as const) {
        found.push(...(await differences(file, text, `${file}, ${depth}`)));
        const args = [its.file(file, text), "--key", key];
        const byNode = await checkByNode(args);
        if (file === "nested.json") expect([depth, byNode[0]]).toEqual([depth, code]);
        if (hasChromium) expect([depth, await spare.check(args)]).toEqual([depth, byNode]);
      }
    }
    await spare.end();
    expect(found).toEqual([]);
  });

  test("of files that are none", async () => {
    const text = textOf(lines);
    const files = {
      empty: "",
      list: "[]",
      null: "null",
      deep: "[".repeat(200_000),
      bom: `\ufeff${proof}`,
      newline: `${proof}\n`,
      twice: proof.replace("{", '{"account":"x",'),
      pretty: JSON.stringify(JSON.parse(proof), null, 1),
      number: proof.replace('"map"', '"map ":1e0,"map"'),
      cut: text.slice(0, -1),
      behind: `${text}{}\n`,
      header: `${text.split("\n")[0]}\n`,
      spaces: text.replace('"events":', '"events": '),
      returns: text.replaceAll("\n", "\r\n"),
    };
    const found: string[] = [];
    for (const [name, each] of Object.entries(files))
      found.push(...(await differences("f", each, name)));
    for (const each of [proof, text]) {
      const bytes = Buffer.from(each);
      bytes[bytes.length - 40] = 0xff;
      found.push(...(await differences("f", bytes as never, "no UTF-8")));
    }
    expect(found).toEqual([]);
  });

  test("in the same words: each reason of the one is one of the other", () => {
    const reasonsIn = (name: string, literals: RegExp, values: RegExp) => {
      const source = readFileSync(join(ROOT, "packages/proof-check", name), "utf8");
      const texts = [...source.matchAll(literals)].map(([, , text = ""]) => text);
      const reasons = texts.filter((text) =>
        /^(form|inclusion|left out|map|consistency|head|seal|bytes|arithmetic|order): /.test(text),
      );
      return [...new Set(reasons.map((text) => text.replace(values, "…")))].sort();
    };
    const byNode = reasonsIn("check.mjs", /(["`])((?:(?!\1)[^\n])*)\1/g, /\$\{[^}]*\}/g);
    const byPython = reasonsIn("check.py", /(")((?:[^"\\\n])*)"/g, /\{[^}]*\}/g);
    expect(byNode.length).toBeGreaterThan(40);
    expect(byPython).toEqual(byNode);
  });
});
