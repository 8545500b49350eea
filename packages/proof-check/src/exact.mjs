// Shared by all steps: canonical JSON, digests, amounts and times, all exact. Read proof.mjs first.

/** The check failed; the message names the step and the reason. */
export class Wrong extends Error {}

/** It cannot be checked by this program, or not here. That says nothing about the file. */
export class Unable extends Error {}

export function wrong(why) {
  throw new Wrong(why);
}

export const need = (holds, why) => holds || wrong(why);

export const without = (object, name) =>
  Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));

// JSON

/** RFC 8785: one text for each value. The checked values contain no numbers. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/** Parses the provider's JSON; numbers stay text as printed, so that no digit is lost. */
export function exactJson(text) {
  const exact = (_name, value, { source }) => (typeof value === "number" ? source : value);
  return JSON.parse(nestedLittle(text), exact);
}

/** Where an engine's memory for nesting ends, another's does not: all checkers end here. A ledger reads 64 levels. */
const NESTED_MAX = 1000;

/** @returns the text. @throws if its lists and objects are nested too deeply */
export function nestedLittle(text) {
  if (text.split(/[[{]/, NESTED_MAX + 2).length <= NESTED_MAX + 1) return text;
  let [level, isInText] = [0, false];
  for (let at = 0; at < text.length; at += 1) {
    const one = text[at];
    if (one === "\\") at += 1;
    else if (one === '"') isInText = !isInText;
    else if (!isInText && (one === "[" || one === "{")) level += 1;
    else if (!isInText && (one === "]" || one === "}")) level -= 1;
    if (level > NESTED_MAX) throw new SyntaxError("it is nested too deeply");
  }
  return text;
}

/** What cannot be read is malformed. */
export function readWith(read, why) {
  try {
    return read();
  } catch {
    return wrong(why);
  }
}

// Shapes: what each value has to be, so that every field is checked

export const HEX = /^[0-9a-f]{64}$/;
const textLike = (pattern) => (value) => typeof value === "string" && pattern.test(value);
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Kinds of values: a test, and what is expected. Counts are small enough for an exact JavaScript number. */
const KINDS = {
  any: [() => true, "anything"],
  text: [textLike(/^/), "text"],
  digest: [textLike(HEX), "64 lower-case hex digits"],
  signature: [textLike(/^[0-9a-f]{128}$/), "128 lower-case hex digits"],
  count: [textLike(/^(0|[1-9]\d{0,14})$/), "a whole number as text"],
  position: [textLike(/^[1-9]\d{0,14}$/), "a position as text"],
  nanos: [textLike(/^-?\d{1,19}$/), "nanoseconds as text"],
  amount: [textLike(/^-?(0|[1-9]\d{0,999})(\.\d{0,999}[1-9])?$/), "an amount as text"],
  time: [(value) => time(value) !== null, "a time as text"],
  base64: [
    (value) =>
      textLike(/^[A-Za-z0-9+/]*={0,2}$/)(value) &&
      value.length % 4 === 0 &&
      /(^|[^=]|[AEIMQUYcgkosw048]=|[AQgw]==)$/.test(value.slice(-3)),
    "base64",
  ],
  number: [(value) => Number.isSafeInteger(value) && value >= 0, "a whole number"],
};

/** The shape of an object, from "name:kind name:kind". */
export function fields(text) {
  return Object.fromEntries(text.split(/\s+/).map((one) => one.split(":")));
}

/**
 * Checks a value against its shape: a kind, a list of one shape, or fields by name. "?" means after a kind that
 * it may be null, after a name that it may be missing; "*" is the shape of all other fields, else there are none.
 */
export function needShape(value, shape, where) {
  const expect = (isGood, words) => need(isGood, `${where}: expected ${words}`);
  if (typeof shape === "string") {
    const [isKind, words] = KINDS[shape.replace("?", "")];
    if (!shape.endsWith("?")) expect(isKind(value), words);
    else expect(value === null || isKind(value), `${words} or null`);
  } else if (Array.isArray(shape)) {
    expect(Array.isArray(value), "a list");
    for (const [at, one] of value.entries()) needShape(one, shape[0], `${where}[${at}]`);
  } else {
    const own = (name) => (Object.hasOwn(shape, name) ? shape[name] : undefined);
    const shapeOf = (name) => own(name) ?? own(`${name}?`) ?? own("*");
    const names = Object.keys(shape).filter((name) => !/[*?]$/.test(name));
    const hasAll = isObject(value) && names.every((name) => Object.hasOwn(value, name));
    const isGood = hasAll && Object.keys(value).every(shapeOf);
    expect(isGood, `an object with the fields ${names.sort().join(", ") || "that belong there"}`);
    for (const [name, one] of Object.entries(value))
      needShape(one, shapeOf(name), `${where}.${name}`);
  }
}

// Bytes and digests

export function fromHex(hex) {
  const bytes = new Uint8Array(hex.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  }
  return bytes;
}

export const utf8 = (text) => new TextEncoder().encode(text);

export function joinedBytes(...parts) {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** SHA-256 of digests after one byte that says what is hashed; a subject's chained digest has no such byte. */
export function hashesOf(sha256) {
  const hashOf =
    (...prefix) =>
    (...digests) =>
      sha256(joinedBytes(Uint8Array.from(prefix), ...digests.map(fromHex)));
  return {
    leaf: hashOf(0),
    node: hashOf(1),
    entry: hashOf(2),
    branch: hashOf(3),
    chained: hashOf(),
  };
}

/** The hash of an event, over the previous hash and all its fields. */
export function eventHash(before, event, sha256) {
  const header = [
    ...[String(event.position), event.id, event.type, String(event.schema_version), event.subject],
    ...[event.occurred_at, event.recorded_at, event.causation_id, event.correlation_id],
  ];
  return sha256(joinedBytes(fromHex(before), utf8(`${JSON.stringify(header)}\n${event.data}`)));
}

// Amounts: a whole number of units, and the number of decimals

const AMOUNT = /^([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/** @param text of the kind `amount`, or as a provider prints it */
export function amount(text) {
  const [, sign, whole, part = "", power = "0"] = AMOUNT.exec(text);
  const digits = `${sign}${whole}${part}`.replace("+", "");
  const scale = part.length - Number(power);
  if (scale >= 0) return { units: BigInt(digits), scale };
  return { units: BigInt(digits + "0".repeat(-scale)), scale: 0 };
}

export const ZERO = { units: 0n, scale: 0 };

/** Two amounts in the finer one's units, and that scale. */
export function aligned(a, b) {
  const scale = Math.max(a.scale, b.scale);
  const unitsOf = (one) => one.units * 10n ** BigInt(scale - one.scale);
  return [unitsOf(a), unitsOf(b), scale];
}

export function plus(a, b) {
  const [x, y, scale] = aligned(a, b);
  return { units: x + y, scale };
}

export function minus(a, b) {
  const [x, y, scale] = aligned(a, b);
  return { units: x - y, scale };
}

export const magnitude = (units) => (units < 0n ? -units : units);

/** The canonical text of an amount: no exponent, no trailing zeros. */
export function printed(value) {
  if (value === null) return null;
  const { units, scale } = value;
  const digits = String(magnitude(units)).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const part = digits.slice(digits.length - scale).replace(/0+$/, "");
  return `${units < 0n ? "-" : ""}${whole}${scale > 0 && part ? `.${part}` : ""}`;
}

export const isGiven = (value) => value !== undefined && value !== null && value !== "";

export const isAmount = textLike(AMOUNT);

/** Whether two printed amounts are equal, or both are missing. */
export function isSameAmount(a, b) {
  if (!isGiven(a) || !isGiven(b)) return isGiven(a) === isGiven(b);
  return [a, b].every(isAmount) && minus(amount(a), amount(b)).units === 0n;
}

// Times: nanoseconds since 1970

const ISO =
  /^(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(?:\.(\d{1,9}))?(Z|z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)$/;
export const SECOND = 1_000_000_000n;

/** Nanoseconds of an ISO 8601 time, or of an epoch whose number of digits shows its unit; null if it is not a time. */
export function time(text) {
  if (typeof text !== "string") return null;
  const [, day, minute, second, part = "", offset] = ISO.exec(text) ?? [];
  if (day !== undefined) {
    const midnight = new Date(Date.parse(`${day}T00:00:00Z`) || 0);
    if (!midnight.toISOString().startsWith(day)) return null;
    const zone = offset.toUpperCase().replace(/^(.\d\d)(\d\d)$/, "$1:$2");
    const minutes = BigInt(Date.parse(`${day}T${minute}:00${zone}`)) * 1_000_000n;
    return minutes + BigInt(second) * SECOND + BigInt(part.padEnd(9, "0"));
  }
  if (!/^\d{1,19}$/.test(text)) return null;
  const unit =
    text.length <= 11 ? SECOND : text.length <= 14 ? 1_000_000n : text.length <= 17 ? 1000n : 1n;
  return BigInt(text) * unit;
}

export const least = (times) => times.reduce((a, b) => (a === null || b < a ? b : a), null);
export const most = (times) => times.reduce((a, b) => (a === null || b > a ? b : a), null);

/** Of several printed times of one moment the most precise one of which the others are truncations; else the earliest. */
export const agreedTime = (times) =>
  least(times.filter((one) => !times.some((other) => isCutFrom(one, other))));

const isCutFrom = (coarse, fine) =>
  coarse !== fine &&
  [1000n, 1_000_000n, SECOND].some(
    (unit) => coarse % unit === 0n && fine - (fine % unit) === coarse,
  );

/** A count and what was counted, for people: "1 event", "2 events". */
export function counted(count, one, many) {
  return `${count} ${Number(count) === 1 ? one : many}`;
}
