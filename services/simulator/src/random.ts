/** Random values that a seed reproduces; never Math.random. */
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
  /** An exponentially distributed time with this mean, as between independent arrivals. */
  exponential: (mean: number) => number;
  pick: <T>(list: readonly T[]) => T;
  /** Lower case, at most 500 digits. */
  hex: (digits: number) => string;
  uuid: () => string;
}>;

/** Different labels give independent streams of one seed, so that parts do not affect each other. */
export function createRandom(seed: number | string, label = ""): Random {
  const uint32 = sfc32(`${seed}/${label}`);
  const unit = () => uint32() / 0x1_0000_0000;
  const below = (bound: number) => Math.floor(unit() * bound);
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
    hex: (digits) => hexDigits(uint32, digits),
    uuid: () => uuidOf(uint32),
  };
}

/** A new order of the list (Fisher-Yates). */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    const swapped = result[last] as T;
    result[last] = result[other] as T;
    result[other] = swapped;
  }
  return result;
}

/** The layout of a UUID of version 4 over 32 random hex digits. */
function uuidOf(uint32: () => number): string {
  writeHex(uint32, 32);
  SCRATCH.copyWithin(24, 20, 32);
  SCRATCH.copyWithin(19, 16, 20);
  SCRATCH.copyWithin(14, 12, 16);
  SCRATCH.copyWithin(9, 8, 12);
  for (const dash of [8, 13, 18, 23]) SCRATCH[dash] = DASH;
  SCRATCH[14] = VERSION_4;
  SCRATCH[19] = HEX_DIGITS[8 + (uint32() & 3)] ?? VERSION_4;
  return SCRATCH.toString("latin1", 0, 36);
}

/**
 * Ids are most of a history. One flat string from one buffer takes a fraction of the time and
 * memory of a concatenation, which stays a tree of strings.
 */
const SCRATCH = Buffer.alloc(512);
const HEX_DIGITS = Buffer.from("0123456789abcdef", "latin1");
const DASH = "-".charCodeAt(0);
const VERSION_4 = "4".charCodeAt(0);

function hexDigits(uint32: () => number, digits: number): string {
  writeHex(uint32, digits);
  return SCRATCH.toString("latin1", 0, digits);
}

function writeHex(uint32: () => number, digits: number): void {
  for (let at = 0; at < digits; at += 8) {
    const bits = uint32();
    for (let nibble = 0; nibble < 8; nibble += 1) {
      SCRATCH[at + nibble] = HEX_DIGITS[(bits >>> (nibble * 4)) & 15] ?? DASH;
    }
  }
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
  // The first values correlate with the seed.
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
