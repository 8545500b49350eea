import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign,
  verify,
} from "node:crypto";
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { HeadKeyUnusable } from "@counterfoil/processing/ports/errors";
import type {
  HeadKeyring,
  HeadSigner,
  VerifySignature,
} from "@counterfoil/processing/ports/head-keys";
import { fieldsOf } from "../sql/engine-errors.ts";
import { flush } from "./runtime.ts";

export type HeadKeyFile = HeadKeyring &
  Readonly<{
    /** The public key if there is one; never creates it. */
    existingKey: () => string | null;
    /**
     * Public keys that signed before. Key rotations are events too, but truncating the stream removes
     * those events.
     */
    formerKeys: () => readonly string[];
  }>;

/**
 * The installation's key, PKCS#8 in PEM, in a file that only its owner can read. Published heads are
 * checked against its public key. If the file is lost, no more heads can be signed with the key; if it
 * is copied, others can sign with it.
 */
export function createHeadKeyFile(file: string): HeadKeyFile {
  const existing = () => readKey(file);
  const next = `${file}.next`;
  return {
    ...signerOf(file),
    successor: async () => signerOf(next),
    adopt: async (publicKey) => {
      const key = readKey(next);
      if (key === null || publicHex(key) !== publicKey) return false;
      const before = existing();
      if (before !== null) {
        appendFileSync(formerFile(file), `${publicHex(before)}\n`, { flush: true });
        flush(dirname(file));
      }
      renameSync(next, file);
      flush(dirname(file));
      return true;
    },
    formerKeys: () => {
      const former = formerFile(file);
      return existsSync(former)
        ? (readFileSync(former, "utf8").match(/^[\da-f]{64}$/gm) ?? [])
        : [];
    },
    existingKey: () => {
      const key = existing();
      return key === null ? null : publicHex(key);
    },
  };
}

const formerFile = (file: string): string => `${file}.former`;

function signerOf(file: string): HeadSigner {
  const key = () => readKey(file) ?? createKey(file);
  return {
    publicKey: async () => publicHex(key()),
    sign: async (text) => sign(null, bytesOf(text), key()).toString("hex"),
  };
}

const bytesOf = (text: string | Uint8Array): Uint8Array =>
  typeof text === "string" ? Buffer.from(text) : text;

function readKey(file: string): KeyObject | null {
  try {
    const key = createPrivateKey(readFileSync(file));
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch (error) {
    if (fieldsOf(error).code === "ENOENT") return null;
    if (fieldsOf(error).syscall !== undefined) throw unusable(file, (error as Error).message);
  }
  throw unusable(file, "expected an Ed25519 private key as PEM");
}

function createKey(file: string): KeyObject {
  const { privateKey } = generateKeyPairSync("ed25519");
  const temporary = `${file}.${process.pid}`;
  try {
    const newFolder = mkdirSync(dirname(file), { recursive: true });
    rmSync(temporary, { force: true });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    writeFileSync(temporary, pem, { flag: "wx", mode: 0o600, flush: true });
    // If two processes create a key at once, both use the one that is linked first.
    linkSync(temporary, file);
    // A key that signed must not be lost with the machine's memory, and nor must a folder around it.
    flushFolders(file, newFolder ?? file);
    return privateKey;
  } catch (error) {
    const other = fieldsOf(error).code === "EEXIST" ? readKey(file) : null;
    if (other !== null) return other;
    throw unusable(file, (error as Error).message);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Flushes the folders around a file, up to the one that `highest` was created in. */
function flushFolders(file: string, highest: string): void {
  const { length } = resolve(highest);
  for (let entry = resolve(file); entry.length >= length; entry = dirname(entry)) {
    flush(dirname(entry));
  }
}

const unusable = (file: string, found: string): HeadKeyUnusable =>
  new HeadKeyUnusable(
    `the key that signs heads in ${file}: ${found}: put the installation's key there, or set COUNTERFOIL_HEAD_KEY_FILE`,
  );

function publicHex(key: KeyObject): string {
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  return Buffer.from(x, "base64url").toString("hex");
}

export const verifyEd25519: VerifySignature = (publicKey, text, signature) => {
  try {
    const x = Buffer.from(publicKey, "hex").toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, "hex"));
  } catch {
    // Not every value of 32 bytes is a valid key.
    return false;
  }
};

/** As many bits as the secret's stored digest has. */
const SECRET_BYTES = 32;
const PREFIX_BYTES = 4;

/** Generates an API key's secret, such as `cf_5d1c0b0e_…`: 256 random bits after a prefix that may be shown. */
export function newKeySecret(): Readonly<{ id: string; prefix: string; secret: string }> {
  const prefix = `cf_${randomBytes(PREFIX_BYTES).toString("hex")}`;
  const secret = `${prefix}_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { id: randomUUID(), prefix, secret };
}
