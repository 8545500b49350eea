import {
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ModelCorrupted, ModelUnavailable } from "@counterfoil/processing/ports/errors";
import {
  checkpointAt,
  ENTRIES,
  entry,
  putEntries,
  TABLES,
} from "@counterfoil/processing/testing/sample-tables";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { startProcess } from "../testing/start-process.ts";
import { openModelCatalogue } from "./model-catalogue.ts";

const LAYOUT = { tables: TABLES, modelVersion: 1 };

describe("the files of read models", () => {
  let dataDir = "";
  let folder = "";
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "counterfoil-models-"));
    folder = join(dataDir, "models");
    await mkdir(folder);
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  const fileOf = (generation: number) => join(folder, `trades.${generation}.db`);

  test("processes that race for numbers get one each", async () => {
    const creators = [1, 2, 3].map(() =>
      startProcess(new URL("testing/generation-creator.ts", import.meta.url), [dataDir, "10"]),
    );
    await Promise.all(creators.map((creator) => creator.ended()));
    const numbers = creators.flatMap(({ lines }) => lines.map(Number)).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
  });

  test("what was staged is gone where another file took its place, and no part of it is committed", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    await catalogue.create("trades", LAYOUT);
    const store = await catalogue.openForWriting("trades", 1);
    await store.checkpoint();
    const nothing = { inserts: [], puts: [], deletes: [] };
    await store.stage({ ...nothing, puts: [{ table: ENTRIES, rows: [entry("a", 1)] }] });
    await copyFile(fileOf(1), `${fileOf(1)}.copy`);
    await rename(`${fileOf(1)}.copy`, fileOf(1));
    await expect(store.commit(putEntries([entry("a", 2)]))).rejects.toThrow(ModelUnavailable);
    expect(await store.checkpoint()).toMatchObject({ position: 0 });
    await store.commit(putEntries([entry("a", 2)]));
    expect(await store.count(ENTRIES)).toBe(1);
    await catalogue.close();
  });

  test("what a creator that died left is no generation, and blocks nobody", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    await writeFile(fileOf(1), "");
    const halfway = new DatabaseSync(fileOf(2));
    halfway.exec("PRAGMA journal_mode = WAL; CREATE TABLE entries (account TEXT)");
    halfway.close();
    expect(await catalogue.generations("trades")).toEqual([]);
    for (const generation of [1, 2]) {
      await expect(catalogue.openForReading("trades", generation)).rejects.toThrow("rebuild");
      expect(await catalogue.create("trades", { ...LAYOUT, generation })).toBe(generation);
    }
    expect(await catalogue.generations("trades")).toHaveLength(2);
  });

  test("a log that outlived its file does not come back in the next one", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    await catalogue.create("trades", LAYOUT);
    const store = await catalogue.openForWriting("trades", 1);
    await store.commit(putEntries([entry("a", 1)]));
    await rm(fileOf(1));
    await catalogue.create("trades", { ...LAYOUT, generation: 1 });
    const next = await catalogue.openForWriting("trades", 1);
    expect(await next.count(ENTRIES)).toBe(0);
    await next.close();
    await store.close();
  });

  test("an older copy that is put in its place takes no commit that follows later ones", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    await catalogue.create("trades", LAYOUT);
    const store = await catalogue.openForWriting("trades", 1);
    await store.commit(putEntries([entry("a", 1)], 1));
    const copy = join(folder, "copy");
    const copying = new DatabaseSync(fileOf(1));
    copying.prepare("VACUUM INTO ?").run(copy);
    copying.close();
    await store.commit(putEntries([entry("a", 2)], 2));
    for (const end of ["-wal", "-shm"]) await rm(`${fileOf(1)}${end}`, { force: true });
    await rename(copy, fileOf(1));
    await expect(store.commit(putEntries([entry("a", 3)], 3))).rejects.toThrow(ModelUnavailable);
    expect(await store.checkpoint()).toEqual(checkpointAt(1));
    expect(await store.count(ENTRIES)).toBe(1);
    await store.commit(putEntries([entry("a", 2)], 2));
    expect(await store.count(ENTRIES)).toBe(2);
    await store.close();
  });

  test("dropping leaves nothing behind, and stops who still writes to it", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    await catalogue.create("trades", LAYOUT);
    const store = await catalogue.openForWriting("trades", 1);
    await store.commit(putEntries([entry("a", 1)]));
    await catalogue.drop("trades", 1);
    expect(await readdir(folder)).toEqual(["catalogue.lock"]);
    await expect(store.commit(putEntries([entry("a", 2)]))).rejects.toThrow(ModelUnavailable);
    expect(await readdir(folder)).toEqual(["catalogue.lock"]);
    await store.close();
  });

  test.each(["openForReading", "openForWriting"] as const)(
    "a file that is damaged after %s is not left open by those who try it again",
    async (open) => {
      const catalogue = openModelCatalogue({ dataDir });
      await catalogue.create("trades", LAYOUT);
      const store = await catalogue[open]("trades", 1);
      const damaging = new DatabaseSync(fileOf(1));
      damaging.exec("DROP TABLE checkpoint");
      damaging.close();
      const before = await openFiles(fileOf(1));
      for (let tried = 0; tried < 10; tried += 1) {
        const reading = "snapshot" in store ? store.snapshot(async () => 0) : store.checkpoint();
        await expect(reading).rejects.toThrow("checkpoint");
      }
      expect(await openFiles(fileOf(1))).toBe(before);
      await store.close();
    },
  );

  test("what is only in the log of a new generation is in what is built of it", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    await catalogue.create("trades", LAYOUT);
    const writing = new DatabaseSync(fileOf(1));
    writing.exec("CREATE TABLE logged (x)");
    // As after a close on a full disk: the log stays, and is not in the file.
    const left = await Promise.all(["", "-wal"].map((end) => readFile(`${fileOf(1)}${end}`)));
    writing.close();
    await Promise.all(
      ["", "-wal"].map((end, at) => writeFile(`${fileOf(1)}${end}`, left[at] ?? "")),
    );
    const store = await catalogue.openForBuilding("trades", 1, TABLES);
    await store.commit(putEntries([entry("a", 1)]));
    await store.finish();
    const built = new DatabaseSync(fileOf(1));
    expect(built.prepare("SELECT * FROM logged").all()).toEqual([]);
    built.close();
    expect(await readdir(folder)).toEqual(["catalogue.lock", "trades.1.db"]);
  });

  test("damage of a store that is being built is none of a model", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    const store = await catalogue.openScratch("trades", LAYOUT);
    const [name = ""] = (await readdir(folder)).filter((found) => found.includes("scratch"));
    await store.commit(
      putEntries(Array.from({ length: 9000 }, (_, at) => entry("a".repeat(999), at))),
    );
    const { size } = await stat(join(folder, name));
    const handle = await open(join(folder, name), "r+");
    await handle.write(Buffer.alloc(size - 4096, 7), 0, size - 4096, 4096);
    await handle.close();
    const counting = () => store.count(ENTRIES);
    await expect(counting()).rejects.toThrow(ModelUnavailable);
    await expect(counting()).rejects.toThrow(
      /unfinished read model .* malformed: look after the disk/,
    );
    await store.close();
  });

  test("a damaged lock is none of a model", async () => {
    await writeFile(join(folder, "catalogue.lock"), "no database at all ".repeat(100));
    const opening = openModelCatalogue({ dataDir }).openScratch("trades", LAYOUT);
    await expect(opening).rejects.toThrow(ModelUnavailable);
    await expect(opening).rejects.toThrow(/catalogue.lock: .*remove the file/);
  });

  test("a scratch store leaves nothing behind when it is closed", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    const store = await catalogue.openScratch("trades", LAYOUT);
    await store.commit(putEntries([entry("a", 1)]));
    expect(await readdir(folder)).toHaveLength(2);
    await store.close();
    expect(await readdir(folder)).toEqual(["catalogue.lock"]);
  });

  const COMERS = {
    "another scratch store": async () => {
      const store = await openModelCatalogue({ dataDir }).openScratch("trades", LAYOUT);
      await store.close();
    },
    "a new generation": () => openModelCatalogue({ dataDir }).create("trades", LAYOUT),
    "a projector that opens the live one": async () => {
      const store = await openModelCatalogue({ dataDir }).openForWriting("trades", 1);
      await store.close();
    },
  };

  test.each(Object.entries(COMERS))(
    "a scratch store stays while its process lives, and goes with %s after that",
    async (_, come) => {
      await openModelCatalogue({ dataDir }).create("trades", LAYOUT);
      const scratch = async () =>
        (await readdir(folder)).filter((name) => name.includes("scratch"));
      const holder = startProcess(new URL("./testing/scratch-holder.ts", import.meta.url), [
        dataDir,
      ]);
      await holder.printed(1);
      await come();
      expect(await scratch()).toHaveLength(1);
      await holder.kill();
      expect(await scratch()).toHaveLength(1);
      // And the file of a builder that died before it began.
      await writeFile(join(folder, "trades.scratch-1.db"), "");
      await come();
      expect(await scratch()).toEqual([]);
    },
  );

  test("a scratch store that cannot be laid out says where, and why", async () => {
    await mkdir(join(folder, "catalogue.lock"));
    const opening = openModelCatalogue({ dataDir }).openScratch("trades", LAYOUT);
    await expect(opening).rejects.toThrow(ModelUnavailable);
    await expect(opening).rejects.toThrow(/catalogue.lock.*check that its folder is there/);
  });

  test("a generation of a newer program has its number and is not listed", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    await catalogue.create("trades", LAYOUT);
    const database = new DatabaseSync(fileOf(1));
    database.exec("UPDATE checkpoint SET format = 2");
    database.close();
    expect(await catalogue.generations("trades")).toEqual([]);
    expect(await catalogue.create("trades", { ...LAYOUT, generation: 1 })).toBeNull();
    expect(await catalogue.create("trades", LAYOUT)).toBe(2);
  });

  test("a damaged file is no generation, keeps its number, and is named to who opens it", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    await writeFile(fileOf(3), "no database at all ".repeat(100));
    expect(await catalogue.generations("trades")).toEqual([]);
    expect(await catalogue.create("trades", { ...LAYOUT, generation: 3 })).toBeNull();
    expect(await catalogue.create("trades", LAYOUT)).toBe(4);
    for (const open of [catalogue.openForReading, catalogue.openForWriting]) {
      await expect(open("trades", 3)).rejects.toThrow(ModelCorrupted);
      await expect(open("trades", 3)).rejects.toThrow("trades.3.db");
    }
    await catalogue.drop("trades", 3);
    expect(await catalogue.create("trades", { ...LAYOUT, generation: 3 })).toBe(3);
  });

  test("pages in order are sought in an index, not sorted", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    await catalogue.create("trades", LAYOUT);
    const database = new DatabaseSync(fileOf(1));
    const plan = database
      .prepare(
        'EXPLAIN QUERY PLAN SELECT * FROM "entries" WHERE ("at", "seq") > (?, ?) ORDER BY "at", "seq" LIMIT ?',
      )
      .all();
    expect(plan.map(({ detail }) => detail)).toEqual([
      expect.stringContaining("USING INDEX entries_at_seq"),
    ]);
    database.close();
  });
});

/** How often this process has a file open. */
async function openFiles(file: string): Promise<number> {
  const handles = await readdir("/proc/self/fd");
  const links = handles.map((handle) => readlink(`/proc/self/fd/${handle}`).catch(() => null));
  return (await Promise.all(links)).filter((link) => link === file).length;
}
