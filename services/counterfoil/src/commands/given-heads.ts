import { readFileSync } from "node:fs";
import type { Backends } from "@counterfoil/adapters/connect";
import { verifyEd25519 } from "@counterfoil/adapters/node/head-key";
import type { TreeHead } from "@counterfoil/contracts/tree-head";
import { keyIdOf, readTreeHead, signedText } from "@counterfoil/core/audit/tree-head";
import { trustedKeys } from "@counterfoil/processing/audit/key-rotation";
import type { Expected } from "@counterfoil/processing/audit/verify-heads";
import { InvalidArgumentError } from "commander";
import { WrongUsage } from "../error-report.ts";

/**
 * Heads that somebody brings, each with a signature that holds, of a key that is trusted: this
 * installation's own, one that was given, or one that such a key has followed.
 *
 * @param keys 64 hex digits each, or files that hold them
 * @throws WrongUsage naming the first that is none, and why
 */
export async function readGivenHeads(
  files: readonly string[],
  keys: readonly string[],
  { ledger, signer, hashing, stream }: Pick<Backends, "ledger" | "signer" | "hashing" | "stream">,
): Promise<readonly TreeHead[]> {
  const present = [signer.existingKey() ?? [], ...keys.map(readKey)].flat();
  const trusted = new Map<string, number>();
  for (const key of files.length === 0 ? [] : present) {
    const vouchedFor = await trustedKeys({ stream, ledger, verify: verifyEd25519 }, key);
    for (const [one, upTo] of vouchedFor) {
      trusted.set(one, Math.max(upTo, trusted.get(one) ?? 0));
    }
  }
  for (const key of signer.formerKeys()) {
    if (!trusted.has(key)) trusted.set(key, Number.POSITIVE_INFINITY);
  }
  return files.map((file) => {
    const read = readTreeHead(textOf(file));
    const refuse = (reason: string) =>
      new WrongUsage(`${file} is no head of this ledger: ${reason}`);
    if (!read.ok) throw refuse(read.reason);
    const { head } = read;
    if (head.ledger !== ledger) throw refuse(`it is of "${head.ledger}", expected "${ledger}"`);
    if (head.key_id !== keyIdOf(head.public_key, hashing)) {
      throw refuse("its key_id is not that of its public_key");
    }
    if (!verifyEd25519(head.public_key, signedText(head), head.signature)) {
      throw refuse("its signature does not hold: a byte of it was altered");
    }
    const upTo = trusted.get(head.public_key) ?? 0;
    if (Number(head.position) <= upTo) return head;
    if (upTo > 0) throw refuse(`its key was replaced by another after position ${upTo}`);
    throw refuse(
      `it is signed by key ${head.key_id}, which is not this installation's: if you trust it, say --key ${head.public_key}`,
    );
  });
}

function readKey(given: string): string {
  const text = /^[0-9a-f]{64}$/.test(given) ? given : textOf(given).trim();
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new WrongUsage(`--key ${given}: expected a public key, 64 lower-case hex digits`);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new WrongUsage(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** `POSITION:HASH`, as `status` and the head show them. */
export function parseExpected(text: string): Expected {
  const [, position, hash] = /^([1-9]\d{0,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (position !== undefined && hash !== undefined) return { position: Number(position), hash };
  throw new InvalidArgumentError("expected POSITION:HASH, the hash as 64 lower-case hex digits");
}
