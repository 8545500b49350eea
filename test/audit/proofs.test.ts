import { generateKeyPairSync, sign as signBytes } from "node:crypto";
import { dirname } from "node:path";
import { nodeBase64 } from "@counterfoil/adapters/node/runtime";
import { keyOf } from "@counterfoil/core/audit/subject-map";
import { foldAccount, NotProvable } from "@counterfoil/processing/audit/account-facts";
import { SUBJECT_EVENTS } from "@counterfoil/processing/audit/audit-index";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import type { Delivery } from "@counterfoil/processing/ports/ingest";
import { createRandom } from "@counterfoil/simulator/random";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { playFlow } from "../engines/flow.ts";
import {
  ACCOUNT_ID,
  balanceBody,
  delivery,
  playScenario,
  snapshotBody,
  take,
} from "../system/messages.ts";
import { hashing, openTestLedger, runs, type TestLedger } from "../system/support.ts";
import { startCheckers } from "./checkers.ts";
import { type Proof, reseal, seal } from "./forger.ts";
import { auditor, proofOf } from "./proofs.ts";

/** After everything that the pages print. */
const TODAY = 1_790_000_000_000_000_000n;

let ledger: TestLedger;
let one: ReturnType<typeof auditor>;
let key: string;
let text: string;
const checkers = startCheckers();

beforeAll(async () => {
  ledger = await openTestLedger();
  ledger.clock.set(TODAY);
  // The documented withdrawal of 0.1 of 0.45 BTC, with a confirmation that is dated a week early.
  await playScenario(ledger, "balances-feed-use-cases");
  await ledger.catchUp();
  one = auditor(ledger);
  key = await one.signer.publicKey();
  text = (await one.prove(ACCOUNT_ID)).text;
});

afterAll(async () => {
  await ledger.close();
  one.end();
  await checkers.end();
});

const parsed = (): Proof => JSON.parse(text);
const sign = (said: string) => one.signer.sign(said);

describe.each(checkers.all)("%s", (name, check) => {
  const isPage = name === "check.html";
  const checked = (proof: string, ...args: readonly string[]) =>
    check([one.file("proof.json", proof), ...args]);

  test("the documented withdrawal's balance holds, against a key or a head", async () => {
    expect(parsed().balance).toBe("0.35");
    const head = one.file("head.json", JSON.stringify(parsed().head, null, 2));
    for (const args of [
      ["--key", key],
      ["--head", head],
      ...(isPage ? [] : [["--head", head, "--key", key]]),
    ]) {
      const [code, lines] = await checked(text, ...args);
      expect([code, lines[0]]).toEqual([0, "it holds"]);
      expect(lines.join()).toContain(`${ACCOUNT_ID} holds 0.35 after position`);
    }
  });

  test("without a key or a head nobody says who signed it", async () => {
    const [code, lines] = await checked(text);
    expect([code, lines[0]]).toEqual([3, "consistent, signer not checked"]);
  });

  test("against another key, another ledger's head, an altered one", async () => {
    const [code, lines] = await checked(text, "--key", "ab".repeat(32));
    expect([code, lines.join()]).toEqual([1, expect.stringContaining("none of those")]);
    const other = parsed().head;
    other.genesis = "0".repeat(64);
    const { signature: _, ...said } = other;
    const { signedText } = await import("@counterfoil/core/audit/tree-head");
    other.signature = await sign(signedText(said as never));
    const file = one.file("other.json", JSON.stringify(other));
    expect((await checked(text, "--head", file))[1].join()).toContain("is of another ledger");
    other.root = "0".repeat(64);
    const broken = one.file("broken.json", JSON.stringify(other));
    expect((await checked(text, "--head", broken))[0]).toBe(2);
  });

  test("fails wherever it is altered: bits, bytes, values", async () => {
    const random = createRandom("alterations");
    const missed: string[] = [];
    for (let run = 0; run < runs(isPage ? 40 : 1000); run += 1) {
      const altered = ALTERATIONS[run % ALTERATIONS.length]?.(random) ?? text;
      if (Buffer.from(altered).equals(Buffer.from(text))) continue;
      const file = one.file("altered.json", altered as string);
      const [code] = await check([file, "--key", key]);
      if (code !== 1) missed.push(`${run}: ${code}`);
    }
    expect(missed).toEqual([]);
  });

  test.each(Object.entries(FORGERIES()))(
    "%s, and sealed again by whoever has the key: it fails with that reason",
    async (_what, [forge, reason]) => {
      const [code, lines] = await checked(await forge(parsed()), "--key", key);
      expect([code, lines.join()]).toEqual([1, expect.stringMatching(reason)]);
    },
  );

  test("what is sealed again without an alteration holds", async () => {
    expect((await checked(await reseal(parsed(), sign), "--key", key))[0]).toBe(0);
  });

  test("providers' signatures are checked where their key is given", async () => {
    const [proof, { rsa, ec }] = [signedProofs, providerKeys];
    const args = ["--key", await signedAuditor.signer.publicKey()];
    const file = one.file("signed.json", proof);
    const without = await check([file, ...args]);
    expect([without[0], without[1].join()]).toEqual([
      0,
      expect.stringContaining("2 of the provider's signatures were not checked"),
    ]);
    expect(without[1].join()).toContain(
      "1 delivery has an HMAC signature: vouched for by the operator only",
    );
    if (isPage) return;
    const [pem, der] = [one.file("rsa.pem", rsa.pem), one.file("ec.txt", ec.base64)];
    const checkedAll = await check([file, ...args, "--key", pem, "--key", der]);
    expect([checkedAll[0], checkedAll[1].join()]).toEqual([
      0,
      expect.stringContaining("2 of the provider's signatures hold"),
    ]);
    const bad = await check([one.file("bad.json", badlySigned), ...args, "--key", pem]);
    expect([bad[0], bad[1].join()]).toEqual([
      1,
      expect.stringContaining("the provider's signature"),
    ]);
  });
});

test.each(checkers.scripts)("%s: a wrong command line", async (_name, check) => {
  expect((await check([]))[0]).toBe(2);
  expect((await check(["nowhere.json"]))[0]).toBe(2);
  expect((await check([dirname(one.file("proof.json", text))]))[0]).toBe(2);
  expect((await check([one.file("proof.json", text), "--what"]))[0]).toBe(2);
});

type Alteration = (random: ReturnType<typeof createRandom>) => string | Buffer;

const ALTERATIONS: readonly Alteration[] = [
  // A bit.
  (random) => {
    const bytes = Buffer.from(text);
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
    return bytes;
  },
  // A byte.
  (random) => {
    const at = random.below(text.length);
    return text.slice(0, at) + random.pick([...'0aZ "{,']) + text.slice(at + 1);
  },
  // One that is left out, or said twice.
  (random) => {
    const at = random.below(text.length);
    return random.chance(0.5)
      ? text.slice(0, at) + text.slice(at + 1)
      : text.slice(0, at) + text[at] + text.slice(at);
  },
  // A value, in the form that it has to have.
  (random) => canonicalWith(JSON.parse(text), random),
];

function canonicalWith(proof: unknown, random: ReturnType<typeof createRandom>): string {
  let at = proof as Record<string, unknown>;
  for (;;) {
    const name = random.pick(Object.keys(at));
    const value = at[name];
    if (typeof value === "object" && value !== null && Object.keys(value).length > 0) {
      if (random.chance(0.9)) {
        at = value as Record<string, unknown>;
        continue;
      }
      if (Array.isArray(value)) value.splice(random.below(value.length), 1);
      else delete (value as Record<string, unknown>)[random.pick(Object.keys(value))];
      return JSON.stringify(proof);
    }
    at[name] = random.pick(
      [null, "0", "1", `${value}0`, String(value).slice(1)].filter((each) => each !== value),
    );
    return JSON.stringify(proof);
  }
}

type Forge = (proof: Proof) => Promise<string>;

/** Each alters one thing; everything else is made to fit again. */
function FORGERIES(): Readonly<Record<string, readonly [Forge, RegExp]>> {
  const alterData = (proof: Proof, type: string, from: RegExp, to: string) => {
    const event = proof.events.findLast(
      (each) => each.type === type && from.test(String(each.data)),
    );
    if (event === undefined) throw new Error(`no ${type}`);
    event.data = String(event.data).replace(from, to);
  };
  return {
    "the balance": [
      (proof) => {
        proof.balance = "1.35";
        return reseal(proof, sign);
      },
      /arithmetic: the balance is 0.35/,
    ],
    "the arithmetic of an entry": [
      (proof) => {
        (proof.entries[1] as Record<string, string>).after = "7";
        return reseal(proof, sign);
      },
      /arithmetic: (after of )?run:/,
    ],
    "the order, against both clocks": [
      (proof) => {
        return reseal(swapped(proof), sign);
      },
      /order: |arithmetic: /,
    ],
    "a fact against its bytes": [
      (proof) => {
        alterData(proof, "BalanceReported", /"balance":"0\.35"/, '"balance":"9.35"');
        return reseal(proof, sign);
      },
      /bytes: the fact at position \d+ is not what the provider's bytes say/,
    ],
    "the bytes": [
      (proof) => {
        const [digest = ""] = Object.keys(proof.bodies);
        proof.bodies[digest] = Buffer.from("{}").toString("base64");
        return reseal(proof, sign);
      },
      /bytes: those of/,
    ],
    "a left out fact": [
      (proof) => {
        const at = proof.events.findIndex(({ type }) => type === "MovementRecorded");
        proof.events.splice(at, 1);
        return reseal(proof, sign, "map");
      },
      /left out: the map says/,
    ],
    "a left out fact, also of the map": [
      (proof) => {
        const at = proof.events.findIndex(({ type }) => type === "MovementRecorded");
        proof.events.splice(at, 1);
        return reseal(proof, sign);
      },
      /left out: movement/,
    ],
    "a left out report, whose movement stays": [
      (proof) => {
        const at = proof.events.findLastIndex(({ type }) => type === "BalanceReported");
        proof.events.splice(at, 1);
        return reseal(proof, sign);
      },
      /left out: the balance/,
    ],
    "a left out delivery": [
      (proof) => {
        const at = proof.events.findIndex(({ type }) => type === "DeliveryReceived");
        proof.events.splice(at, 1);
        return reseal(proof, sign);
      },
      /left out: the delivery/,
    ],
    "a leaf": [
      (proof) => {
        const event = proof.events.find(({ type }) => type === "DeliveryReceived");
        if (event !== undefined) event.before = "0".repeat(64);
        return reseal(proof, sign, "tree");
      },
      /inclusion: the events do not lie under/,
    ],
    "an inclusion path": [
      (proof) => {
        proof.tree[0] = "0".repeat(64);
        return reseal(proof, sign, "tree");
      },
      /inclusion: the events do not lie under/,
    ],
    "the map": [
      (proof) => {
        proof.map.siblings[0] = "1".repeat(64);
        return reseal(proof, sign, "map");
      },
      /map: the account's entry does not lie/,
    ],
    "the map's digest": [
      (proof) => {
        proof.map.digest = "1".repeat(64);
        return reseal(proof, sign, "map");
      },
      /map: its digest/,
    ],
    "the head": [
      (proof) => {
        proof.head.signed_at = "2020-01-01T00:00:00Z";
        return seal(proof, sign);
      },
      /head: its signature does not hold/,
    ],
    "the seal": [
      async (proof) => {
        const sealed = JSON.parse(await seal(proof, sign));
        sealed.rules.version = "1";
        return JSON.stringify(sealed);
      },
      /seal: the proof's own signature/,
    ],
  };
}

/** Two entries that both clocks order change places, with the arithmetic that this makes. */
function swapped(proof: Proof): Proof {
  const [first, second] = proof.entries.slice(-2);
  if (first === undefined || second === undefined) throw new Error("too few entries");
  proof.entries.splice(-2, 2, second, first);
  return proof;
}

describe("every proof of a ledger with amendments, gaps and snapshots", () => {
  test("holds by both checkers, in the same words", async () => {
    const flow = await playFlow({ order: 1, together: 1 });
    const its = auditor(flow);
    const its_key = await its.signer.publicKey();
    const failed: unknown[] = [];
    for (const { id, balance } of await flow.rows("balances", ACCOUNTS)) {
      const proof = await its.prove(String(id));
      expect([id, proof.balance]).toEqual([id, balance]);
      const file = its.file("proof.json", proof.text);
      const found = await checkers.askAll([file, "--key", its_key]);
      const isGood = found.every((each) => each[0] === 0 && String(each) === String(found[0]));
      if (!isGood) failed.push([id, found]);
    }
    expect(failed).toEqual([]);
    its.end();
    await flow.close();
  });
});

test("an account is folded to the same where its rows had to be stored in between", async () => {
  const flow = await playFlow({ order: 1, together: 1 });
  const events = await flow.events();
  const completed = events.filter(({ type }) => type === "SnapshotCompleted");
  expect(completed).not.toEqual([]);
  const options = { catalogue: flow.catalogue, hashing };
  for (const { id } of await flow.rows("balances", ACCOUNTS)) {
    const own = events.filter(({ subject, type }) => subject === id || type === "FeedOpened");
    const held = await foldAccount(options, String(id), [own]);
    // With each of them the model commits, and reads what it has.
    const all = [...own, ...completed].toSorted((a, b) => a.position - b.position);
    expect(await foldAccount(options, String(id), [all])).toEqual(held);
    expect(held?.entries).not.toEqual([]);
  }
  await flow.close();
});

test("of an account with too many events for one file none is made", async () => {
  const proving = proofOf(
    { ...one.options, base64: nodeBase64, eventsMax: 7 },
    { account: ACCOUNT_ID, at: null, since: [] },
  );
  await expect(proving).rejects.toThrow(NotProvable);
  await expect(proving).rejects.toThrow(/more than 7 events.*--at.*export/);
});

test("of a snapshot whose feed has no FeedOpened none is made: checkers refuse it", async () => {
  const own = await openTestLedger();
  own.clock.set(TODAY);
  const place = { connection: "never-opened", frame: 1 };
  await take(own, { body: snapshotBody([{ balance: "7" }]), place });
  const its = auditor(own);
  await expect(its.prove(ACCOUNT_ID)).rejects.toThrow(NotProvable);
  await expect(its.prove(ACCOUNT_ID)).rejects.toThrow(/feed never-opened has .* no FeedOpened/);
  await own.close();
  its.end();
});

test("where the index lacks an event of the account none is made", async () => {
  const own = await openTestLedger();
  own.clock.set(TODAY);
  await playScenario(own, "balances-feed-use-cases");
  const its = auditor(own);
  await its.prove(ACCOUNT_ID);
  const index = await own.catalogue.openForWriting("audit", 1);
  const where = [{ column: "key", is: "=", value: keyOf(ACCOUNT_ID, hashing) }] as const;
  const [row] = await index.select(SUBJECT_EVENTS, {
    where,
    orderBy: SUBJECT_EVENTS.key,
    limit: 1,
  });
  const keys = [SUBJECT_EVENTS.key.map((column) => row?.[column] ?? null)];
  const checkpoint = await index.checkpoint();
  const deletes = [{ table: SUBJECT_EVENTS, keys }];
  await index.commit({ inserts: [], puts: [], deletes, checkpoint });
  await index.close();
  await expect(its.prove(ACCOUNT_ID)).rejects.toThrow(/lists 7 events of .* its map counts 8/);
  await own.close();
  its.end();
});

describe("an account that has no entry of a run", () => {
  test.each(checkers.all)(
    "%s: only snapshots state it, and the last leaves it out",
    async (_, check) => {
      const own = await openTestLedger();
      own.clock.set(TODAY);
      const snapshot = async (connection: string, labels: readonly string[]) => {
        const openedAt = own.clock.now();
        await own.feedOpened({ provider: "zerohash", connection, multi_chain: true, openedAt });
        own.clock.set(own.clock.now() + 1_000_000_000n);
        const balances = labels.map((account_label) => ({ account_label, balance: "7" }));
        await take(own, { body: snapshotBody(balances), place: { connection, frame: 1 } });
        await own.snapshotCompleted(connection, 1);
        own.clock.set(own.clock.now() + 1_000_000_000n);
      };
      await snapshot("first", ["general", "other"]);
      await snapshot("second", ["general"]);
      await own.catchUp();
      const rows = await own.rows("balances", ACCOUNTS);
      expect(rows.map(({ balance, unlisted }) => [balance, unlisted]).sort()).toEqual([
        ["7", 0],
        ["7", 1],
      ]);
      const its = auditor(own);
      for (const { id } of rows) {
        const proof = await its.prove(String(id));
        expect(proof.balance).toBe("7");
        const file = its.file("proof.json", proof.text);
        const [code, lines] = await check([file, "--key", await its.signer.publicKey()]);
        expect([code, lines.join()]).toEqual([0, expect.stringContaining(`${id} holds 7`)]);
      }
      its.end();
      await own.close();
    },
  );
});

let signedProofs: string;
let badlySigned: string;
let signedAuditor: ReturnType<typeof auditor>;
const providerKeys = makeProviderKeys();

function makeProviderKeys() {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ec = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const spki = (pair: typeof rsa) => pair.publicKey.export({ type: "spki", format: "der" });
  return {
    rsa: {
      ...rsa,
      id: hashing.sha256(spki(rsa)),
      pem: String(rsa.publicKey.export({ type: "spki", format: "pem" })),
    },
    ec: { ...ec, id: hashing.sha256(spki(ec)), base64: spki(ec).toString("base64") },
  };
}

/** Deliveries with evidence of each kind, as the ingestor keeps it. */
beforeAll(async () => {
  const { rsa, ec } = providerKeys;
  const at = Number(TODAY / 1_000_000n);
  const signed = (run: number, make: (bytes: Uint8Array) => unknown): Delivery => {
    const body = balanceBody({ run, change: "1", balance: String(run), at: at + run * 60_000 });
    const given = delivery({ body, receivedAt: TODAY + BigInt(run) * 60_000_000_000n });
    const evidence = make(given.bytes) as NonNullable<Delivery["verdict"]["evidence"]>;
    return { ...given, verdict: { signature: "valid", evidence } };
  };
  const rsaOver = (bytes: Uint8Array) =>
    signBytes("sha256", Buffer.concat([bytes, Buffer.from("12345")]), {
      key: rsa.privateKey,
      padding: 6,
      saltLength: 32,
    });
  const time = { header: "x-zh-hook-timestamp", value: "12345" };
  const rsaEvidence = (value: string) => [
    time,
    { header: "x-zh-hook-rsa-signature", value, scheme: "rsa_pss", key_id: rsa.id },
  ];
  const proofBy = async (deliveries: readonly Delivery[]) => {
    const other = await openTestLedger();
    other.clock.set(TODAY);
    for (const each of deliveries) await other.submit(each);
    await other.catchUp();
    signedAuditor ??= auditor(other);
    const proving = { ...auditor(other), signer: signedAuditor.signer };
    const { nodeBase64 } = await import("@counterfoil/adapters/node/runtime");
    const options = { ...proving.options, signer: signedAuditor.signer, base64: nodeBase64 };
    return (await proofOf(options, { account: ACCOUNT_ID, at: null, since: [] })).text;
  };
  signedProofs = await proofBy([
    signed(1, (bytes) => rsaEvidence(rsaOver(bytes).toString("hex"))),
    signed(2, (bytes) => [
      {
        header: "x-signature",
        value: signBytes("sha256", bytes, ec.privateKey).toString("base64"),
        scheme: "ecdsa_secp256k1",
        key_id: ec.id,
      },
    ]),
    signed(3, () => [
      { header: "x-zh-hook-signature", value: "00", scheme: "hmac", key_id: "00".repeat(32) },
    ]),
  ]);
  badlySigned = await proofBy([
    signed(1, () => rsaEvidence(rsaOver(Buffer.from("other")).toString("hex"))),
  ]);
});
