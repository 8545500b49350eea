import { copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createHeadKeyFile } from "@counterfoil/adapters/node/keys";
import type { TreeHead } from "@counterfoil/contracts/audit";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { eraseBodies, findErasable } from "@counterfoil/processing/erasure";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { emptyStream, exportText, importText } from "../system/exports.ts";
import { ACCOUNT_ID, balanceBody, take } from "../system/messages.ts";
import { hashing, openTestLedger, type TestLedger } from "../system/support.ts";
import { startCheckers } from "./checkers.ts";
import { linesOf, type Proof, resealExport, seal, signHead, textOf } from "./forger.ts";
import { auditor } from "./proofs.ts";

const TODAY = 1_790_000_000_000_000_000n;

const checkers = startCheckers();

let ledger: TestLedger;
let its: ReturnType<typeof auditor>;
/** The key that signed until `rotation`, and the present one. */
let former: ReturnType<typeof createHeadKeyFile>;
let [formerKey, presentKey] = ["", ""];
/** Before the key was replaced; over the event that replaced it; over the whole ledger. */
let heads: readonly [TreeHead, TreeHead, TreeHead];
/** The export of the ledger at the first of them. */
let earlier: string;
let rotation: number;
let erasure: number;
/** What was erased by the last event. */
let digest: string;

const run = (number: number) =>
  balanceBody({
    ...{ run: number, change: "1", balance: String(number) },
    at: Number(TODAY / 1_000_000n) + number * 60_000,
  });
const position = async () => (await ledger.stream.head()).position;

beforeAll(async () => {
  ledger = await openTestLedger();
  ledger.clock.set(TODAY);
  its = auditor(ledger);
  const source = createHeads(its.options);
  const { deliveryId } = await take(ledger, { body: run(1) });
  await take(ledger, { body: run(2) });
  const first = await source.make();
  earlier = await exportText(ledger.stream, { head: first });
  const key = its.file("former.key", "");
  copyFileSync(join(dirname(key), "head.key"), key);
  former = createHeadKeyFile(key);
  await source.rotate();
  rotation = await position();
  const second = await source.make();
  await take(ledger, { body: run(3) });
  const found = await Array.fromAsync(findErasable({ ...ledger, hashing }, { deliveryId }));
  const by = { note: "request 4711", actor: "Ann" };
  await eraseBodies({ ...ledger, hashing, ...by }, found.flat());
  erasure = await position();
  const [event] = await ledger.events(["BodyErased"]);
  digest = JSON.parse(event?.data ?? "").sha256;
  await ledger.catchUp();
  heads = [first, second, await source.make()];
  [formerKey, presentKey] = [await former.publicKey(), await its.signer.publicKey()];
});

afterAll(async () => {
  await ledger.close();
  its.end();
  await checkers.end();
});

const fileOf = (head: object) => its.file("head.json", JSON.stringify(head));
const byFormerKey = (head: TreeHead) =>
  signHead(head, formerKey, async (said) => await former.sign(said));

/** Why an import is refused; null if it is not. */
const refusal = (text: string) =>
  importText(emptyStream(), text).then(
    () => null,
    (error: Error) => error.message,
  );

describe.each(checkers.all)("%s: an export", (_name, check) => {
  const checked = async (text: string, ...args: readonly string[]) => {
    const [code, lines] = await check([its.file("export.jsonl", text), ...args]);
    return [code, lines.join("\n")] as const;
  };
  const whole = (head = heads[2]) => exportText(ledger.stream, { head });

  test("of the whole ledger holds, with bytes that are said to be erased", async () => {
    const text = await whole();
    expect(text).toContain(`{"body":"${digest}","base64":null}`);
    for (const args of [
      ["--key", presentKey],
      ["--key", formerKey],
      ["--head", fileOf(heads[2])],
      ["--head", fileOf(heads[0])],
    ]) {
      const [code, said] = await checked(text, ...args);
      expect([code, said]).toEqual([0, expect.not.stringContaining("are not in this export")]);
    }
  });

  test.each([
    ["the first events", { from: 1 }],
    ["events in the middle", { from: 2 }],
  ])("of %s, whose bytes are erased behind it, says that it lacks them", async (_what, range) => {
    const to = erasure - 1;
    const [code, said] = await checked(await exportText(ledger.stream, { ...range, to }));
    expect([code, said]).toEqual([
      3,
      expect.stringContaining("1 body is not in this export; what erased them, if anything"),
    ]);
    const head = fileOf(heads[1]);
    const held = await checked(await exportText(ledger.stream, { ...range, to }), "--head", head);
    expect(held).toEqual([0, expect.stringContaining("1 body is not in this export")]);
  });

  test("of the last events may lack bytes that were erased before it", async () => {
    // The same bytes as an erased delivery's, under another type.
    const other = await openTestLedger();
    const { deliveryId } = await take(other, { body: {}, payloadType: "unknown" });
    const found = await Array.fromAsync(findErasable({ ...other, hashing }, { deliveryId }));
    await eraseBodies({ ...other, hashing, note: "n", actor: "Ann" }, found.flat());
    const from = (await other.stream.head()).position + 1;
    await take(other, { body: {}, payloadType: "unheard" });
    const [code, said] = await checked(await exportText(other.stream, { from }));
    expect([code, said]).toEqual([3, expect.stringContaining("1 body is not in this export")]);
    await other.close();
  });

  test("up to a head may lack no bytes that nothing erased", async () => {
    const lines = linesOf(await whole());
    const at = lines.findLastIndex(({ base64 }) => typeof base64 === "string");
    const body = { ...lines[at], base64: null };
    const text = await resealExport(lines.with(at, body), {
      key: presentKey,
      sign: async (said) => await its.signer.sign(said),
    });
    const [code, said] = await checked(text, "--key", presentKey);
    expect(code).toBe(1);
    expect(said).toMatch(
      new RegExp(`^it does not hold: line ${at + 1}, .* nothing says that they were erased: if`),
    );
  });

  test("with a head of a key that was replaced is refused, whoever brings it", async () => {
    const end = erasure;
    const why = `head: the one over ${end} is signed by a key that was replaced at position ${rotation}: ask for one of the present key`;
    const forged = await byFormerKey(heads[2]);
    const refused = [1, `it does not hold: ${why}`];
    expect(await checked(await whole(), "--head", fileOf(forged))).toEqual(refused);
    for (const key of [formerKey, presentKey]) {
      expect(await checked(await whole(forged), "--key", key)).toEqual(refused);
    }
    // At the very event that replaces it, too.
    const at = await byFormerKey(heads[1]);
    const upTo = await exportText(ledger.stream, { from: 4, to: rotation, head: at });
    const [code, said] = await checked(upTo, "--key", formerKey);
    expect([code, said]).toEqual([1, expect.stringContaining(`at position ${rotation}: ask for`)]);
  });

  test("keeps its keys where only one of the two signed that another follows", async () => {
    const lines = linesOf(await whole());
    const at = lines.findIndex(({ type }) => type === "HeadKeyRotated");
    const data = JSON.parse(String(lines[at]?.data));
    const forged = JSON.stringify({ ...data, old_signature: data.new_signature });
    const sign = async (said: string) => await former.sign(said);
    const text = await resealExport(lines.with(at, { ...lines[at], data: forged }), {
      ...{ key: formerKey, sign },
    });
    expect((await checked(text, "--key", formerKey))[0]).toBe(0);
  });
});

describe.each(checkers.all)("%s: a proof", (_name, check) => {
  const checked = async (text: string, ...args: readonly string[]) => {
    const [code, lines] = await check([its.file("proof.json", text), ...args]);
    return [code, lines[0]] as const;
  };

  test("is refused with a head of a key that it shows to be replaced", async () => {
    const { text } = await its.prove(ACCOUNT_ID);
    const why = (at: number) =>
      `it does not hold: head: the one over ${at} is signed by a key that was replaced at position ${rotation}: ask for one of the present key`;
    const forged = await byFormerKey(heads[2]);
    expect(await checked(text, "--head", fileOf(forged))).toEqual([1, why(erasure)]);
    const at = await byFormerKey(heads[1]);
    expect(await checked(text, "--head", fileOf(at))).toEqual([1, why(rotation)]);
    for (const head of heads) expect((await checked(text, "--head", fileOf(head)))[0]).toBe(0);
    const own: Proof = { ...JSON.parse(text), head: forged };
    const sealed = await seal(own, async (said) => await its.signer.sign(said));
    for (const key of [formerKey, presentKey]) {
      expect(await checked(sealed, "--key", key)).toEqual([1, why(erasure)]);
    }
  });

  test("is refused if a key that it shows to be replaced has sealed it", async () => {
    const { text } = await its.prove(ACCOUNT_ID);
    const own: Proof = { ...JSON.parse(text), public_key: formerKey };
    const sealed = await seal(own, async (said) => await former.sign(said));
    expect(await checked(sealed, "--key", formerKey)).toEqual([
      1,
      `it does not hold: seal: the proof is signed by a key that was replaced at position ${rotation}: ask for one of the present key`,
    ]);
  });
});

describe("an import", () => {
  test("refuses bytes that are missing and that nothing erased, with their line", async () => {
    const text = await exportText(ledger.stream, { head: heads[2] });
    expect(await refusal(text)).toBeNull();
    const lines = linesOf(text);
    const at = lines.findIndex(({ base64 }) => typeof base64 === "string");
    const { bodies, ...end } = lines.at(-1) ?? {};
    const less = { end: end.end, events: end.events, bodies: Number(bodies) - 1 };
    const altered = lines.with(at, { ...lines[at], base64: null }).with(-1, { ...less, ...end });
    expect(await refusal(textOf(altered))).toMatch(
      new RegExp(`^line ${at + 1}: the bytes of the body [0-9a-f]{64} are missing, and nothing`),
    );
  });

  test("refuses a head of a key that was replaced, and accepts one from before that", async () => {
    const forged = await exportText(ledger.stream, { head: await byFormerKey(heads[2]) });
    const count = linesOf(forged).length;
    expect(await refusal(forged)).toMatch(
      new RegExp(`^line ${count}: .* by a key that was replaced at position ${rotation}`),
    );
    expect(await refusal(earlier)).toBeNull();
  });
});
