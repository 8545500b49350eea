export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** For programs: one JSON document; counts beyond what JSON's numbers hold are strings. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, (_key, item) => (typeof item === "bigint" ? `${item}` : item), 2));
}

/** Enough of a digest to see whether two are the same. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16);
}
