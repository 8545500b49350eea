/**
 * Parses JSON without loss. `JSON.parse` rounds numbers, drops repeated keys, and accepts text that
 * no database stores; a ledger cannot allow any of these.
 */

/** A number exactly as it was printed. Only `parseJson(text, "printed")` makes these. */
type PrintedNumber = Readonly<{ printed: string }>;

export type Json =
  | null
  | boolean
  | string
  | PrintedNumber
  | readonly Json[]
  | { readonly [key: string]: Json };

type JsonFault = Readonly<{ reason: string; at: number }>;

type ParsedJson = Readonly<{ ok: true; value: Json }> | ({ readonly ok: false } & JsonFault);

/** Maximum nesting of lists and objects, deeper than any provider prints; the parser recurses. */
const DEPTH_MAX = 64;

/**
 * Maximum length of one number. No amount of money has 400 digits, but they are harmless to keep.
 */
const NUMBER_LENGTH_MAX = 1024;

/**
 * Maximum size of an object and of a list. No provider prints so many keys or elements, and a table of
 * more would be one allocation of the size that ends a process.
 */
const MEMBERS_MAX = 100_000;
const ELEMENTS_MAX = 1_000_000;

/**
 * Parses RFC 8259 text.
 *
 * @param numbers `"string"` returns every number as the string that was printed (what schemas read:
 *   a provider's `85693` and `"85693"` become the same value); `"printed"` keeps the difference
 *   (what `canonicalJson` needs).
 * @returns the value, or the reason and the offset in UTF-16 units. Besides invalid syntax it
 *   rejects repeated keys, U+0000, lone surrogates, nesting deeper than 64, and objects and lists of
 *   more than 100,000 members or 1,000,000 elements. Never throws.
 */
export function parseJson(text: string, numbers: "string" | "printed" = "string"): ParsedJson {
  const reader = { text, at: 0, numbers };
  try {
    skipSpace(reader);
    const value = readValue(reader, 0);
    skipSpace(reader);
    if (reader.at < text.length) fault(reader, "text goes on after the JSON value");
    return { ok: true, value };
  } catch (error) {
    if (error instanceof Fault) return { ok: false, reason: error.message, at: error.at };
    throw error;
  }
}

/**
 * How much text `parseLongList` has before it reads an element: more than the longest number, of which a
 * part would be a number too. Any longer part of an element is a fault to it.
 */
const AHEAD_LENGTH = 256 * 1024;

/**
 * Parses a JSON object of which one member is a long list, without holding it: yields the elements of
 * the list, and returns the object with the list empty. Numbers are returned as strings.
 *
 * @param pieces the text, in pieces of any length
 * @throws at whatever `parseJson` rejects, and at some of what it accepts: an empty list, a part of more
 *   than 256 Ki characters, or another list under the name. Until the end nothing that was yielded counts.
 */
export function* parseLongList(
  pieces: Iterable<string>,
  name: string,
  aheadLength = AHEAD_LENGTH,
): Generator<Json, Json> {
  const reader: Reader = { text: "", at: 0, numbers: "string" };
  const rest = pieces[Symbol.iterator]();
  function readAhead(): void {
    let length = reader.text.length - reader.at;
    if (length >= aheadLength) return;
    const texts = [reader.text.slice(reader.at)];
    // Twice as much, so that however short the pieces are, text is seldom moved.
    while (length < 2 * aheadLength) {
      const piece = rest.next();
      if (piece.done) break;
      texts.push(piece.value);
      length += piece.value.length;
    }
    reader.text = texts.join("");
    reader.at = 0;
  }

  function* readElements(): Generator<Json, void> {
    reader.at += 1;
    do {
      readAhead();
      skipSpace(reader);
      yield readValue(reader, 2);
      skipSpace(reader);
    } while (!closes(reader, 0x5d));
  }

  const object: Record<string, Json> = {};
  readAhead();
  skipSpace(reader);
  if (reader.text.charCodeAt(reader.at) !== 0x7b) fault(reader, "expected an object");
  reader.at += 1;
  let members = 0;
  do {
    readAhead();
    members += 1;
    const key = readKey(reader, object, members);
    const isList = key === name && reader.text.charCodeAt(reader.at) === 0x5b;
    if (isList) yield* readElements();
    putMember(object, key, isList ? [] : readValue(reader, 1));
    skipSpace(reader);
  } while (!closes(reader, 0x7d));
  readAhead();
  skipSpace(reader);
  if (reader.at < reader.text.length) fault(reader, "text goes on after the JSON value");
  return object;
}

/**
 * RFC 8785 text of a value, except that numbers stay as printed (a digest must not depend on how a
 * language rounds). Keys with the value `undefined` are omitted.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (isPrintedNumber(value)) return value.printed;
  const object = value as Record<string, unknown>;
  const members: string[] = [];
  // Array.prototype.sort compares UTF-16 units, which is the order that RFC 8785 requires.
  for (const key of Object.keys(object).sort()) {
    if (object[key] === undefined) continue;
    members.push(`${JSON.stringify(key)}:${canonicalJson(object[key])}`);
  }
  return `{${members.join(",")}}`;
}

const PRINTED = Symbol("printed number");

function isPrintedNumber(value: object): value is PrintedNumber {
  return PRINTED in value;
}

type Reader = { text: string; at: number; readonly numbers: "string" | "printed" };

class Fault extends Error {
  readonly at: number;
  constructor(reason: string, at: number) {
    super(reason);
    this.at = at;
  }
}

function fault(reader: Reader, reason: string): never {
  throw new Fault(reason, reader.at);
}

function skipSpace(reader: Reader): void {
  const { text } = reader;
  for (;;) {
    const unit = text.charCodeAt(reader.at);
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
    reader.at += 1;
  }
}

function readValue(reader: Reader, depth: number): Json {
  const unit = reader.text.charCodeAt(reader.at);
  if (unit === 0x22) return readString(reader);
  if (unit === 0x7b || unit === 0x5b) {
    if (depth >= DEPTH_MAX) fault(reader, `nesting deeper than ${DEPTH_MAX}`);
    return unit === 0x7b ? readObject(reader, depth + 1) : readArray(reader, depth + 1);
  }
  if (unit === 0x2d || (unit >= 0x30 && unit <= 0x39)) return readNumber(reader);
  for (const [word, value] of WORDS) {
    if (!reader.text.startsWith(word, reader.at)) continue;
    reader.at += word.length;
    return value;
  }
  return fault(reader, Number.isNaN(unit) ? "text ends within a value" : "not a JSON value");
}

const WORDS = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;

function readObject(reader: Reader, depth: number): Json {
  const object: Record<string, Json> = {};
  reader.at += 1;
  skipSpace(reader);
  if (reader.text.charCodeAt(reader.at) === 0x7d) {
    reader.at += 1;
    return object;
  }
  for (let members = 1; ; members += 1) {
    const key = readKey(reader, object, members);
    putMember(object, key, readValue(reader, depth));
    skipSpace(reader);
    if (closes(reader, 0x7d)) return object;
  }
}

/** Reads the key of an object's next member, up to its value. */
function readKey(reader: Reader, object: Readonly<Record<string, Json>>, members: number): string {
  skipSpace(reader);
  if (members > MEMBERS_MAX) fault(reader, `an object of more than ${MEMBERS_MAX} members`);
  if (reader.text.charCodeAt(reader.at) !== 0x22) fault(reader, "expected a key in quotes");
  const key = readString(reader);
  if (Object.hasOwn(object, key)) fault(reader, `the key ${JSON.stringify(key)} is repeated`);
  skipSpace(reader);
  if (reader.text.charCodeAt(reader.at) !== 0x3a) fault(reader, "expected ':' after a key");
  reader.at += 1;
  skipSpace(reader);
  return key;
}

function putMember(object: Record<string, Json>, key: string, value: Json): void {
  // A plain assignment to `__proto__` would set the prototype instead of a member.
  if (key !== "__proto__") object[key] = value;
  else
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
}

function readArray(reader: Reader, depth: number): Json {
  const array: Json[] = [];
  reader.at += 1;
  skipSpace(reader);
  if (reader.text.charCodeAt(reader.at) === 0x5d) {
    reader.at += 1;
    return array;
  }
  for (;;) {
    skipSpace(reader);
    if (array.length === ELEMENTS_MAX)
      fault(reader, `a list of more than ${ELEMENTS_MAX} elements`);
    array.push(readValue(reader, depth));
    skipSpace(reader);
    if (closes(reader, 0x5d)) return array;
  }
}

/** Consumes the closing bracket (true) or the comma before another member (false). */
function closes(reader: Reader, bracket: number): boolean {
  const unit = reader.text.charCodeAt(reader.at);
  if (unit !== bracket && unit !== 0x2c) {
    fault(reader, `expected ',' or '${String.fromCharCode(bracket)}'`);
  }
  reader.at += 1;
  return unit === bracket;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function readNumber(reader: Reader): Json {
  NUMBER.lastIndex = reader.at;
  const printed = NUMBER.exec(reader.text)?.[0];
  if (printed === undefined) return fault(reader, "not a JSON number");
  if (printed.length > NUMBER_LENGTH_MAX) {
    fault(reader, `a number of more than ${NUMBER_LENGTH_MAX} characters`);
  }
  reader.at += printed.length;
  if (reader.numbers === "string") return printed;
  return Object.defineProperty({ printed }, PRINTED, { value: true });
}

// Characters of a JSON string without special meaning: no quote, no backslash, no control
// character, no surrogate (surrogates are read one by one).
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it excludes
const PLAIN = /[^"\\\u0000-\u001f\ud800-\udfff]*/y;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

function readString(reader: Reader): string {
  const { text } = reader;
  reader.at += 1;
  let value = "";
  for (;;) {
    PLAIN.lastIndex = reader.at;
    const plain = PLAIN.exec(text)?.[0] ?? "";
    reader.at += plain.length;
    value = value === "" ? plain : value + plain;
    const unit = text.charCodeAt(reader.at);
    if (unit === 0x22) break;
    if (unit === 0x5c) value += readEscape(reader);
    else if (unit >= 0xd800 && unit <= 0xdfff) value += text[reader.at++];
    else fault(reader, Number.isNaN(unit) ? "text ends within a string" : "control character");
  }
  reader.at += 1;
  if (!value.isWellFormed()) fault(reader, "a string holds a lone surrogate");
  return value;
}

function readEscape(reader: Reader): string {
  const letter = reader.text[reader.at + 1] ?? "";
  const escaped = ESCAPES[letter];
  if (escaped !== undefined) {
    reader.at += 2;
    return escaped;
  }
  const hex = reader.text.slice(reader.at + 2, reader.at + 6);
  if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(hex)) fault(reader, "not a JSON escape");
  if (hex === "0000") fault(reader, "a string holds U+0000");
  reader.at += 6;
  return String.fromCharCode(Number.parseInt(hex, 16));
}
