// The command line: reads the given files, runs the check, and formats the result.
import { kStringMaxLength } from "node:buffer";
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { HEX, need, Unable } from "./exact.mjs";
import { isSigned, isSignedByProvider, keyIdOf, readPublicKey, sha256 } from "./signatures.mjs";
import { readHead, verdictOf } from "./verdict.mjs";

/** The command line, or a given key or head, is invalid. */
class Usage extends Error {}

/** @returns the exit code, and the lines to print */
export async function check(args) {
  if (JSON.rawJSON === undefined) {
    const found = `this is ${process.version}`;
    return [2, [`expected Node 22 or newer, which reads every digit of a number; ${found}`]];
  }
  try {
    const brought = await readBrought(args);
    const file = openFile(brought.file);
    const [code, said] = await verdictOf(file, brought, toolsWith(brought.providers));
    file.close();
    return [code, HEADINGS[code](said)];
  } catch (error) {
    if (error instanceof Usage || error.syscall !== undefined) return [2, [error.message]];
    throw error;
  }
}

const HEADINGS = [
  (said) => ["it holds", ...said],
  ([reason]) => [`it does not hold: ${reason}`],
  ([reason]) => [`it cannot be checked here: ${reason}`],
  (said) => ["consistent, signer not checked", ...said],
];

const toolsWith = (keys) => ({
  sha256,
  isSigned,
  decodeBase64: (text) => Buffer.from(text, "base64"),
  checkProviders: (signatures) => checkProviders(signatures, keys),
  toCheckProviders: "bring its public key with --key",
  textMax: kStringMaxLength,
  exportMax: Number.POSITIVE_INFINITY,
  forLarger: "check.py has no such limit",
});

/** @returns how many of the providers' signatures are valid; those without a given key are not checked */
function checkProviders(signatures, keys) {
  const checkable = signatures.filter(({ key_id }) => keys.has(key_id));
  for (const one of checkable) {
    const why = `bytes: the provider's signature of the delivery at position ${one.place} does not hold`;
    need(isSignedByProvider(one, keys.get(one.key_id)), why);
  }
  return checkable.length;
}

// The auditor's files

const USAGE = "usage: node check.mjs proof.json|export.jsonl [--key FILE|HEX]... [--head FILE]...";

/** The file to check, and what to check it against: keys of heads (64 hex digits), heads, providers' public keys. */
async function readBrought(args) {
  const brought = { keys: [], heads: [], providers: new Map(), file: null };
  const rest = [...args];
  while (rest.length > 0) {
    const one = rest.shift();
    if (one === "--head" && rest.length > 0) brought.heads.push(await headIn(rest.shift()));
    else if (one === "--key" && rest.length > 0) readKey(rest.shift(), brought);
    else if (!one.startsWith("--") && brought.file === null) brought.file = one;
    else throw new Usage(`${one}: expected one file, --key FILE or --head FILE`);
  }
  if (brought.file === null) throw new Usage(USAGE);
  return brought;
}

async function headIn(file) {
  try {
    return await readHead(readFileSync(file, "utf8"), { sha256, isSigned });
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

/** A file that is read in parts, so that an export of any size can be checked. */
function openFile(path) {
  const descriptor = openSync(path, "r");
  return {
    size: fstatSync(descriptor).size,
    read(start, end) {
      try {
        return readPart(descriptor, start, end);
      } catch (error) {
        throw new Unable(`${path}: ${error.message}`);
      }
    },
    close: () => closeSync(descriptor),
  };
}

/** The bytes from `start` to `end`, or to the end of the file. */
function readPart(descriptor, start, end) {
  const bytes = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read) {
    read = readSync(descriptor, bytes, length, bytes.length - length, start + length);
  }
  return bytes.subarray(0, length);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [code, lines] = await check(process.argv.slice(2));
  (code === 1 || code === 2 ? console.error : console.log)(lines.join("\n"));
  process.exitCode = code;
}
