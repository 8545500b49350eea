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
    into[at + i] = (digit(hex, 2 * i) << 4) | digit(hex, 2 * i + 1);
  }
}

function digit(hex: string, at: number): number {
  const unit = hex.charCodeAt(at);
  return unit < 0x40 ? unit - 0x30 : (unit & 0x1f) + 9;
}
