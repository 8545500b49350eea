import {
  type Certificate,
  certificate,
  type TreeHead,
  treeHead,
} from "@counterfoil/contracts/audit";
import { canonicalJson, parseJson } from "../exact/json.ts";
import { putHex } from "../exact/text.ts";
import type { Hashing } from "../hashing.ts";

/**
 * What is signed of a tree head: a line that says what it is, so that a signature of this key over
 * anything else is no head, and the RFC 8785 form of all fields but the signature. All of them are
 * strings, so the ledger's own canonical JSON is that form to the byte.
 */
export type UnsignedHead = Omit<TreeHead, "signature">;

const DOMAIN = "counterfoil/head/v1\n";

export function signedText(head: UnsignedHead | TreeHead): string {
  const { signature: _, ...signed } = head as TreeHead;
  return `${DOMAIN}${canonicalJson(signed)}`;
}

/** What an old and a new key sign to say that the one follows the other on this ledger. */
export function rotationText(
  rotation: Readonly<{ ledger: string; genesis: string; old_key: string; new_key: string }>,
): string {
  return `counterfoil/head-key/v1\n${canonicalJson(rotation)}`;
}

/** A key's name: the digest of its 32 bytes. */
export function keyIdOf(publicKey: string, hashing: Hashing): string {
  const bytes = new Uint8Array(32);
  putHex(bytes, 0, publicKey);
  return hashing.sha256(bytes);
}

export type ReadSigned<Signed> =
  | Readonly<{ ok: true; signed: Signed }>
  | Readonly<{ ok: false; reason: string }>;

/**
 * Reads a head that somebody brings: every field, no other, digits in lower case. Whether its
 * signature holds, and whose key it is, is not said here.
 */
export function readTreeHead(text: string): ReadSigned<TreeHead> {
  const read = readSigned(text, treeHead);
  if (!read.ok) return read;
  const head = read.signed;
  if (head.tree_size !== head.position) {
    const reason = `tree_size is ${head.tree_size}, expected the position ${head.position}`;
    return { ok: false, reason };
  }
  if (!Number.isSafeInteger(Number(head.position)) || head.position === "0") {
    return { ok: false, reason: `position is ${head.position}, expected one of a stream` };
  }
  return read;
}

/** JSON that has a shape and nothing else: whoever checks a signature must know all that was signed. */
function readSigned<Signed>(text: string, shape: Shape<Signed>): ReadSigned<Signed> {
  // Printed numbers stay apart from text, and every value that is signed is text.
  const json = parseJson(text, "printed");
  if (!json.ok) return { ok: false, reason: `it is not JSON: ${json.reason} at ${json.at}` };
  const read = shape.safeParse(json.value);
  if (read.success) return { ok: true, signed: read.data };
  const [issue] = read.error.issues;
  const where = issue?.path.join(".");
  return { ok: false, reason: `${where ? `${where}: ` : ""}${issue?.message}` };
}

/** What is asked of a schema. */
type Shape<Signed> = Readonly<{
  safeParse: (value: unknown) =>
    | Readonly<{ success: true; data: Signed }>
    | Readonly<{
        success: false;
        error: Readonly<{
          issues: readonly Readonly<{ path: readonly PropertyKey[]; message: string }>[];
        }>;
      }>;
}>;

/** What is said in a certificate by whoever asks for it; the ledger's tree and the key are added. */
export type Statement = Pick<
  Certificate,
  "statement" | "from" | "to" | "models" | "account" | "file" | "engine" | "code_version" | "actor"
>;

/**
 * What is signed of a certificate: a line of its own, so that no head passes for one nor one for a
 * head, and the RFC 8785 form of all fields but the signature. There are no numbers in it, so the
 * ledger's own canonical JSON is that form to the byte.
 */
export function certificateText(stated: Omit<Certificate, "signature"> | Certificate): string {
  const { signature: _, ...signed } = stated as Certificate;
  return `counterfoil/certificate/v1\n${canonicalJson(signed)}`;
}

/** Reads one that somebody brings. Whether its signature holds, and whose key it is, is not said here. */
export function readCertificate(text: string): ReadSigned<Certificate> {
  const read = readSigned(text, certificate);
  if (!read.ok) return read;
  const [from, to] = [Number(read.signed.from), Number(read.signed.to)];
  if (Number.isSafeInteger(to) && 1 <= from && from <= to) return read;
  return { ok: false, reason: `its range is ${read.signed.from} to ${read.signed.to}` };
}
