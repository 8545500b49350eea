import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { inTransaction } from "./database.ts";
import { createKeyIndex, keyIndexLayout, keyOf, settleAll } from "./key-index.ts";

const ROWS = { table: "things", place: "number", name: "digest" };
const digest = (of: number) => createHash("sha256").update(String(of)).digest("hex");

let folder = "";
let opened: DatabaseSync[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "counterfoil-keys-"));
});
afterEach(() => {
  for (const database of opened) database.close();
  opened = [];
  rmSync(folder, { recursive: true });
});

const LAYOUT = `
  CREATE TABLE things (number INTEGER PRIMARY KEY, digest TEXT NOT NULL);
  ${keyIndexLayout(ROWS)}
`;

function open(name = "things.db"): DatabaseSync {
  const database = new DatabaseSync(join(folder, name));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
  if (database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined) {
    database.exec(LAYOUT);
  }
  opened.push(database);
  return database;
}

/** One process: it adds rows as an append does, and looks names up. */
function startProcess(unsettledMax: number, name?: string) {
  const database = open(name);
  const index = createKeyIndex(database, ROWS, { unsettledMax });
  const insert = database.prepare("INSERT INTO things (digest) VALUES (?)");
  const add = (names: readonly string[], fails = false) => {
    try {
      inTransaction(database, "IMMEDIATE", () => {
        index.settle();
        for (const digest of names) insert.run(digest);
        if (fails) throw new Error("the disk is full");
      });
    } catch (error) {
      index.forget();
      if (!fails) throw error;
    }
  };
  const find = (names: readonly string[]) =>
    inTransaction(database, "DEFERRED", () => index.find(names));
  return { database, add, find };
}

const settledOf = (database: DatabaseSync) =>
  Number(database.prepare("SELECT count(*) AS n FROM things_keys").get()?.n);

describe("an index that is written late", () => {
  test("finds every name, and none that is not there, through all that processes do", () => {
    const count = fc.integer({ min: 0, max: 30 });
    const step = fc.oneof(
      fc.record({ what: fc.constant("add" as const), process: fc.nat(2), count }),
      fc.record({ what: fc.constant("fail" as const), process: fc.nat(2), count }),
      fc.record({ what: fc.constant("find" as const), process: fc.nat(2), count }),
      fc.record({ what: fc.constant("restart" as const), process: fc.nat(2), count }),
    );
    let runs = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        runs += 1;
        const file = `${runs}.db`;
        const processes = [0, 1, 2].map(() => startProcess(40, file));
        let known = 0;
        const expectKnown = (process: number, from: number) => {
          const asked = Array.from({ length: known - from }, (_, at) => digest(from + at));
          const found = processes[process]?.find([...asked, digest(-1)]);
          expect(found?.size).toBe(known - from);
          for (let at = from; at < known; at += 1) expect(found?.get(digest(at))).toBe(at + 1);
        };
        for (const { what, process, count } of steps) {
          const names = Array.from({ length: count }, (_, at) => digest(known + at));
          if (what === "restart") processes[process] = startProcess(40, file);
          else if (what === "find") expectKnown(process, Math.max(0, known - count));
          else processes[process]?.add(names, what === "fail");
          if (what === "add") known += count;
        }
        for (const process of [0, 1, 2]) expectKnown(process, 0);
        for (const database of opened.splice(0)) database.close();
      }),
      { numRuns: 40 },
    );
  });

  test("keeps no more names in memory than it may, and enters the others", () => {
    const { database, add } = startProcess(100);
    for (let at = 0; at < 1000; at += 50) {
      add(Array.from({ length: 50 }, (_, i) => digest(at + i)));
    }
    // What the last transaction added is settled by the next one.
    expect(settledOf(database)).toBeGreaterThanOrEqual(1000 - 50 - 100);
    expect(settledOf(database)).toBeLessThan(1000);
  });

  test("tells names of one key apart, whatever they look like", () => {
    const turned = digest(1).slice(-12) + digest(1).slice(12, -12) + digest(1).slice(0, 12);
    const names = ["", "\u0000", "a", "A", turned, digest(1)];
    const { add, find } = startProcess(0);
    add(names);
    add([]);
    for (const [at, name] of names.entries()) {
      expect([...find([name, "b", digest(2)])]).toEqual([[name, at + 1]]);
    }
  });

  test("takes over a table that had none", () => {
    const database = open();
    const insert = database.prepare("INSERT INTO things (digest) VALUES (?)");
    for (let at = 0; at < 500; at += 1) insert.run(digest(at));
    settleAll(database, ROWS);
    const { add, find } = startProcess(10);
    add([digest(500)]);
    expect(find(Array.from({ length: 600 }, (_, at) => digest(at))).size).toBe(501);
    expect(settledOf(database)).toBe(500);
  });

  test("sees that rows are gone, as in a file that was copied back", () => {
    const { database, add, find } = startProcess(100);
    add([digest(1), digest(2)]);
    expect(find([digest(2)]).size).toBe(1);
    database.exec("DELETE FROM things WHERE number = 2");
    expect(find([digest(1), digest(2)]).size).toBe(1);
  });
});

describe("keys", () => {
  test.each([
    ["names", (number: number) => `delivery-${number}`],
    ["UUIDs that count at their end", (number: number) => uuid(0, number)],
    ["UUIDs that count at their beginning", (number: number) => uuid(number, 0)],
    ["digests", digest],
  ])("of %s are integers of 48 bits, and differ", (_, nameOf) => {
    const keys = new Set(Array.from({ length: 10_000 }, (_, number) => keyOf(nameOf(number))));
    expect(keys.size).toBe(10_000);
    for (const key of keys) expect(Number.isInteger(key) && key >= 0 && key < 2 ** 48).toBe(true);
  });

  test.each([
    ["0123456789abcdef0123456789ab", (0x0123456789ab + 0x0123456789ab) % 2 ** 48],
    ["01234567-89ab-5def-8000-000000000001", 0x0123456789ac],
    ["ffffffff-ffff-5fff-8fff-ffffffffffff", 2 ** 48 - 2],
    ["", 0],
    ["b", 98],
    ["ab", 97 * 31 + 98],
  ])("of %j never changes: files hold it", (name, key) => expect(keyOf(name)).toBe(key));
});

function uuid(first: number, last: number): string {
  const hex = (number: number, digits: number) => number.toString(16).padStart(digits, "0");
  return `${hex(first, 8)}-0000-5000-8000-${hex(last, 12)}`;
}
