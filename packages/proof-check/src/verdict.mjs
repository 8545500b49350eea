// The verdict on a file: a proof or an export. check.mjs and check.html share it; only how they read
// the file, and with whose crypto they compute, differs (`tools`).
import { counted, need, readWith, Unable, Wrong } from "./exact.mjs";
import { checkExport } from "./export.mjs";
import { checkHead, checkProof, headSignature, linksOf, trustOf } from "./proof.mjs";

/**
 * @param file its `size`, and `read`: the bytes from one place to another
 * @param brought the auditor's `keys` and `heads`
 * @param tools `sha256`, `decodeBase64`, `isSigned` (an Ed25519 signature); `checkProviders`: how many of the
 *   providers' signatures hold, and `toCheckProviders`: what to do for the others; `textMax`: the bytes that can be
 *   read as one text, `exportMax`: of a whole export, and `forLarger`: what to do with more
 * @returns 0 if it holds, 3 if nothing given shows who signed it, 1 if it does not hold, 2 if it cannot be
 *   checked here; and what is said of it
 */
export async function verdictOf(file, brought, tools) {
  try {
    const isOfProof = !(await isExport(file));
    const { said, open } = await (isOfProof ? checkProofFile : checkExport)(file, brought, tools);
    return open.length === 0 ? [0, said] : [3, [...said, ...open]];
  } catch (error) {
    if (error instanceof Wrong) return [1, [error.message]];
    if (error instanceof Unable) return [2, [error.message]];
    // Memory, or another limit of this machine.
    if (error instanceof RangeError) return [2, [`${error.message}: ${tools.forLarger}`]];
    return [1, [UNREADABLE]];
  }
}

const UNREADABLE = "form: expected a file as docs/stream-format.md or docs/audit.md describes it";

/** UTF-8 alone is text: other bytes are not repaired, and a byte order mark is none of the format. */
const textOf = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

const EXPORT_START = '{"format":"counterfoil-export/1"';

async function isExport(file) {
  const start = await file.read(0, EXPORT_START.length);
  return String.fromCharCode(...start) === EXPORT_START;
}

/** A head that the auditor gives has to be well formed, and signed by the key that it names. */
export async function readHead(text, { sha256, isSigned }) {
  const head = JSON.parse(text);
  checkHead(head, sha256);
  need(await isSigned(headSignature(head)), "its signature does not hold");
  return head;
}

// A proof

async function checkProofFile(file, { keys, heads }, tools) {
  const { sha256, decodeBase64, isSigned, textMax, forLarger } = tools;
  if (file.size > textMax)
    throw new Unable(`it has more than ${textMax} bytes, which are read at once: ${forLarger}`);
  const bytes = await file.read(0, file.size);
  const text = readWith(() => textOf(bytes), "form: it is no UTF-8");
  const checked = checkProof(text, sha256, decodeBase64);
  const { proof } = checked;
  for (const one of checked.signatures) need(await isSigned(one), one.why);
  const { head, rotations } = proof;
  const open = trustOf({ head, proof, rotations }, keys, heads, linksOf(proof));
  const verified = tools.checkProviders(checked.providers);
  return { said: wordsFor(checked, verified, tools.toCheckProviders), open };
}

function wordsFor(checked, verified, toCheckProviders) {
  const { proof, unseen, withdrawn, still, operatorOnly, providers } = checked;
  const { account, balance, head, map } = proof;
  const unknown = providers.length - verified;
  const gaps = proof.entries.filter(({ missing }) => missing !== null).length;
  const holds = `${account} holds ${balance ?? "nothing that is known"}`;
  return [
    `${holds} after position ${head.position} of ledger ${head.ledger}, signed ${head.signed_at}`,
    `${counted(map.number, "event", "events")}, and these are all; ${counted(checked.checked, "fact is", "facts are")} what the provider's bytes say, ${counted(unseen, "has", "have")} no bytes here`,
    ...some(verified, "of the provider's signatures holds", "of the provider's signatures hold"),
    ...some(
      unknown,
      `of the provider's signatures was not checked: ${toCheckProviders}`,
      `of the provider's signatures were not checked: ${toCheckProviders}`,
    ),
    ...some(
      operatorOnly,
      "delivery has an HMAC signature: vouched for by the operator only, who holds the secret too",
      "deliveries have an HMAC signature: vouched for by the operator only, who holds the secret too",
    ),
    ...some(
      withdrawn,
      "fact without bytes here was withdrawn",
      "facts without bytes here were withdrawn",
    ),
    ...still,
    ...some(
      gaps,
      "gap is open: something is missing there",
      "gaps are open: something is missing there",
    ),
  ];
}

const some = (count, one, many) => (count > 0 ? [counted(count, one, many)] : []);
