import {
  type Certificate,
  certificate,
  type TreeHead,
  treeHead,
} from "@counterfoil/contracts/audit";
import { canonicalJson, parseJson } from "../exact/json.ts";
import { putHex } from "../exact/text.ts";
import type { Hashing } from "../hashing.ts";

type UnsignedHead = Omit<TreeHead, "signature">;

const DOMAIN = "counterfoil/head/v1\n";

/**
 * The signed text of a tree head: a line that names the format, so that no signature by this key over
 * anything else is a valid head, and the RFC 8785 form of all fields but the signature. All of them
 * are strings, so the ledger's own canonical JSON is that form to the byte.
 */
export function signedText(head: UnsignedHead | TreeHead): string {
  const { signature: _, ...signed } = head as TreeHead;
  return `${DOMAIN}${canonicalJson(signed)}`;
}

/**
 * The text that an old and a new key both sign when the new one replaces the old one on a ledger.
 */
export function rotationText(
  rotation: Readonly<{ ledger: string; genesis: string; old_key: string; new_key: string }>,
): string {
  return `counterfoil/head-key/v1\n${canonicalJson(rotation)}`;
}

/** The id of a public key: the digest of its 32 bytes. */
export function keyIdOf(publicKey: string, hashing: Hashing): string {
  const bytes = new Uint8Array(32);
  putHex(bytes, 0, publicKey);
  return hashing.sha256(bytes);
}

export type ReadSigned<Signed> =
  | Readonly<{ ok: true; signed: Signed }>
  | Readonly<{ ok: false; reason: string }>;

/**
 * Reads an untrusted head: it must have every field, no other, and digits in lower case. It checks
 * neither the signature nor whose key it is.
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

/**
 * Reads JSON that has exactly this shape, since a verifier must know everything that was signed.
 */
function readSigned<Signed>(text: string, shape: Shape<Signed>): ReadSigned<Signed> {
  // This mode distinguishes numbers from text; every signed value is text.
  const json = parseJson(text, "printed");
  if (!json.ok) return { ok: false, reason: `it is not JSON: ${json.reason} at ${json.at}` };
  const read = shape.safeParse(json.value);
  if (read.success) return { ok: true, signed: read.data };
  const [issue] = read.error.issues;
  const where = issue?.path.join(".");
  return { ok: false, reason: `${where ? `${where}: ` : ""}${issue?.message}` };
}

/** The part of a schema that is used here. */
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

/** The part of a certificate that its requester states; the ledger's tree and the key are added. */
export type Statement = Pick<
  Certificate,
  "statement" | "from" | "to" | "models" | "account" | "file" | "engine" | "code_version" | "actor"
>;

/**
 * The signed text of a certificate: a line that names the format, so that heads and certificates are
 * never valid as each other, and the RFC 8785 form of all fields but the signature. It has no numbers,
 * so the ledger's own canonical JSON is that form to the byte.
 */
export function certificateText(stated: Omit<Certificate, "signature"> | Certificate): string {
  const { signature: _, ...signed } = stated as Certificate;
  return `counterfoil/certificate/v1\n${canonicalJson(signed)}`;
}

/** Reads an untrusted certificate. It checks neither the signature nor whose key it is. */
export function readCertificate(text: string): ReadSigned<Certificate> {
  const read = readSigned(text, certificate);
  if (!read.ok) return read;
  const [from, to] = [Number(read.signed.from), Number(read.signed.to)];
  if (Number.isSafeInteger(to) && 1 <= from && from <= to) return read;
  return { ok: false, reason: `its range is ${read.signed.from} to ${read.signed.to}` };
}
