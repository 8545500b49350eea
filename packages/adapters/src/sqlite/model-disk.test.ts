import { appendFileSync, mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import { entry, putEntries, TABLES } from "@counterfoil/processing/testing/sample-tables";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openModelCatalogue } from "./model-catalogue.ts";
import { describeWithDisk, mountDisk, unmount } from "./testing/small-disk.ts";

const LAYOUT = { tables: TABLES, modelVersion: 1 };
const KIB = 1024;

describeWithDisk("a model on a small disk", () => {
  let dataDir = "";
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "counterfoil-disk-"));
    mountDisk(dataDir, "size=2m");
  });
  afterEach(() => {
    unmount(dataDir);
    rmSync(dataDir, { recursive: true });
  });

  const models = () => readdirSync(join(dataDir, "models"));
  /** Leaves so many bytes. */
  function fillBut(left: number): void {
    const { bavail, bsize } = statfsSync(dataDir);
    appendFileSync(join(dataDir, "filler"), Buffer.alloc(bavail * bsize - left));
  }
  const rows = Array.from({ length: 2000 }, (_, at) => entry("a".repeat(200), at));

  test("is full wherever it becomes full while a scratch store is filled, never damaged", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    await (await catalogue.openScratch("trades", LAYOUT)).close();
    for (let left = 0; left < 256 * KIB; left += 4 * KIB) {
      fillBut(left);
      const filling = async () => {
        const store = await catalogue.openScratch("trades", LAYOUT);
        try {
          await store.commit(putEntries(rows));
        } finally {
          await store.close();
        }
      };
      const error = await filling().catch((error: unknown) => error);
      expect(error).toBeInstanceOf(ModelUnavailable);
      expect(String(error)).toMatch(/(?:is full|disk I\/O error): free some space/);
      expect(models()).toEqual(["catalogue.lock"]);
      rmSync(join(dataDir, "filler"));
    }
  });

  test("that others fill is given back what a scratch store took", async () => {
    const store = await openModelCatalogue({ dataDir }).openScratch("trades", LAYOUT);
    fillBut(0);
    await expect(store.commit(putEntries(rows))).rejects.toThrow("is full");
    fillBut(0);
    await store.close();
    expect(models()).toEqual(["catalogue.lock"]);
  });

  test("is full wherever it becomes full while a generation is built, never damaged", async () => {
    const catalogue = openModelCatalogue({ dataDir });
    for (let left = 0; left < 256 * KIB; left += 4 * KIB) {
      fillBut(left);
      const building = async () => {
        const generation = (await catalogue.create("trades", LAYOUT)) ?? 0;
        const store = await catalogue.openForBuilding("trades", generation, TABLES);
        const committing = () => store.commit(putEntries(rows));
        try {
          await expect(committing()).rejects.toThrow("is full");
          // The first error stays, whatever the file has become.
          await expect(committing()).rejects.toThrow("is full");
          await committing();
        } finally {
          await store.close();
        }
      };
      const error = await building().catch((error: unknown) => error);
      expect(error).toBeInstanceOf(ModelUnavailable);
      expect(String(error)).toMatch(/(?:is full|disk I\/O error): free some space/);
      rmSync(join(dataDir, "filler"));
    }
  });
});
