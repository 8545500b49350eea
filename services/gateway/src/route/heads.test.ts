import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHeadKeyFile, verifyEd25519 } from "@counterfoil/adapters/node/keys";
import { isConsistent, isIncluded } from "@counterfoil/core/audit/testing/verify-proof";
import { readTreeHead, signedText } from "@counterfoil/core/audit/tree-head";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createTestGateway, type TestGateway, testHeads } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let folder: string;
let ledger: TestLedger;
let gateway: TestGateway;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "counterfoil-heads-"));
  ledger = await createTestLedger();
  gateway = await createTestGateway(ledger, {
    heads: testHeads(ledger, join(folder, "head.key")),
  });
});

afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true });
});

const keyIn = (file: string) => createHeadKeyFile(file).existingKey;

const refusalOf = async (url: string) => {
  const { status, body } = await gateway.get(url);
  return [status, body.code];
};

describe("signed heads over HTTP", () => {
  test("none is there before the first is asked for", async () => {
    expect((await gateway.get("/v1/heads")).body).toMatchObject({ data: [], next_cursor: null });
  });

  test("are answered as the document that is signed, and listed", async () => {
    const { status, raw, body: first } = await gateway.get("/v1/head");
    expect([status, readTreeHead(raw.toString())]).toEqual([200, { ok: true, signed: first }]);
    expect(verifyEd25519(first.public_key, signedText(first), first.signature)).toBe(true);
    await ledger.play("layer1-deposit");
    const { body: second } = await gateway.get("/v1/head");
    const { position } = await ledger.stream.head();
    expect(second).toMatchObject({ position: String(position), genesis: first.genesis });
    const listed = await gateway.get("/v1/heads");
    expect(listed.body).toEqual({
      data: [first, second],
      position: String(position),
      next_cursor: null,
    });
    const { body: page } = await gateway.get("/v1/heads?limit=1");
    expect(page.data).toEqual([first]);
    const next = await gateway.get(`/v1/heads?limit=1&cursor=${page.next_cursor}`);
    expect(next.body.data).toEqual([second]);
    expect((await gateway.get(`/v1/heads?after=${first.position}`)).body.data).toEqual([second]);
  });

  test("prove an event and an earlier head", async () => {
    const { data: heads } = (await gateway.get("/v1/heads")).body;
    const [first, second] = heads;
    const size = Number(second.tree_size);
    const [event] = await ledger.stream.read({ after: 2, limit: 1 });
    const inclusion = (await gateway.get("/v1/proofs/inclusion?position=3")).body;
    expect(inclusion.data).toMatchObject({ hash: event?.hash, tree_size: second.tree_size });
    const { leaf, proof } = inclusion.data;
    expect(isIncluded({ index: 2, size, leaf, root: second.root, proof })).toBe(true);
    const from = Number(first.tree_size);
    const answer = await gateway.get(`/v1/proofs/consistency?from=${from}&to=${size}`);
    const roots = { fromRoot: first.root, toRoot: second.root };
    const claim = { from, to: size, ...roots, proof: answer.body.data.proof };
    expect(isConsistent(claim)).toBe(true);
  });

  test("refuse what cannot be", async () => {
    expect(await refusalOf("/v1/proofs/inclusion")).toEqual([400, "invalid_query"]);
    expect(await refusalOf("/v1/proofs/inclusion?position=0")).toEqual([400, "invalid_query"]);
    expect(await refusalOf("/v1/proofs/inclusion?position=9999")).toEqual([404, "not_found"]);
    expect(await refusalOf("/v1/proofs/inclusion?position=1&tree_size=9999")).toEqual([
      404,
      "not_found",
    ]);
    expect(await refusalOf("/v1/proofs/inclusion?position=3&tree_size=2")).toEqual([
      422,
      "unsupported_combination",
    ]);
    const { body } = await gateway.get("/v1/proofs/inclusion?position=3&tree_size=2");
    expect(body.detail).toBe(
      "a tree of size 2 holds positions 1 to 2, found position 3: name a head whose tree_size is 3 or more",
    );
    expect(await refusalOf("/v1/proofs/consistency?from=3&to=2")).toEqual([
      422,
      "unsupported_combination",
    ]);
    expect(await refusalOf("/v1/heads?cursor=x")).toEqual([400, "invalid_cursor"]);
  });
});

test("an unusable key file has its own problem code, and needs a person", async () => {
  const place = join(folder, "broken.key");
  writeFileSync(place, "no key");
  const { heads, headKey } = { heads: testHeads(ledger, place), headKey: keyIn(place) };
  const other = await createTestGateway(ledger, { heads, headKey });
  await ledger.play("balances-feed-use-cases");
  const { status, body, headers } = await other.get("/v1/head");
  expect([status, body.code]).toEqual([503, "head_key_unusable"]);
  expect(body.detail).toMatch(/COUNTERFOIL_HEAD_KEY_FILE/);
  expect(body.detail).not.toContain(folder);
  expect(headers["retry-after"]).toBe("1");
  const { needs_a_person } = (await other.get("/v1/status")).body.data;
  expect(needs_a_person).toContainEqual(
    expect.objectContaining({ what: expect.stringContaining("head") }),
  );
  rmSync(place);
  expect((await other.get("/v1/head")).status).toBe(200);
  expect(JSON.stringify((await other.get("/v1/status")).body)).not.toContain("no head can");
  await other.stop();
});

test("a platform's key gets neither heads nor proofs: they hold digests of what is others'", async () => {
  const urls = [
    ...["/v1/head", "/v1/heads"],
    ...["/v1/proofs/inclusion?position=1&tree_size=1", "/v1/proofs/consistency?from=1&to=1"],
  ];
  const scoped = await gateway.newKey({ platform: "PLAT01" });
  const whole = await gateway.newKey();
  for (const url of urls) {
    const refused = await gateway.send("GET", url, { headers: scoped.headers });
    expect([url, refused.status, refused.body.code]).toEqual([url, 404, "not_found"]);
    expect((await gateway.send("GET", url, { headers: whole.headers })).status).toBe(200);
  }
});
