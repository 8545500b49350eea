// The page's checker: a worker of check.html, so that the page stays usable and a check can be cancelled.
// It has no other crypto than the browser's, which computes digests only for those who wait: so SHA-256 is here.

import { fromHex, HEX, readWith, Unable, utf8 } from "./exact.mjs";
import { readHead, verdictOf } from "./verdict.mjs";

const SCRIPTS = "check.mjs and check.py";

/** Within what browsers give a page: a proof takes about ten times its size of memory. */
const TEXT_MAX = 200_000_000;
/** An export takes about 100 bytes for each of its events, and this is more than ten minutes' work. */
const EXPORT_MAX = 8_000_000_000;
/** A head has about 1,000 bytes. */
const BROUGHT_MAX = 100_000;

self.addEventListener("message", async ({ data: { file, brought } }) => {
  self.postMessage(await checkFiles(file, brought));
});

/** @param file and `brought`, what the auditor holds: Blobs */
async function checkFiles(file, brought) {
  try {
    const given = await readBrought(brought);
    if (given.why !== undefined) return { isOfBrought: true, code: 2, said: given.why };
    const [code, said] = await verdictOf(await readerOf(file), given, TOOLS);
    return { code, said, against: given.against };
  } catch (error) {
    return { code: 2, said: [error.message] };
  }
}

/** The file in parts; the page is told how far it is read. */
async function readerOf(file) {
  // One that is gone looks empty, until it is read as a whole.
  if (file.size === 0) await bytesOf(file);
  // All parts are of this state of the file: once it is altered, reading fails.
  const now = file.slice(0, file.size);
  return {
    size: now.size,
    async read(start, end) {
      self.postMessage({ done: start / now.size });
      return bytesOf(now.slice(start, end));
    },
  };
}

const bytesOf = async (blob) => {
  const buffer = await blob.arrayBuffer().catch(({ message }) => {
    throw new Unable(`the file could not be read: ${message} Choose it again.`);
  });
  return new Uint8Array(buffer);
};

// What the auditor holds

const EXPECTED =
  "Expected 64 lower-case hex digits, or a signed head as JSON, as `counterfoil head` prints it.";

/** @returns `keys` and `heads`, and what they are in words (`against`); or why it is neither */
async function readBrought(blob) {
  const no = (why) => ({ why: [why, EXPECTED] });
  if (blob.size > BROUGHT_MAX) return no(`It has ${blob.size} bytes.`);
  const json = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await bytesOf(blob));
  const text = json.trim();
  if (text === "") return { keys: [], heads: [], against: "no key and no head" };
  if (HEX.test(text)) return { keys: [text], heads: [], against: `the key ${text}` };
  if (/^[0-9a-fA-F]{64}$/.test(text)) return no("Its hex digits are upper-case.");
  if (/^[0-9a-fA-F\s]+$/.test(text)) return no(`It has ${text.replace(/\s/g, "").length} digits.`);
  if (text.includes("-----BEGIN"))
    return no(`It is a provider's public key: ${SCRIPTS} check what that signed.`);
  try {
    const head = readWith(() => JSON.parse(json), "It is no JSON");
    await readHead(json, TOOLS);
    const { position, ledger, signed_at, key_id } = head;
    const against = `the head over position ${position} of ledger ${ledger}, signed ${signed_at} by key ${key_id}`;
    return { keys: [], heads: [head], against };
  } catch (error) {
    if (error instanceof Unable) throw error;
    return no(`${error.message}.`);
  }
}

// SHA-256 (FIPS 180-4)

const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n += 1)
  if (PRIMES.every((prime) => n % prime !== 0)) PRIMES.push(n);

/** The first 32 bits behind the point of a root, in whole numbers. */
function rootBits(prime, power) {
  const wanted = BigInt(prime) << BigInt(32 * power);
  let [low, high] = [0n, 1n << 40n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(power) <= wanted) low = middle;
    else high = middle;
  }
  return Number(low & 0xffffffffn);
}

const START = PRIMES.slice(0, 8).map((prime) => rootBits(prime, 2));
const ROUND = Int32Array.from(PRIMES, (prime) => rootBits(prime, 3));
const BLOCK = 64;
const words = new Int32Array(BLOCK);

/** @returns lower-case hex */
function sha256(bytes) {
  const state = Int32Array.from(START);
  const whole = bytes.length - (bytes.length % BLOCK);
  for (let at = 0; at < whole; at += BLOCK) addBlock(state, bytes, at);
  // The rest, one bit, zeros, and the length in bits.
  const rest = bytes.subarray(whole);
  const last = new Uint8Array(rest.length + 9 > BLOCK ? 2 * BLOCK : BLOCK);
  last.set(rest);
  last[rest.length] = 0x80;
  new DataView(last.buffer).setBigUint64(last.length - 8, BigInt(bytes.length) * 8n);
  for (let at = 0; at < last.length; at += BLOCK) addBlock(state, last, at);
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** Plain variables and no lists: digests are a large part of the work, and 4 times faster so. */
function addBlock(state, bytes, start) {
  for (let t = 0, at = start; t < 16; t += 1, at += 4) {
    words[t] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  for (let t = 16; t < BLOCK; t += 1) {
    const x = words[t - 15];
    const y = words[t - 2];
    const small = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const large = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[t] = words[t - 16] + small + words[t - 7] + large;
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let t = 0; t < BLOCK; t += 1) {
    const ofE = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const first = (h + ofE + ((e & f) ^ (~e & g)) + ROUND[t] + words[t]) | 0;
    const ofA = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const second = (ofA + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

// The other tools

function decodeBase64(text) {
  const decoded = atob(text);
  const bytes = new Uint8Array(decoded.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = decoded.charCodeAt(at);
  return bytes;
}

/** Ed25519: a key of 64 hex digits, a signature of 128. */
async function isSigned({ key, text, signature }) {
  if (!HEX.test(key) || !/^[0-9a-f]{128}$/.test(signature)) return false;
  try {
    const { subtle } = crypto;
    const publicKey = await subtle.importKey("raw", fromHex(key), "Ed25519", false, ["verify"]);
    return await subtle.verify("Ed25519", publicKey, fromHex(signature), utf8(text));
  } catch (error) {
    // Bytes that are no key; anything else says nothing about the signature.
    if (error.name === "DataError") return false;
    throw new Unable(`Ed25519 is not available: ${error.message}`);
  }
}

const TOOLS = {
  sha256,
  decodeBase64,
  isSigned,
  checkProviders: () => 0,
  toCheckProviders: `${SCRIPTS} do that, with its public key`,
  textMax: TEXT_MAX,
  exportMax: EXPORT_MAX,
  forLarger: `${SCRIPTS} read larger ones`,
};
