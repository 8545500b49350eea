import { once } from "node:events";

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** For programs: one JSON document; counts beyond what JSON's numbers hold are strings. */
export function printJson(value: unknown): void {
  print(jsonOf(value));
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, item) => (typeof item === "bigint" ? `${item}` : item), 2);
}

/** What `printJson` prints of a list, however long, one item after the other as they come. */
export async function printJsonList(items: AsyncIterable<unknown>): Promise<void> {
  let before = "[";
  for await (const item of items) {
    await written(`${before}\n${jsonOf(item).replaceAll(/^/gm, "  ")}`);
    before = ",";
  }
  print(before === "[" ? "[]" : "\n]");
}

/** Waits for a reader that is slower. */
export async function written(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** Enough of a digest to see whether two are the same. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16);
}
