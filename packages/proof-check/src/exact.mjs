// What every step needs: JSON in one form, digests, amounts and times, all exact. Read proof.mjs first.

/** Something does not hold; the message says which step found it, and what. */
export class Wrong extends Error {}

export function wrong(why) {
  throw new Wrong(why);
}

export const need = (holds, why) => holds || wrong(why);

/** That an object has these fields and no other: nothing in a proof goes unread. */
export function needFields(object, names, what) {
  const isObject = object !== null && typeof object === "object" && !Array.isArray(object);
  const found = isObject ? Object.keys(object).sort().join() : null;
  need(
    found === [...names].sort().join(),
    `form: ${what} has to have the fields ${names.join(", ")}`,
  );
}

export const without = (object, name) =>
  Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));

// JSON

/** RFC 8785: one text for each value. Nothing that is checked here holds numbers. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/** Of the provider's JSON, each number as it was printed: none loses a digit. */
export const exactJson = (text) =>
  JSON.parse(text, (_name, value, { source }) => (typeof value === "number" ? source : value));

// Bytes and digests

export const HEX = /^[0-9a-f]{64}$/;
/** A whole number as text, small enough to be one in JavaScript too. */
export const COUNT = /^(0|[1-9]\d{0,14})$/;

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

/** SHA-256 of one byte, which says what is hashed, and of other digests; a subject's chain has no such byte. */
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

/** The hash of an event: over the hash before it, and over all that it says. */
export function eventHash(before, event, sha256) {
  const header = [
    ...[String(event.position), event.id, event.type, String(event.schema_version), event.subject],
    ...[event.occurred_at, event.recorded_at, event.causation_id, event.correlation_id],
  ];
  return sha256(joinedBytes(fromHex(before), utf8(`${JSON.stringify(header)}\n${event.data}`)));
}

// Amounts: a whole number of units, and how many of its digits stand behind the point

const AMOUNT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

export function amount(text) {
  const [, sign, whole, part = "", power = "0"] =
    AMOUNT.exec(text) ?? wrong(`form: ${text} is no amount`);
  const digits = `${sign}${whole}${part}`.replace("+", "") || "x";
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

/** As ledgers print it: no exponent, no zeros at the end. */
export function printed(value) {
  if (value === null) return null;
  const { units, scale } = value;
  const digits = String(magnitude(units)).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const part = digits.slice(digits.length - scale).replace(/0+$/, "");
  return `${units < 0n ? "-" : ""}${whole}${scale > 0 && part ? `.${part}` : ""}`;
}

export const isGiven = (value) => value !== undefined && value !== null && value !== "";

/** Whether two printed amounts are one, or neither is given. */
export function isSameAmount(a, b) {
  if (!isGiven(a) || !isGiven(b)) return isGiven(a) === isGiven(b);
  return minus(amount(a), amount(b)).units === 0n;
}

// Times: nanoseconds since 1970

const ISO = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:?\d\d)$/;
const SECOND = 1_000_000_000n;

/** ISO 8601, or an epoch whose unit its number of digits tells; null where it is no time. */
export function time(text) {
  const [, day, minute, second, part = "", offset] = ISO.exec(text) ?? [];
  if (day !== undefined) {
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

/** Of several printings of one moment the finest, from which others are cut; else the earliest. */
export const agreedTime = (times) =>
  least(times.filter((one) => !times.some((other) => isCutFrom(one, other))));

const isCutFrom = (coarse, fine) =>
  coarse !== fine &&
  [1000n, 1_000_000n, SECOND].some(
    (unit) => coarse % unit === 0n && fine - (fine % unit) === coarse,
  );
