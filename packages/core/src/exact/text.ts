/** By code unit: the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The beginning of a text, for people to read: it says where something was cut off. */
export function cutText(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax).toWellFormed()}…` : text;
}

/** Writes the bytes that lower-case hex digits stand for; digests are kept as text, hashed as bytes. */
export function putHex(into: Uint8Array, at: number, hex: string): void {
  for (let i = 0; 2 * i < hex.length; i += 1) {
    into[at + i] = (digit(hex.charCodeAt(2 * i)) << 4) | digit(hex.charCodeAt(2 * i + 1));
  }
}

/** Without a branch, since digits and letters come in no order: it is asked for every hash. */
const digit = (unit: number): number => (unit & 0x0f) + 9 * (unit >> 6);
