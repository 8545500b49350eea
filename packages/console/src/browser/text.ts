const UNITS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
] as const;

/** Seconds in the two largest units, such as `2 d 3 h`; less than a second in milliseconds. */
export function durationText(seconds: number): string {
  if (seconds > 0 && seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [size, unit] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

const PLURALS: Readonly<Record<string, string>> = {
  unlisted: "unlisted",
  delivery: "deliveries",
  entry: "entries",
  "other anomaly": "other anomalies",
};

/** A count and what was counted: "1 delivery", "2 deliveries". */
export const countOf = (count: number, what: string): string =>
  `${count} ${count === 1 ? what : (PLURALS[what] ?? `${what}s`)}`;

/** An exact decimal, divided to be shown. */
export type AmountParts = Readonly<{
  sign: string;
  /** The whole digits in groups of three, the first one of one to three. */
  groups: readonly string[];
  fraction: string;
}>;

/**
 * Divides an exact decimal as the service prints it. A field of a provider may be written otherwise, such
 * as `.25` or `45,000.50`: null, and it is to be shown as it is written.
 */
export function amountParts(value: string): AmountParts | null {
  const [found, sign = "", whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(value) ?? [];
  if (found === undefined) return null;
  const groups = whole.replace(/\B(?=(?:\d{3})+$)/g, " ").split(" ");
  return { sign, groups, fraction };
}

/** The most decimals among amounts. */
export const fractionOf = (values: readonly (string | null | undefined)[]): number =>
  Math.max(0, ...values.map((value) => amountParts(value ?? "")?.fraction.length ?? 0));

/** Characters that change the direction of the text after them. */
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A sentence of the service that contains a provider's texts, with what would turn its direction escaped. */
export const withoutDirections = (text: string): string =>
  text.replace(DIRECTIONS, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Names for rows that stay with them when others come: a name that repeats is numbered from the end. */
export function uniqueNames<Row>(
  rows: readonly Row[],
  nameOf: (row: Row) => string,
): ReadonlyMap<Row, string> {
  const counts = new Map<string, number>();
  const names = [...rows].reverse().map((row): [Row, string] => {
    const name = nameOf(row);
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return [row, count === 1 ? name : `${name} ${count}`];
  });
  return new Map(names);
}
