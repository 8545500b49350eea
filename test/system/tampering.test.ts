import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createHeadKeyFile } from "@counterfoil/adapters/node/keys";
import { openEventStream } from "@counterfoil/adapters/sqlite/event-stream";
import { checkStreamFile } from "@counterfoil/adapters/sqlite/stream-file";
import type { TreeHead } from "@counterfoil/contracts/audit";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { verifyHeads } from "@counterfoil/processing/audit/signed-trees";
import { type Finding, verifyStream } from "@counterfoil/processing/generations/verify";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { createMemoryRoleLocks } from "@counterfoil/processing/testing/memory-role-locks";
import { createRandom, type Random } from "@counterfoil/simulator/random";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Check, checkByNode, hasPython, startPython } from "../audit/proofs.ts";
import { planOf } from "./arbitraries.ts";
import { exportText } from "./exports.ts";
import { hashing, LEDGER, openTestLedger, patience, runs, type TestLedger } from "./support.ts";

const WORLD = {
  participants: 2,
  flows: 8,
  meanGapMs: 400,
  burstRate: 0.3,
  receiverSkewMs: 700,
  feeds: 1,
  reconnectRate: 0.05,
  snapshotRaceMs: 400,
  webhookRepeatRate: 0.2,
  webhookLossRate: 0,
};
const { plan } = planOf({ ...WORLD, seed: 14 });

let ledger: TestLedger;
let folder: string;
/** Made after a third, two thirds and all of the deliveries, and given away. */
const heads: TreeHead[] = [];
const sizeOf = ({ tree_size }: TreeHead) => Number(tree_size);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "counterfoil-tampering-"));
  ledger = await openTestLedger({ engine: "sqlite", live: false });
  const { stream, catalogue, clock } = ledger;
  const signer = createHeadKeyFile(join(folder, "head.key"));
  const locks = createMemoryRoleLocks();
  const source = createHeads({ ledger: LEDGER, stream, catalogue, clock, hashing, locks, signer });
  const deliveries = [...plan];
  const third = Math.ceil(deliveries.length / 3);
  for (let at = 0; at < deliveries.length; at += third) {
    await ledger.play(deliveries.slice(at, at + third));
    heads.push(await source.make());
  }
  const whole = new DatabaseSync(join(ledger.dataDir, "stream.db"));
  whole.exec(`VACUUM INTO '${join(folder, "whole.db")}'`);
  whole.close();
});

afterAll(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
  await python?.end();
});

/** What an auditor with these heads finds in a file that somebody had in his hands. */
async function audit(alter: (database: DatabaseSync) => void, given: readonly TreeHead[]) {
  const dataDir = join(folder, "altered");
  rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(dataDir);
  copyFileSync(join(folder, "whole.db"), join(dataDir, "stream.db"));
  const database = new DatabaseSync(join(dataDir, "stream.db"));
  database.exec("PRAGMA synchronous = OFF; BEGIN");
  alter(database);
  if (database.isTransaction) database.exec("COMMIT");
  database.close();
  const { clock } = ledger;
  const stream = await openEventStream({ dataDir, ledger: LEDGER, hashing, clock, readOnly: true });
  const catalogue = createMemoryModelCatalogue();
  const options = { stream, ledger: LEDGER, hashing, catalogue, nextTurn: clock.nextTurn };
  try {
    const { findings } = await verifyStream({ ...options, bodies: true });
    const exported = await checkedExport(stream, given);
    const ofHeads = await verifyHeads({ ...options, heads: given });
    const engine = checkStreamFile(join(dataDir, "stream.db"));
    return { stream: findings, heads: ofHeads, engine, exported };
  } finally {
    await stream.close();
  }
}

/** What the stand-alone checkers say of the ledger's export, against these heads. */
async function checkedExport(stream: EventStream, given: readonly TreeHead[]) {
  const file = join(folder, "altered.jsonl");
  writeFileSync(file, await exportText(stream));
  const brought = given.flatMap((head, at) => {
    const headFile = join(folder, `head-${at}.json`);
    writeFileSync(headFile, JSON.stringify(head));
    return ["--head", headFile];
  });
  const found = await Promise.all(CHECKERS.map((check) => check([file, ...brought])));
  const firsts = found.map(([code, [said = ""]]) =>
    code === 0 ? null : Number(/position (\d+)/.exec(said)?.[1] ?? Number.NaN),
  );
  // Whatever the one finds, the other finds too.
  expect(firsts).toEqual(firsts.map(() => firsts[0]));
  return firsts[0];
}

const python = hasPython ? startPython() : null;
const CHECKERS: readonly Check[] = [checkByNode, ...(python === null ? [] : [python.check])];
if (!hasPython) test.skip("check.py: no python3 on this machine", () => {});

const firstOf = (findings: readonly Finding[]) => findings[0]?.position;

/** Whoever has the files knows the rule of the chain too. */
function reseal(database: DatabaseSync, from: number): void {
  const read = database.prepare("SELECT * FROM events ORDER BY position");
  read.setReadBigInts(true);
  const write = database.prepare("UPDATE events SET hash = ? WHERE position = ?");
  let previous = emptyHead(LEDGER, hashing).hash;
  for (const row of read.all()) {
    const position = Number(row.position);
    const schema_version = Number(row.schema_version);
    if (position >= from) {
      const hash = chainHash(previous, { ...row, position, schema_version } as never, hashing);
      write.run(hash, position);
      previous = hash;
    } else previous = String(row.hash);
  }
}

/** A copy of an event right behind it, under an id of its own, and all that follows moved by one. */
function insertCopy(database: DatabaseSync, position: number): void {
  database.exec(`
    UPDATE events SET position = -position - 1 WHERE position > ${position};
    UPDATE events SET position = -position WHERE position < 0;
    INSERT INTO events SELECT position + 1, 'x' || substr(id, 2), type, schema_version, subject,
      occurred_at, recorded_at, causation_id, correlation_id, hash, about, data
      FROM events WHERE position = ${position};`);
  reseal(database, position + 1);
}

type Alter = (database: DatabaseSync, position: number) => void;
const sql =
  (text: string): Alter =>
  (database, position) =>
    void database.prepare(text).run(position);

/** The chain, the ids or the bodies tell: with the first bad position. */
const SEEN: Readonly<Record<string, Alter>> = {
  data: sql("UPDATE events SET data = replace(data, '\"', ' \"') WHERE position = ?"),
  subject: sql("UPDATE events SET subject = subject || 'x' WHERE position = ?"),
  id: sql("UPDATE events SET id = 'x' || substr(id, 2) WHERE position = ?"),
  recorded_at: sql("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = ?"),
  removed: sql("DELETE FROM events WHERE position = ?"),
  cut: sql("DELETE FROM events WHERE position >= ?"),
};

/** The chain is whole again: only a head tells, with the range in which it was done. */
const RESEALED: Readonly<Record<string, Alter>> = {
  "an amount": (database, position) => {
    const change = "UPDATE events SET data = replace(data, '0', '9') || ' ' WHERE position = ?";
    database.prepare(change).run(position);
    reseal(database, position);
  },
  "another subject": (database, position) => {
    database.prepare("UPDATE events SET subject = 'ledger ' WHERE position = ?").run(position);
    reseal(database, position);
  },
  "an inserted copy": insertCopy,
  "a left out fact": (database, position) => {
    database.exec(`
      DELETE FROM events WHERE position = ${position};
      UPDATE events SET position = -position + 1 WHERE position > ${position};
      UPDATE events SET position = -position WHERE position < 0;`);
    reseal(database, position);
  },
};

type Data = Readonly<Record<string, unknown>>;
type Misnamed = Readonly<{ types: string[]; change: (data: Data) => Data; says: string }>;

const OTHER = "zerohash:OTHER:ABC123:general:available:BTC";

/** The data is another fact's than the event's subject and id: models follow it, and proofs the subject. */
const MISNAMED: Readonly<Record<string, Misnamed>> = {
  "another account of a fact": {
    types: ["MovementRecorded", "BalanceReported"],
    change: (data) => ({ ...data, account: OTHER }),
    says: `and its data names ${OTHER}`,
  },
  "another run of a fact": {
    types: ["RunRecorded"],
    change: (data) => ({ ...data, run_id: "none" }),
    says: "and its data names run:zerohash:none",
  },
  "another movement of a fact": {
    types: ["MovementRecorded"],
    change: (data) => ({ ...data, movement_id: "none" }),
    says: "the id of the fact is",
  },
  "another fact that a copy names": {
    types: ["FactSeen"],
    change: (data) => ({ ...data, key: { ...(data.key as Data), account: OTHER } }),
    says: "and its key names",
  },
};

const drawn = (random: Random): number => 2 + random.below(sizeOf(heads[2] as TreeHead) - 2);

describe("a ledger of which heads were given away", () => {
  test("is what they signed, and no other finding is made", async () => {
    expect(heads.map(sizeOf)).toEqual([...new Set(heads.map(sizeOf))].sort((a, b) => a - b));
    const nothing = { stream: [], heads: [], engine: [], exported: null };
    expect(await audit(() => {}, heads)).toEqual(nothing);
  });

  test(
    "is what they signed, whatever came in which order, and whenever they were made",
    async () => {
      for (let seed = 0; seed < runs(4); seed += 1) {
        const random = createRandom(`good ${seed}`);
        const other = await openTestLedger({ seed, live: false, ingests: 2 });
        const { stream, catalogue, clock } = other;
        const stored = { ledger: LEDGER, stream, catalogue, clock, hashing };
        const signer = createHeadKeyFile(join(folder, `${seed}.key`));
        const source = createHeads({ ...stored, locks: createMemoryRoleLocks(), signer });
        const given: TreeHead[] = [];
        for (const delivery of planOf({ ...WORLD, seed }).plan) {
          await other.play([delivery]);
          if (random.chance(0.02)) given.push(await source.make());
        }
        given.push(await source.make());
        const { nextTurn } = clock;
        expect(await verifyHeads({ ...stored, nextTurn, heads: given })).toEqual([]);
        const { findings } = await verifyStream({ ...stored, bodies: true });
        expect(findings).toEqual([]);
        await other.close();
      }
    },
    patience(60),
  );

  test.each(Object.entries(SEEN))(
    "%s: the first bad position is named",
    async (name, alter) => {
      const random = createRandom(name);
      for (let run = 0; run < runs(4); run += 1) {
        const position = drawn(random);
        const last = heads.at(-1) as TreeHead;
        const found = await audit((database) => alter(database, position), [last]);
        expect(firstOf([...found.stream, ...found.heads])).toBe(position);
        expect(found.exported).toBe(position);
        expect(found.heads).toHaveLength(1);
      }
    },
    patience(60),
  );

  test.each(Object.entries(RESEALED))(
    "%s, sealed again: the range between the heads around it is named",
    async (name, alter) => {
      const random = createRandom(name);
      for (let run = 0; run < runs(4); run += 1) {
        const position = drawn(random);
        const found = await audit((database) => alter(database, position), heads);
        const held = heads.filter((head) => sizeOf(head) < position);
        const from = held.length === 0 ? 0 : sizeOf(held.at(-1) as TreeHead);
        expect(found.heads).toHaveLength(heads.length - held.length);
        // A stream that is shorter than what was signed may have been cut, and lacks that position.
        const isShorter = name === "a left out fact" && held.length === heads.length - 1;
        const first = isShorter ? sizeOf(heads.at(-1) as TreeHead) : from + 1;
        expect([firstOf(found.heads), found.exported]).toEqual([first, first]);
        expect(found.heads[0]?.detail).toContain(`positions ${from + 1} to `);
      }
    },
    patience(60),
  );

  test.each(Object.entries(MISNAMED))(
    "%s, sealed again: the position is named without a head",
    async (name, { types, change, says }) => {
      const random = createRandom(name);
      for (let run = 0; run < runs(2); run += 1) {
        const { position, data } = random.pick(await ledger.events(types));
        const forged = JSON.stringify(change(JSON.parse(data)));
        const found = await audit((database) => {
          const update = "UPDATE events SET data = ? WHERE position = ?";
          database.prepare(update).run(forged, position);
          reseal(database, position);
        }, []);
        expect(found.stream).toEqual([
          { position, what: "data", detail: expect.stringContaining(says) },
        ]);
      }
    },
    patience(60),
  );

  test("a body, or the row that finds it: the delivery's position is named", async () => {
    const random = createRandom("bodies");
    const received = await ledger.events(["DeliveryReceived"]);
    for (const change of [
      "UPDATE bodies SET bytes = x'7b7d' WHERE sha256 = ?",
      "UPDATE bodies SET sha256 = 'f' || substr(sha256, 1, 63) WHERE sha256 = ?",
      "DELETE FROM bodies WHERE sha256 = ?",
    ]) {
      for (let run = 0; run < runs(2); run += 1) {
        const { data } = random.pick(received);
        const { sha256 } = JSON.parse(data);
        const first = received.find((event) => event.data.includes(sha256));
        const found = await audit((database) => void database.prepare(change).run(sha256), heads);
        expect([firstOf(found.stream), found.exported]).toEqual([first?.position, first?.position]);
      }
    }
  });

  test("an index that does not agree with its table is found by the engine's own check", async () => {
    const { engine } = await audit((database) => {
      database.exec("COMMIT");
      database.enableDefensive(false);
      database.exec(`
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'about IS NOT NULL', 'about IS NULL')
          WHERE name = 'events_about';
        PRAGMA writable_schema = OFF;`);
    }, heads);
    expect(engine[0]).toMatch(/index events_about/);
  });
});
