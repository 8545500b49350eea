import type { Random } from "@counterfoil/simulator/random";

/** What a text becomes on a bad way, or by a bad hand. */
const MUTATIONS: readonly ((text: string, random: Random) => string)[] = [
  (text, random) => text.slice(0, random.below(text.length)),
  (text, random) => withCharacter(text, random, String.fromCharCode(random.below(0x10000))),
  (text, random) => withCharacter(text, random, random.pick(['"', "{", "}", "[", "]", ",", ":"])),
  (text, random) => text.replace(/\d+/, "9".repeat(random.between(1, 400))),
  (text, random) => text.replace(/\d+(?:\.\d+)?/g, (found) => (random.chance(0.2) ? "0" : found)),
  (text, random) => text.replace(/"[^"]*"/, `"${"x".repeat(random.between(1, 5_000))}"`),
  (text, random) => text.replace(/:\s*"[^"]*"/, random.pick([": null", ": {}", ": []", ": 1e400"])),
  (text, random) => text.replaceAll('"USD"', random.pick(['"BTC"', '""', '"\\ud800"', '"usd"'])),
  (text, random) => `${"[".repeat(random.between(1, 3_000))}${text}`,
  (text) => text + text,
  (text) => `\ufeff${text}`,
];

/** The text changed once or a few times. */
export function mutated(text: string, random: Random): string {
  let result = text;
  for (let left = random.between(1, 3); left > 0; left -= 1) {
    result = random.pick(MUTATIONS)(result, random);
  }
  return result;
}

function withCharacter(text: string, random: Random, character: string): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + character + text.slice(at + 1);
}
