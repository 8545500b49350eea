/** Chance that a seed reproduces; never Math.random. */
export type Random = Readonly<{
  /** 32 random bits. */
  uint32: () => number;
  /** 0 ≤ n < bound. */
  below: (bound: number) => number;
  /** 0 ≤ n < bound, at 32 bits of resolution, for amounts and nanoseconds. */
  bigintBelow: (bound: bigint) => bigint;
  /** min ≤ n ≤ max, integers. */
  between: (min: number, max: number) => number;
  chance: (probability: number) => boolean;
  /** A waiting time with this mean; what arrives independently is spaced so. */
  exponential: (mean: number) => number;
  pick: <T>(list: readonly T[]) => T;
  hex: (digits: number) => string;
  uuid: () => string;
}>;

/** Different labels give independent streams of one seed, so that no part disturbs another. */
export function createRandom(seed: number | string, label = ""): Random {
  const uint32 = sfc32(`${seed}/${label}`);
  const unit = () => uint32() / 0x1_0000_0000;
  const below = (bound: number) => Math.floor(unit() * bound);
  const hex = (digits: number) => hexDigits(uint32, digits);
  return {
    uint32,
    below,
    bigintBelow: (bound) => (BigInt(uint32()) * bound) >> 32n,
    between: (min, max) => min + below(max - min + 1),
    chance: (probability) => unit() < probability,
    exponential: (mean) => -Math.log(1 - unit()) * mean,
    pick: (list) => {
      const item = list[below(list.length)];
      if (item === undefined) throw new RangeError("nothing to pick from");
      return item;
    },
    hex,
    uuid: () => uuidOf(hex(32)),
  };
}

/** A new order of the list (Fisher-Yates). */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    const held = result[last] as T;
    result[last] = result[other] as T;
    result[other] = held;
  }
  return result;
}

/** The layout of a UUID of version 4 over 32 hex digits. */
function uuidOf(hex: string): string {
  const variant = "89ab"[Number.parseInt(hex[16] ?? "0", 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function hexDigits(uint32: () => number, digits: number): string {
  let text = "";
  while (text.length < digits) text += uint32().toString(16).padStart(8, "0");
  return text.slice(0, digits);
}

/** sfc32 by Chris Doty-Humphrey: small, fast, and passes PractRand; seeded by FNV-1a words. */
function sfc32(seed: string): () => number {
  let a = fnv1a(`a${seed}`);
  let b = fnv1a(`b${seed}`);
  let c = fnv1a(`c${seed}`);
  let counter = 1;
  const next = () => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  // The first values still show the seed.
  for (let round = 0; round < 20; round += 1) next();
  return next;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}
