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
