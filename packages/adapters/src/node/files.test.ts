import { execFileSync, spawnSync } from "node:child_process";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileUnusable } from "@counterfoil/processing/ports/errors";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { checkWritable, readLines, readTextFile, writeWholeFile } from "./files.ts";

const folders: string[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "counterfoil-files-"));
  folders.push(folder);
});
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true });
});

const at = (name: string) => join(folder, name);
const textOf = (name: string) => readFileSync(at(name), "utf8");

describe("a file that is written whole", () => {
  test("stays as it was where the writing fails, and nothing else is left", async () => {
    writeFileSync(at("a"), "before");
    const failing = writeWholeFile(at("a"), async (path) => {
      await writeFile(path, "half");
      throw new Error("broken");
    });
    await expect(failing).rejects.toThrow("broken");
    expect([readdirSync(folder), textOf("a")]).toEqual([["a"], "before"]);
  });

  test("is one of two that are written at once, and each of them is whole", async () => {
    let [goOn, begun] = [() => {}, () => {}];
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const mayGoOn = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const slow = writeWholeFile(at("a"), async (path) => {
      await writeFile(path, "slow, be");
      begun();
      await mayGoOn;
      await writeFile(path, "slow, behind", { flag: "r+" });
    });
    await isBegun;
    // Another process, whose number says that the first one still runs.
    const { status, stderr } = spawnSync(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      "--input-type=module",
      "--eval",
      `import { checkWritable, writeWholeFile } from ${JSON.stringify(join(import.meta.dirname, "files.ts"))};
       import { writeFileSync } from "node:fs";
       await checkWritable(${JSON.stringify(at("a"))});
       await writeWholeFile(${JSON.stringify(at("a"))}, async (path) => writeFileSync(path, "quick"));`,
    ]);
    expect([status, String(stderr)]).toEqual([0, ""]);
    expect(textOf("a")).toBe("quick");
    goOn();
    await slow;
    expect([readdirSync(folder), textOf("a")]).toEqual([["a"], "slow, behind"]);
  });

  test("removes what a killed writer left, and no other files", async () => {
    const { pid } = spawnSync("true");
    const others = [".a.part", `.ab.${pid}.x.part`, ".a.txt", `.a.${process.ppid}.x.part`];
    for (const name of [...others, `.a.${pid}.x.part`, `.a.${pid}.y.part-journal`]) {
      writeFileSync(at(name), "left");
    }
    await writeWholeFile(at("a"), (path) => writeFile(path, "whole"));
    expect(readdirSync(folder).sort()).toEqual([...others, "a"].sort());
  });

  test("is the one that a link names", async () => {
    writeFileSync(at("a"), "before");
    symlinkSync(at("a"), at("link"));
    await writeWholeFile(at("link"), (path) => writeFile(path, "after"));
    expect(textOf("a")).toBe("after");
    expect(readdirSync(folder)).toEqual(["a", "link"]);
  });

  test("is never put in the place of a pipe, a device or a folder", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    symlinkSync("/dev/null", at("device"));
    for (const [name, why] of [
      [at("pipe"), /it is a pipe, expected a regular file/],
      [at("device"), /it is a device, expected a regular file/],
      [folder, /it is a folder/],
    ] as const) {
      await expect(checkWritable(name)).rejects.toThrow(why);
      const writing = writeWholeFile(name, async () => {});
      await expect(writing).rejects.toThrow(FileUnusable);
    }
    expect(readdirSync(folder)).toEqual(["device", "pipe"]);
  });
});

describe("a file that is read", () => {
  const linesIn = (file: string) => Array.fromAsync(readLines(file));
  const BYTES_MAX = 10;

  test("is whole up to its limit, with a link followed", async () => {
    writeFileSync(at("a"), "0123456\nä");
    symlinkSync(at("a"), at("link"));
    expect(readTextFile(at("link"), BYTES_MAX)).toBe("0123456\nä");
    writeFileSync(at("a"), "a\nb\n");
    expect((await linesIn(at("link"))).flat()).toEqual(["a", "b"]);
  });

  test("is refused where it is longer, or none at all", () => {
    writeFileSync(at("long"), "0123456789a");
    for (const [name, why] of [
      ["long", /long: it has 11 bytes, expected at most 10: name another file$/],
      ["none", /none: there is no such file or folder$/],
    ] as const) {
      const reading = () => readTextFile(at(name), BYTES_MAX);
      expect(reading).toThrow(FileUnusable);
      expect(reading).toThrow(why);
    }
    // A file of the system says that it has no bytes.
    expect(() => readTextFile("/proc/self/status", BYTES_MAX)).toThrow("more than 10 bytes");
  });

  test("is never a pipe, a device or a folder, which have no end or never begin", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    for (const [name, why] of [
      [at("pipe"), "it is a pipe, expected a regular file: name one"],
      ["/dev/zero", "it is a device, expected a regular file: name one"],
      [folder, "it is a folder: name a file"],
    ] as const) {
      expect(() => readTextFile(name, BYTES_MAX)).toThrow(FileUnusable);
      expect(() => readTextFile(name, BYTES_MAX)).toThrow(`${name}: ${why}`);
      const reading = linesIn(name);
      await expect(reading).rejects.toThrow(FileUnusable);
      await expect(reading).rejects.toThrow(`${name}: ${why}`);
    }
  });
});
