import type { Nanos } from "../exact/time.ts";

/**
 * Who says what of a record, kept as facts come and go: of each field the saying that counts. The
 * least `order` counts, so one more fact is one comparison, whatever came before.
 */
export type Saying = Readonly<{ field: string; order: string; value: string }>;

export type Fields = Readonly<Record<string, readonly [order: string, value: string]>>;

const LAST_NANO = (1n << 63n) - 1n;
const timeText = (at: Nanos): string => at.toString(16).padStart(16, "0");

/** Of several, the earliest counts; a lesser weight goes before any time. */
export const earliest = (weight: number, at: Nanos, tie: string): string =>
  `${weight}${timeText(at)}${tie}`;

/** Of several, the latest counts. */
export const latest = (weight: number, at: Nanos, tie: string): string =>
  `${weight}${timeText(LAST_NANO - at)}${tie}`;

export function withSayings(fields: Fields, sayings: readonly Saying[]): Fields {
  const next: Record<string, readonly [string, string]> = { ...fields };
  for (const { field, order, value } of sayings) {
    const present = next[field];
    if (present === undefined || order < present[0]) next[field] = [order, value];
  }
  return next;
}

/** Fields whose saying that counts is among these: they have to be looked for again. */
export function fieldsLost(fields: Fields, sayings: readonly Saying[]): string[] {
  const lost = sayings.filter(({ field, order }) => fields[field]?.[0] === order);
  return [...new Set(lost.map(({ field }) => field))];
}

export function withoutFields(fields: Fields, lost: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([field]) => !lost.includes(field)));
}

/** What several say together. */
export function mergedFields(all: readonly Fields[]): Fields {
  return all.reduce<Fields>(
    (merged, fields) =>
      withSayings(
        merged,
        Object.entries(fields).map(([field, [order, value]]) => ({ field, order, value })),
      ),
    {},
  );
}

export const said = (fields: Fields, field: string): string | null => fields[field]?.[1] ?? null;

/** Fields that are told one by one, such as the amount of each leg. */
export function saidUnder(fields: Fields, prefix: string): string[] {
  return Object.keys(fields)
    .filter((field) => field.startsWith(prefix))
    .map((field) => said(fields, field) ?? "");
}
