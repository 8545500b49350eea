import * as fs from "node:fs";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { createHeadKeyFile, verifyEd25519 } from "./keys.ts";

/** The same signature but for its first digit. */
const otherThan = (signature: string) =>
  signature.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));

describe("the key that signs heads", () => {
  let folder: string;
  const file = () => join(folder, "below", "head.key");
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "counterfoil-key-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("is created when it is first needed, for its owner only, and stays", async () => {
    const signer = createHeadKeyFile(file());
    expect(signer.existingKey()).toBeNull();
    const publicKey = await signer.publicKey();
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const other = createHeadKeyFile(file());
    expect(other.existingKey()).toBe(publicKey);
    const signature = await other.sign("größe");
    expect(verifyEd25519(publicKey, "größe", signature)).toBe(true);
    expect(verifyEd25519(publicKey, "grösse", signature)).toBe(false);
    expect(verifyEd25519(publicKey, "größe", otherThan(signature))).toBe(false);
    expect(verifyEd25519("ff".repeat(32), "größe", signature)).toBe(false);
  });

  test("is replaced by its successor, and its public key stays known", async () => {
    const keys = createHeadKeyFile(file());
    const old = await keys.publicKey();
    const next = await keys.successor();
    const [publicKey, signature] = [await next.publicKey(), await next.sign("text")];
    expect(await (await keys.successor()).publicKey()).toBe(publicKey);
    expect(await keys.adopt(old)).toBe(false);
    expect([keys.existingKey(), keys.formerKeys()]).toEqual([old, []]);
    expect(await keys.adopt(publicKey)).toBe(true);
    expect([keys.existingKey(), keys.formerKeys()]).toEqual([publicKey, [old]]);
    expect(await keys.sign("text")).toBe(signature);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  test("is on the disk with its folders before it is used, and a former one before it is replaced", async () => {
    const { writes, done } = await recordWrites();
    const keys = writes.createHeadKeyFile(file());
    await keys.publicKey();
    const temporary = `head.key.${process.pid}`;
    expect(done.splice(0)).toEqual([
      `write ${temporary}, flushed`,
      "link head.key",
      "flush below",
      `flush ${basename(folder)}`,
    ]);
    const next = await keys.successor();
    await keys.adopt(await next.publicKey());
    expect(done.splice(0)).toEqual([
      `write head.key.next.${process.pid}, flushed`,
      "link head.key.next",
      "flush below",
      "write head.key.former, flushed",
      "flush below",
      "rename head.key",
      "flush below",
    ]);
  });

  test("verifies the first test vector of RFC 8032", () => {
    const key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const signature =
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    expect(verifyEd25519(key, "", signature)).toBe(true);
    expect(verifyEd25519(key, "a", signature)).toBe(false);
  });

  test("is refused if the file holds something else", async () => {
    const place = join(folder, "head.key");
    writeFileSync(place, "no key");
    await expect(createHeadKeyFile(place).sign("")).rejects.toThrow(/COUNTERFOIL_HEAD_KEY_FILE/);
    expect(() => createHeadKeyFile(folder).existingKey()).toThrow(/EISDIR/);
  });
});

/** A module of keys whose writes are recorded in order: what a crash of the machine leaves of them. */
async function recordWrites() {
  const done: string[] = [];
  const opened = new Map<number, string>();
  const flushed = (options: unknown) => (Object(options).flush === true ? ", flushed" : "");
  jest.unstable_mockModule("node:fs", () => ({
    ...fs,
    openSync: (path: string, ...more: [fs.OpenMode, fs.Mode?]) => {
      const descriptor = fs.openSync(path, ...more);
      opened.set(descriptor, basename(path));
      return descriptor;
    },
    fsyncSync: (descriptor: number) => {
      done.push(`flush ${opened.get(descriptor)}`);
      fs.fsyncSync(descriptor);
    },
    writeFileSync: (path: string, text: string, options?: fs.WriteFileOptions) => {
      done.push(`write ${basename(path)}${flushed(options)}`);
      fs.writeFileSync(path, text, options);
    },
    appendFileSync: (path: string, text: string, options?: fs.WriteFileOptions) => {
      done.push(`write ${basename(path)}${flushed(options)}`);
      fs.appendFileSync(path, text, options);
    },
    linkSync: (from: string, to: string) => {
      done.push(`link ${basename(to)}`);
      fs.linkSync(from, to);
    },
    renameSync: (from: string, to: string) => {
      done.push(`rename ${basename(to)}`);
      fs.renameSync(from, to);
    },
  }));
  jest.resetModules();
  return { writes: await import("./keys.ts"), done };
}
