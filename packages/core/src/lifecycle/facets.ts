/** Small look-ups that every fold makes in its legs. */

/** What the first source that says it says. */
export function firstOf<Source, Value>(
  sources: readonly Source[],
  pick: (source: Source) => Value | undefined,
): Value | null {
  for (const source of sources) {
    const value = pick(source);
    if (value !== undefined) return value;
  }
  return null;
}

/** What the last source that says it says. */
export function lastOf<Source, Value>(
  sources: readonly Source[],
  pick: (source: Source) => Value | undefined,
): Value | null {
  return firstOf(sources.toReversed(), pick);
}

/** Sorted, each once, without what is unknown. */
export function distinct(texts: readonly (string | null | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => typeof text === "string"))].sort();
}

/** Hashes are printed with and without 0x, in both cases. */
export function normalHash(hash: string): string {
  return hash.toLowerCase().replace(/^0x/, "");
}

/** As printed and normalised: both find the record. */
export function hashNames(hash: string | undefined): string[] {
  return hash === undefined ? [] : [hash, normalHash(hash)];
}

/** `USDC.ETH`: asset and network in one code. */
export function splitAsset(asset: string): Readonly<{ base: string; network: string | undefined }> {
  const dot = asset.indexOf(".");
  if (dot < 0) return { base: asset, network: undefined };
  return { base: asset.slice(0, dot), network: asset.slice(dot + 1) || undefined };
}
