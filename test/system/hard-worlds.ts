import { createHardWorld, type HardWorld } from "@counterfoil/simulator/hard/hard-world";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { type Breach, breachesOf, PROPERTIES, type Property } from "./hard-world-checks.ts";
import { reduced, worldTable } from "./hard-world-report.ts";
import { patience, runs } from "./support.ts";

/** Those that do not hold yet are passed over; each leaves this list with the change that makes it hold. */
const UNMET: ReadonlySet<Property> = new Set(["balance", "mark", "loss", "lifecycle"]);

const WORLDS = runs(2_000);
/** Every so many worlds the shuffled ledger is on SQLite. */
const SQLITE_EVERY = 50;
/** One world alone, by its seed, to look at it again. */
const ALONE = process.env.COUNTERFOIL_TEST_WORLD;

/** Worlds are shared out among test files, which run side by side. */
export type Share = Readonly<{ part: number; of: number }>;

function seedsOf({ part, of }: Share): readonly number[] {
  if (ALONE !== undefined) return Number(ALONE) % of === part ? [Number(ALONE)] : [];
  const seeds = Array.from({ length: WORLDS }, (_, at) => at + 1);
  return seeds.filter((seed) => seed % of === part);
}

const engineOf = (seed: number) => (seed % SQLITE_EVERY < 2 ? ({ engine: "sqlite" } as const) : {});

type Found = ReadonlyMap<Property, readonly Readonly<{ seed: number; breach: Breach }>[]>;

async function breachesIn(seeds: readonly number[]): Promise<Found> {
  const all = [];
  for (const seed of seeds) {
    const breaches = await breachesOf(createHardWorld(seed), engineOf(seed));
    all.push(...breaches.map((breach) => ({ seed, breach })));
  }
  return Map.groupBy(all, ({ breach }) => breach.property);
}

/** How often, and the first of them made small, with the command that plays it again. */
async function report(found: Found, property: Property): Promise<string> {
  const [first, ...others] = found.get(property) ?? [];
  if (first === undefined) return "";
  const { seed, breach } = first;
  const failure = async (world: HardWorld) =>
    (await breachesOf(world)).find((each) => each.property === property);
  const smallest = await reduced(createHardWorld(seed), async (smaller) => {
    return (await failure(smaller)) !== undefined;
  });
  const { account, what } = (await failure(smallest)) ?? breach;
  return [
    `${others.length + 1} times; the first is world ${seed}:`,
    `COUNTERFOIL_TEST_WORLD=${seed} pnpm test test/system/hard-worlds`,
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
      define(what, async () => expect(await report(found, property)).toBe(""), patience(60));
    }
  });
}
