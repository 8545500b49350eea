import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StreamUnavailable } from "@counterfoil/processing/ports/errors";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { STREAM } from "../sql/engine-errors.ts";
import { portError, whileBusy } from "./database.ts";

describe("a file that others hold", () => {
  let folder = "";
  let holder: DatabaseSync;
  let other: DatabaseSync;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "counterfoil-busy-"));
    holder = new DatabaseSync(join(folder, "a.db"));
    other = new DatabaseSync(join(folder, "a.db"));
    holder.exec("BEGIN EXCLUSIVE");
  });
  afterEach(() => {
    for (const database of [holder, other]) if (database.isOpen) database.close();
    rmSync(folder, { recursive: true });
  });

  test("is used as soon as it is free", async () => {
    const using = whileBusy(() => other.exec("BEGIN EXCLUSIVE"));
    setTimeout(() => holder.close(), 50);
    await using;
    expect(other.isTransaction).toBe(true);
  });

  test("is given up after a while, and said to be unavailable", async () => {
    const using = whileBusy(() => other.exec("BEGIN EXCLUSIVE"), 60);
    const error = await using.catch((error) => portError(error, STREAM, "a.db"));
    expect(error).toBeInstanceOf(StreamUnavailable);
    expect(String(error)).toContain("another process holds it");
  });

  test("what another user owns is said to be that user's, not to be missing", () => {
    const refused = Object.assign(new Error("EACCES: permission denied, stat 'a.db'"), {
      ...{ code: "EACCES", errno: -13, syscall: "stat" },
    });
    const error = portError(refused, STREAM, "a.db");
    expect(error).toBeInstanceOf(StreamUnavailable);
    expect(String(error)).toMatch(/permission denied.*the user whose it is/);
  });

  test.each([8, 10, 13])("result code %i: says what to do, not who goes on", (errcode) => {
    const error = portError(Object.assign(new Error("full"), { errcode }), STREAM, "a.db");
    expect(error).toBeInstanceOf(StreamUnavailable);
    expect(String(error)).not.toMatch(/by itself|tried again/);
  });

  test("other errors are not tried again", async () => {
    let tries = 0;
    const using = whileBusy(() => {
      tries += 1;
      throw new Error("of another kind");
    });
    await expect(using).rejects.toThrow("of another kind");
    expect(tries).toBe(1);
  });
});
