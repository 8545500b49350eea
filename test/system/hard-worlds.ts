import { createHardWorld, type HardWorld } from "@counterfoil/simulator/testing/hard-world";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { type Breach, breachesOf, PROPERTIES, type Property } from "./hard-world-checks.ts";
import { reduced, worldTable } from "./hard-world-report.ts";
import { patience, runs } from "./support.ts";

/** Those that do not hold yet are passed over; each leaves this list with the change that makes it hold. */
const UNMET: ReadonlySet<Property> = new Set();

/**
 * The share of worlds in which a property may fail. The order rule tries a few orders of what two
 * clocks leave open, not all of them, and learns no order from a snapshot: now and then it sees a
 * break where another order had none.
 */
const ALLOWED: Readonly<Partial<Record<Property, number>>> = { mark: 0.005 };

const WORLDS = runs(2_000);
/** Worlds further on in which something did not hold once. */
const ONCE_BROKEN: readonly number[] = [2489, 3964, 4221, 4484];
/** Of so many worlds two, one of either parity, have their shuffled ledger on SQLite. */
const SQLITE_EVERY = 100;
/** One world alone, by its seed, to look at it again. */
const ALONE = process.env.COUNTERFOIL_TEST_WORLD;

/** Worlds are shared out among test files, which run side by side. */
type Share = Readonly<{ part: number; of: number }>;

function seedsOf({ part, of }: Share): readonly number[] {
  if (ALONE !== undefined) return Number(ALONE) % of === part ? [Number(ALONE)] : [];
  const seeds = Array.from({ length: WORLDS }, (_, at) => at + 1);
  const all = new Set([...seeds, ...ONCE_BROKEN]);
  return [...all].filter((seed) => seed % of === part);
}

const engineOf = (seed: number) => (seed % SQLITE_EVERY < 2 ? ({ engine: "sqlite" } as const) : {});

type Found = ReadonlyMap<Property, readonly Readonly<{ seed: number; breach: Breach }>[]>;

async function breachesIn(seeds: readonly number[]): Promise<Found> {
  const all = [];
  for (const seed of seeds) {
    const breaches = await breachesIfPlayed(seed);
    all.push(...breaches.map((breach) => ({ seed, breach })));
  }
  return Map.groupBy(all, ({ breach }) => breach.property);
}

async function breachesIfPlayed(seed: number): Promise<readonly Breach[]> {
  try {
    return await breachesOf(createHardWorld(seed), engineOf(seed));
  } catch (cause) {
    throw new Error(`world ${seed} cannot be played: ${commandFor(seed)}`, { cause });
  }
}

const commandFor = (seed: number): string =>
  `COUNTERFOIL_TEST_WORLD=${seed} npx -y pnpm@10 test test/system/hard-worlds`;

/** How often, and the first of them made small, with the command that plays it again. */
async function report(found: Found, property: Property, worlds: number): Promise<string> {
  const breaches = found.get(property) ?? [];
  const failing = new Set(breaches.map(({ seed }) => seed)).size;
  const [first] = breaches;
  if (first === undefined || failing <= worlds * (ALLOWED[property] ?? 0)) return "";
  const { seed, breach } = first;
  const failure = async (world: HardWorld) =>
    (await breachesOf(world)).find((each) => each.property === property);
  const smallest = await reduced(createHardWorld(seed), async (smaller) => {
    return (await failure(smaller)) !== undefined;
  });
  const { account, what } = (await failure(smallest)) ?? breach;
  return [
    `in ${failing} of ${worlds} worlds; the first is ${seed}:`,
    commandFor(seed),
    `${account ?? "the ledger"}: ${what}`,
    worldTable(smallest),
  ].join("\n");
}

export function describeHardWorlds(share: Share): void {
  const seeds = seedsOf(share);
  let found: Found = new Map();
  beforeAll(async () => {
    found = await breachesIn(seeds);
  }, patience(300));

  describe(`in hard worlds, part ${share.part + 1} of ${share.of}`, () => {
    for (const [property, what] of Object.entries(PROPERTIES) as [Property, string][]) {
      const define = UNMET.has(property) && ALONE === undefined ? test.skip : test;
      define(
        what,
        async () => expect(await report(found, property, seeds.length)).toBe(""),
        patience(60),
      );
    }
  });
}
