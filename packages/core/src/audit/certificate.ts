import { type Certificate, certificate } from "@counterfoil/contracts/certificate";
import { canonicalJson } from "../exact/json.ts";
import { type ReadSigned, readSigned } from "./tree-head.ts";

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
