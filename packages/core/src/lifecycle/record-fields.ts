import type { Nanos } from "../exact/time.ts";

/**
 * Whose an id is: participant, asset, network, as far as they are known. A shorter path is an owner
 * of whom less is known: `` < `DEF456` < `DEF456/USDC` < `DEF456/USDC/SOL`.
 */
export type Owner = string;

type Holder = Readonly<{
  participant_code?: string | null | undefined;
  asset?: string | null | undefined;
  network?: string | null | undefined;
}>;

/** `USDC` on network `SOL` is `USDC.SOL`. */
export function ownerOf({ participant_code, asset, network }: Holder): Owner {
  if (!participant_code) return "";
  const { base, network: inCode } = splitAsset(asset ?? "");
  const parts = [participant_code, base, base && (inCode ?? network ?? "")];
  return parts
    .slice(0, parts.findLastIndex(Boolean) + 1)
    .map((part) => encodeURIComponent(part))
    .join("/");
}

/** The owner of whom the least is known comes first. */
export function lessKnown(owner: Owner): Owner[] {
  const parts = owner === "" ? [] : owner.split("/");
  return parts.map((_, length) => parts.slice(0, length).join("/"));
}

/** All that is more exactly known lies between these two texts, the first left out. */
export function betterKnown(owner: Owner): readonly [after: string, before: string] {
  return owner === "" ? ["", "\u{10ffff}"] : [`${owner}/`, `${owner}0`];
}

export const isBetterKnown = (owner: Owner, than: Owner): boolean =>
  owner !== than && (than === "" || owner.startsWith(`${than}/`));

/** `USDC.ETH`: asset and network in one code. */
export function splitAsset(asset: string): Readonly<{ base: string; network: string | undefined }> {
  const dot = asset.indexOf(".");
  if (dot < 0) return { base: asset, network: undefined };
  return { base: asset.slice(0, dot), network: asset.slice(dot + 1) || undefined };
}

/** `""`, null and the nil UUID are unknown ids. */
export function knownId(id: string | null | undefined): string | undefined {
  return id && !/^0{8}-0{4}-0{4}-0{4}-0{12}$/.test(id) ? id : undefined;
}

/** Hashes are printed with and without 0x, in both cases. */
export function normalHash(hash: string): string {
  return hash.toLowerCase().replace(/^0x/, "");
}

/** As printed and normalised: both find the record. */
export function hashNames(hash: string | undefined): string[] {
  return hash === undefined ? [] : [hash, normalHash(hash)];
}

/**
 * What a fact says of a field of its record. Of all claims to one field the one with the least
 * `order` counts, so one more fact is one comparison, whatever came before.
 */
export type Claim = Readonly<{ field: string; order: string; value: string }>;

/** Of each field the claim that counts. */
export type Fields = Readonly<Record<string, readonly [order: string, value: string]>>;

const LAST_NANO = (1n << 63n) - 1n;
const timeText = (at: Nanos): string => at.toString(16).padStart(16, "0");

/** Of several, the earliest counts; a lesser weight goes before any time. */
export const earliest = (weight: number | string, at: Nanos, tie: string): string =>
  `${weight}${timeText(at)}${tie}`;

/** Of several, the latest counts. */
export const latest = (weight: number, at: Nanos, tie: string): string =>
  `${weight}${timeText(LAST_NANO - at)}${tie}`;

export function withClaims(fields: Fields, claims: readonly Claim[]): Fields {
  const next: Record<string, readonly [string, string]> = { ...fields };
  for (const { field, order, value } of claims) {
    const present = next[field];
    if (present === undefined || order < present[0]) next[field] = [order, value];
  }
  return next;
}

/** What several say together. */
export function mergedFields(all: readonly Fields[]): Fields {
  const claims = all.flatMap((fields) =>
    Object.entries(fields).map(([field, [order, value]]) => ({ field, order, value })),
  );
  return withClaims({}, claims);
}

export const valueIn = (fields: Fields, field: string): string | null => fields[field]?.[1] ?? null;

/** The values of these fields. */
export function valuesIn<Field extends string>(fields: Fields, ...names: readonly Field[]) {
  const values = names.map((name) => [name, valueIn(fields, name)]);
  return Object.fromEntries(values) as Readonly<Record<Field, string | null>>;
}

/** Of fields that are told one by one, such as the amount of each leg. */
export function valuesUnder(fields: Fields, prefix: string): string[] {
  return Object.keys(fields)
    .filter((field) => field.startsWith(prefix))
    .map((field) => valueIn(fields, field) ?? "");
}

/** Whose it is, and in what. */
export function holderFields(fields: Fields) {
  const asset = valueIn(fields, "asset");
  return {
    provider: providerOf(fields),
    ...valuesIn(fields, "participant_code", "account_group", "account_label"),
    asset,
    network: valueIn(fields, "network") ?? splitAsset(asset ?? "").network ?? null,
  };
}

export const providerOf = (fields: Fields): "layer1" | "zerohash" =>
  valueIn(fields, "provider") === "layer1" ? "layer1" : "zerohash";

type Fee = Readonly<{ fee?: string | undefined; fee_asset?: string | undefined }>;

/** A fee and its asset are one claim. */
export const feeText = ({ fee, fee_asset }: Fee): string | undefined =>
  fee === undefined ? undefined : JSON.stringify([fee, fee_asset ?? null]);

/** The fee of `feeText`. */
export function paidFee(fields: Fields) {
  const [fee, fee_asset] = JSON.parse(valueIn(fields, "paid_fee") ?? "[null,null]");
  return { fee, fee_asset } as Readonly<{ fee: string | null; fee_asset: string | null }>;
}

/** Movements of its way that a record lists. */
const MOVEMENTS_SHOWN = 100;
const MOVEMENT = "movement:";

/** Each movement is a field of its own. */
export const movementClaim = (id: string): Claim => ({
  field: MOVEMENT + id,
  order: id,
  value: id,
});
export const isMovement = (field: string): boolean => field.startsWith(MOVEMENT);

/** The first movements by id, which are all that a record lists. */
export function movementIds(fields: Fields): string[] {
  return valuesUnder(fields, MOVEMENT).sort().slice(0, MOVEMENTS_SHOWN);
}

/** Without the movements that no record lists: a record of thousands is no longer for it. */
export function withoutUnlisted(fields: Fields): Fields {
  if (Object.keys(fields).filter(isMovement).length <= MOVEMENTS_SHOWN) return fields;
  const listed = new Set(movementIds(fields));
  return Object.fromEntries(
    Object.entries(fields).filter(([field, [, value]]) => !isMovement(field) || listed.has(value)),
  );
}
