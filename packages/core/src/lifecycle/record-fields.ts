import { add, formatMoney, type Money, moneyOf, subtract, ZERO } from "../exact/money.ts";
import { compareText } from "../exact/text.ts";
import { type Nanos, TIME_MAX } from "../exact/time.ts";

/**
 * The scope of an id: participant, asset and network, as far as they are known. A shorter path is a
 * broader owner: `` < `DEF456` < `DEF456/USDC` < `DEF456/USDC/SOL`.
 */
export type Owner = string;

type Holder = Readonly<{
  participant_code?: string | null | undefined;
  asset?: string | null | undefined;
  network?: string | null | undefined;
}>;

/** The owner of a fact. `USDC` on network `SOL` and `USDC.SOL` give the same owner. */
export function ownerOf({ participant_code, asset, network }: Holder): Owner {
  if (!participant_code) return "";
  const { base, network: inCode } = splitAsset(asset ?? "");
  const parts = [participant_code, base, base && (inCode ?? network ?? "")];
  return parts
    .slice(0, parts.findLastIndex(Boolean) + 1)
    .map((part) => encodeURIComponent(part))
    .join("/");
}

/** All broader owners, the broadest first. */
export function broaderOwners(owner: Owner): Owner[] {
  const parts = owner === "" ? [] : owner.split("/");
  return parts.map((_, length) => parts.slice(0, length).join("/"));
}

/** All narrower owners sort between these two texts, both exclusive. */
export function narrowerOwnerRange(owner: Owner): readonly [after: string, before: string] {
  return owner === "" ? ["", "\u{10ffff}"] : [`${owner}/`, `${owner}0`];
}

/** Whether an owner is a part of another. */
export const isNarrowerOwner = (owner: Owner, than: Owner): boolean =>
  owner !== than && (than === "" || owner.startsWith(`${than}/`));

/** `USDC.ETH`: asset and network in one code. */
export function splitAsset(asset: string): Readonly<{ base: string; network: string | undefined }> {
  const dot = asset.indexOf(".");
  if (dot < 0) return { base: asset, network: undefined };
  return { base: asset.slice(0, dot), network: asset.slice(dot + 1) || undefined };
}

/** An id, or undefined: providers print `""`, null and the nil UUID for an unknown one. */
export function knownId(id: string | null | undefined): string | undefined {
  return id && !/^0{8}-0{4}-0{4}-0{4}-0{12}$/.test(id) ? id : undefined;
}

/** Providers print hashes with and without 0x, in upper and lower case. */
export function normalHash(hash: string): string {
  return hash.toLowerCase().replace(/^0x/, "");
}

/** A hash as printed and normalised; a record is found by either. */
export function hashNames(hash: string | undefined): string[] {
  return hash === undefined ? [] : [hash, normalHash(hash)];
}

/**
 * A value that a fact states for a field of its record. Of all claims to a field the one with the
 * smallest `order` wins, so another fact costs one comparison, however many came before.
 */
export type Claim = Readonly<{ field: string; value: string }> & Ordered;

/** The order of a claim, and how time decides it; without `by` an id does. */
export type Ordered = Readonly<{ order: string; by?: TimeOrder }>;

/**
 * The weight is compared before the time; of equal weights the earliest time wins, or the latest.
 */
type TimeOrder = Readonly<{ weight: string; isLatest: boolean }>;

/** The winning claim of each field. */
export type Fields = Readonly<Record<string, readonly [order: string, value: string]>>;

/** Of one length, so that these texts are in the order of the times. Printed times are not. */
export const timeText = (at: Nanos): string => at.toString(16).padStart(16, "0");

/** An order in which the lowest weight wins, then the earliest time. */
export const earliestFirst = (weight: number | string, at: Nanos, tie: string): Ordered =>
  byTime({ weight: String(weight), isLatest: false }, at, tie);

/** An order in which the lowest weight wins, then the latest time. */
export const latestFirst = (weight: number, at: Nanos, tie: string): Ordered =>
  byTime({ weight: String(weight), isLatest: true }, at, tie);

const byTime = (by: TimeOrder, at: Nanos, tie: string): Ordered => ({
  order: smallestOrderAt(by, at) + tie,
  by,
});

/** No claim of this weight has a smaller order at this time, or at one that wins less. */
export const smallestOrderAt = ({ weight, isLatest }: TimeOrder, at: Nanos): string =>
  weight + timeText(isLatest ? TIME_MAX - at : at);

/** The fields after further claims. */
export function withClaims(fields: Fields, claims: readonly Claim[]): Fields {
  const next: Record<string, readonly [string, string]> = { ...fields };
  for (const { field, order, value } of claims) {
    const present = next[field];
    if (present === undefined || order < present[0]) next[field] = [order, value];
  }
  return next;
}

/** The winning claims of several clusters together. */
export function mergedFields(all: readonly Fields[]): Fields {
  const claims = all.flatMap((fields) =>
    Object.entries(fields).map(([field, [order, value]]) => ({ field, order, value })),
  );
  return withClaims({}, claims);
}

/** The winning value of a field; null if nothing claims it. */
export const valueIn = (fields: Fields, field: string): string | null => fields[field]?.[1] ?? null;

/** The winning values of several fields, by name. */
export function valuesIn<Field extends string>(fields: Fields, ...names: readonly Field[]) {
  const values = names.map((name) => [name, valueIn(fields, name)]);
  return Object.fromEntries(values) as Readonly<Record<Field, string | null>>;
}

/** The values of all fields with a prefix, such as the amount of each leg. */
export function valuesUnder(fields: Fields, prefix: string): string[] {
  return Object.keys(fields)
    .filter((field) => field.startsWith(prefix))
    .map((field) => valueIn(fields, field) ?? "");
}

/** What the facts of a record add up to, by what it means; a sum that is absent is zero. */
export type Sums = Readonly<Record<string, string>>;

/** One sum; zero if it is absent. */
export const sumIn = (sums: Sums, name: string): Money => moneyOf(sums[name] ?? "0");

/** Adds sums, or subtracts them. */
export function withSums(sums: Sums, more: Sums, by: 1 | -1): Sums {
  const next = { ...sums };
  for (const [name, amount] of Object.entries(more)) {
    const sum = formatMoney((by > 0 ? add : subtract)(sumIn(sums, name), moneyOf(amount)));
    if (sum === "0") delete next[name];
    else next[name] = sum;
  }
  return next;
}

/** The sums of several clusters together. */
export const mergedSums = (all: readonly Sums[]): Sums =>
  all.reduce((sums, more) => withSums(sums, more, 1), {});

/** A sum less what came back of it; null if nothing was summed, and zero if more came back. */
export function netOf(sums: Sums, name: string, back: string): string | null {
  if (sums[name] === undefined) return null;
  const net = subtract(sumIn(sums, name), sumIn(sums, back));
  return formatMoney(net.isNegative() ? ZERO : net);
}

/** Two values that cannot both be true of one record. */
export type Contradiction = Readonly<{ field: string; stated: string; contradicted_by: string }>;

const [LEAST, MOST] = ["least:", "most:"];

/**
 * Claims to a value that all facts of a record should agree in: the smallest and the greatest text
 * win, so two values are seen however many facts state it.
 *
 * @param values printable ASCII, such as amounts
 */
export const agreedClaims = (
  values: Readonly<Record<string, string | null | undefined>>,
): Claim[] =>
  Object.entries(values).flatMap(([field, value]) =>
    value === undefined || value === null
      ? []
      : [
          { field: LEAST + field, order: value, value },
          { field: MOST + field, order: mirrored(value), value },
        ],
  );

/** Sorts before others if the text sorts after them. */
const mirrored = (text: string): string =>
  `${text.replace(/[ -~]/g, (unit) => String.fromCharCode(158 - unit.charCodeAt(0)))}\u007f`;

/** The values in which the facts of a record do not agree. */
export function disagreementsIn(fields: Fields): readonly Contradiction[] {
  const names = Object.keys(fields).filter((name) => name.startsWith(LEAST));
  return names.flatMap((name) => {
    const field = name.slice(LEAST.length);
    const [stated, other] = [valueIn(fields, name), valueIn(fields, MOST + field)];
    return stated === null || other === null || stated === other
      ? []
      : [{ field, stated, contradicted_by: other }];
  });
}

/** Two sums of which the first cannot be greater, where both are known. */
type Bound = readonly [lesser: string, greater: string];

/** The sums that exceed their bound, such as two debits for one hold. */
export function excessesIn(sums: Sums, bounds: readonly Bound[]): readonly Contradiction[] {
  return bounds.flatMap(([field, greater]) => {
    const [some, whole] = [sumIn(sums, field), sumIn(sums, greater)];
    return whole.isZero() || !whole.lessThan(some)
      ? []
      : [{ field, stated: formatMoney(whole), contradicted_by: formatMoney(some) }];
  });
}

/** The holder and the asset of a record. */
export function holderFields(fields: Fields) {
  const asset = valueIn(fields, "asset");
  return {
    provider: providerOf(fields),
    ...valuesIn(fields, "participant_code", "account_group", "account_label"),
    asset,
    network: valueIn(fields, "network") ?? splitAsset(asset ?? "").network ?? null,
  };
}

/** The provider whose facts a record has. */
export const providerOf = (fields: Fields): "layer1" | "zerohash" =>
  valueIn(fields, "provider") === "layer1" ? "layer1" : "zerohash";

type Fee = Readonly<{ fee?: string | undefined; fee_asset?: string | undefined }>;

/** A fee and its asset as one value, so that both come from the same claim. */
export const feeText = ({ fee, fee_asset }: Fee): string | undefined =>
  fee === undefined ? undefined : JSON.stringify([fee, fee_asset ?? null]);

/** Reads the fee that `feeText` wrote. */
export function paidFee(fields: Fields) {
  const [fee, fee_asset] = JSON.parse(valueIn(fields, "paid_fee") ?? "[null,null]");
  return { fee, fee_asset } as Readonly<{ fee: string | null; fee_asset: string | null }>;
}

/** The maximum number of movements that a record lists. */
const MAX_MOVEMENTS_LISTED = 100;
const MOVEMENT = "movement:";

/** A movement is a field of its own. */
export const movementClaim = (id: string): Claim => ({
  field: MOVEMENT + id,
  order: listOrder(id),
  value: id,
});
/** Whether a field is that of a movement. */
export const isMovement = (field: string): boolean => field.startsWith(MOVEMENT);

/** Movements are listed in the order of their facts' ids, see `factIdOf`: as JSON text. */
const listOrder = (id: string): string => JSON.stringify(id);

/** How many more movements the record may list; if none, others may be left out. */
export const roomIn = (fields: Fields): number =>
  MAX_MOVEMENTS_LISTED - Object.keys(fields).filter(isMovement).length;

/** The movements that a record lists: the first ones by id. */
export function movementIds(fields: Fields): string[] {
  const ids = valuesUnder(fields, MOVEMENT);
  return ids.sort((a, b) => compareText(listOrder(a), listOrder(b))).slice(0, MAX_MOVEMENTS_LISTED);
}

/** Drops the movements that the record does not list, so that thousands do not enlarge it. */
export function withoutUnlisted(fields: Fields): Fields {
  if (Object.keys(fields).filter(isMovement).length <= MAX_MOVEMENTS_LISTED) return fields;
  const listed = new Set(movementIds(fields));
  return Object.fromEntries(
    Object.entries(fields).filter(([field, [, value]]) => !isMovement(field) || listed.has(value)),
  );
}
