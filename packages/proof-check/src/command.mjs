// The command line: reads the given files, runs the check, and formats the result.
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { counted, HEX, need, Wrong } from "./exact.mjs";
import { checkExport } from "./export.mjs";
import { checkHead, checkProof, headSignature, linksOf, trustOf } from "./proof.mjs";
import { isSigned, isSignedByProvider, keyIdOf, readPublicKey, sha256 } from "./signatures.mjs";

/** The command line, or a given key or head, is invalid. */
class Usage extends Error {}

/** @returns the exit code, and the lines to print */
export async function check(args) {
  if (JSON.rawJSON === undefined) {
    const found = `this is ${process.version}`;
    return [2, [`expected Node 22 or newer, which reads every digit of a number; ${found}`]];
  }
  try {
    const brought = readBrought(args);
    const { said, open } = isExport(brought.file)
      ? await checkExport(brought.file, brought)
      : checkProofFile(readFileSync(brought.file), brought);
    if (open.length === 0) return [0, ["it holds", ...said]];
    return [3, ["consistent, signer not checked", ...said, ...open]];
  } catch (error) {
    if (error instanceof Usage || error.syscall !== undefined) return [2, [error.message]];
    const reason = error instanceof Wrong ? error.message : UNREADABLE;
    return [1, [`it does not hold: ${reason}`]];
  }
}

const UNREADABLE = "form: expected a file as docs/stream-format.md or docs/audit.md describes it";

// A proof

function checkProofFile(bytes, { keys, heads, providers }) {
  const text = bytes.toString("utf8");
  need(bytes.equals(Buffer.from(text)), "form: it is no UTF-8");
  const checked = checkProof(text, sha256, decodeBase64);
  const { proof } = checked;
  for (const one of checked.signatures) need(isSigned(one), one.why);
  const { head, rotations } = proof;
  const open = trustOf({ head, proof, rotations }, keys, heads, linksOf(proof));
  const verified = checkProviders(checked.providers, providers);
  return { said: wordsFor(checked, verified), open };
}

const decodeBase64 = (text) => Buffer.from(text, "base64");

/** @returns how many of the providers' signatures are valid; those without a given key are not checked */
function checkProviders(signatures, keys) {
  const checkable = signatures.filter(({ key_id }) => keys.has(key_id));
  for (const one of checkable) {
    const why = `bytes: the provider's signature of the delivery at position ${one.place} does not hold`;
    need(isSignedByProvider(one, keys.get(one.key_id)), why);
  }
  return checkable.length;
}

function wordsFor({ proof, checked, unseen, withdrawn, still, operatorOnly, providers }, verified) {
  const { account, balance, head, map } = proof;
  const unknown = providers.length - verified;
  const gaps = proof.entries.filter(({ missing }) => missing !== null).length;
  const holds = `${account} holds ${balance ?? "nothing that is known"}`;
  return [
    `${holds} after position ${head.position} of ledger ${head.ledger}, signed ${head.signed_at}`,
    `${counted(map.number, "event", "events")}, and these are all; ${counted(checked, "fact is", "facts are")} what the provider's bytes say, ${counted(unseen, "has", "have")} no bytes here`,
    ...some(verified, "of the provider's signatures holds", "of the provider's signatures hold"),
    ...some(
      unknown,
      "of the provider's signatures was not checked: bring its public key with --key",
      "of the provider's signatures were not checked: bring its public key with --key",
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

// The auditor's files

const USAGE = "usage: node check.mjs proof.json|export.jsonl [--key FILE|HEX]... [--head FILE]...";

/** The file to check, and what to check it against: keys of heads (64 hex digits), heads, providers' public keys. */
function readBrought(args) {
  const brought = { keys: [], heads: [], providers: new Map(), file: null };
  const rest = [...args];
  while (rest.length > 0) {
    const one = rest.shift();
    if (one === "--head" && rest.length > 0) brought.heads.push(readHead(rest.shift()));
    else if (one === "--key" && rest.length > 0) readKey(rest.shift(), brought);
    else if (!one.startsWith("--") && brought.file === null) brought.file = one;
    else throw new Usage(`${one}: expected one file, --key FILE or --head FILE`);
  }
  if (brought.file === null) throw new Usage(USAGE);
  return brought;
}

/** A given head has to be well formed, and signed by the key that it names. */
function readHead(file) {
  try {
    const head = JSON.parse(readFileSync(file, "utf8"));
    checkHead(head, sha256);
    need(isSigned(headSignature(head)), "its signature does not hold");
    return head;
  } catch (error) {
    throw new Usage(`${file} is no signed head: ${error.message}`);
  }
}

function readKey(given, { keys, providers }) {
  try {
    const text = HEX.test(given) ? given : readFileSync(given, "utf8").trim();
    if (HEX.test(text)) {
      keys.push(text);
      return;
    }
    const key = readPublicKey(text);
    providers.set(keyIdOf(key), key);
  } catch (error) {
    const expected =
      "expected 64 lower-case hex digits, or a provider's public key as PEM or base64";
    throw new Usage(`--key ${given}: ${expected}: ${error.message}`);
  }
}

const EXPORT_START = '{"format":"counterfoil-export/1"';

function isExport(file) {
  const start = Buffer.alloc(EXPORT_START.length);
  const descriptor = openSync(file, "r");
  readSync(descriptor, start, 0, start.length, 0);
  closeSync(descriptor);
  return start.toString() === EXPORT_START;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [code, lines] = await check(process.argv.slice(2));
  (code === 1 || code === 2 ? console.error : console.log)(lines.join("\n"));
  process.exitCode = code;
}
