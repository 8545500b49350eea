import type { Hashing } from "@counterfoil/core/hashing";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createMemoryModelCatalogue } from "../../memory/model-catalogue.ts";
import type { ModelStore } from "../../ports/model-store.ts";
import { createRowBuffer } from "../../projection/row-buffer.ts";
import { createMatching, type Waiting } from "./matching.ts";
import { QUEUE, QUEUE_LEVELS } from "./tables.ts";

const hashing = { sha256: () => "0".repeat(64) } as unknown as Hashing;

/** A queue, the links in it, and how many rows were asked of its store. */
async function openQueue() {
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("withdrawals", { tables: [QUEUE, QUEUE_LEVELS], modelVersion: 1 });
  const store = await catalogue.openForWriting("withdrawals", 1);
  let read = 0;
  const counting: ModelStore = {
    ...store,
    get: async (table, key) => {
      read += 1;
      return store.get(table, key);
    },
    select: async (table, selection) => {
      const rows = await store.select(table, selection);
      read += Math.max(1, rows.length);
      return rows;
    },
  };
  const buffer = createRowBuffer(counting, await store.checkpoint(), hashing);
  const links = new Map<number, number>();
  let linked = 0;
  const matching = createMatching(buffer, {
    link: async (confirmation, hold) => {
      expect(links.has(confirmation)).toBe(false);
      expect([...links.values()]).not.toContain(hold);
      links.set(confirmation, hold);
      linked += 1;
    },
    unlink: async (confirmation, hold) => {
      expect(links.get(confirmation)).toBe(hold);
      links.delete(confirmation);
    },
  });
  let position = 0;
  const commit = () => {
    position += 1;
    return buffer.commit(position, "");
  };
  return { matching, links, commit, rowsRead: () => read, linksMade: () => linked };
}

/** Each confirmation in order of time takes the best free hold: the rule, word for word. */
function greedily(all: readonly Waiting[]): Map<number, number> {
  const order = (a: Waiting, b: Waiting) =>
    a.at === b.at ? (a.tie < b.tie ? -1 : 1) : a.at < b.at ? -1 : 1;
  const free = all.filter(({ side }) => side === "hold").sort(order);
  const links = new Map<number, number>();
  for (const confirmation of all.filter(({ side }) => side === "confirmation").sort(order)) {
    const before = free.filter(({ at }) => at <= confirmation.at);
    const unnamed = before.findLast(({ named }) => !named);
    const best = unnamed ?? (confirmation.named ? undefined : before.at(-1));
    if (best === undefined) continue;
    links.set(confirmation.cluster, best.cluster);
    free.splice(free.indexOf(best), 1);
  }
  return links;
}

const waiting = fc.record({
  side: fc.constantFrom("hold" as const, "confirmation" as const),
  at: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 400 })),
  named: fc.constantFrom(false, false, true),
});
const steps = fc.array(fc.record({ waiting, remove: fc.nat({ max: 3 }), commit: fc.boolean() }), {
  maxLength: 60,
  size: "max",
});

describe("the queue", () => {
  test("says what the rule says, whatever came, went, and in which order", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { matching, links, commit } = await openQueue();
        const present: Waiting[] = [];
        for (const [cluster, { waiting: drawn, remove, commit: commits }] of all.entries()) {
          const gone = remove === 0 ? present.splice(cluster % (present.length || 1), 1) : [];
          for (const one of gone) await matching.remove(one);
          const one = { ...drawn, at: BigInt(drawn.at), class: "c", cluster: cluster + 1 };
          const added = { ...one, tie: `m${(cluster * 7) % 10}${cluster}` };
          await matching.put(added);
          present.push(added);
          expect(new Map([...links].sort(([a], [b]) => a - b))).toEqual(
            new Map([...greedily(present)].sort(([a], [b]) => a - b)),
          );
          if (commits) await commit();
        }
      }),
      { numRuns: 150 },
    );
  });

  const pair = (at: number): Waiting[] => [
    { ...PART, side: "hold", cluster: 2 * at + 1, at: BigInt(at * 1000) },
    { ...PART, side: "confirmation", cluster: 2 * at + 2, at: BigInt(at * 1000 + 500) },
  ];
  const PART = { class: "c", tie: "", named: false };

  /** Rows read for each of so many pairs, committed one by one. */
  async function rowsPerPart(parts: readonly Waiting[]): Promise<number> {
    const { matching, commit, rowsRead } = await openQueue();
    for (const [at, part] of parts.entries()) {
      await matching.put({ ...part, tie: `${part.cluster}` });
      if (at % 50 === 0) await commit();
    }
    return rowsRead() / parts.length;
  }

  test.each([
    ["in order", (parts: Waiting[]) => parts],
    ["newest first", (parts: Waiting[]) => parts.toReversed()],
    [
      "holds first, then confirmations",
      (parts: Waiting[]) =>
        parts.toSorted((a, b) => (a.side === b.side ? 0 : a.side === "hold" ? -1 : 1)),
    ],
  ])("asks no more rows of a class of hundreds than of one of a few: %s", async (_, order) => {
    const parts = (count: number) =>
      order(Array.from({ length: count }, (_, at) => pair(at)).flat());
    const [few, many] = [await rowsPerPart(parts(100)), await rowsPerPart(parts(400))];
    expect(many).toBeLessThanOrEqual(few * 1.5);
  });

  /** All are held within a moment, and confirmed in another one, as a payroll is. */
  const payroll = (count: number): Waiting[] =>
    Array.from({ length: count }, (_, at) => [
      { ...PART, side: "hold" as const, cluster: 2 * at + 1, at: BigInt(at) },
      { ...PART, side: "confirmation" as const, cluster: 2 * at + 2, at: BigInt(100_000 + at) },
    ])
      .flat()
      .toSorted((a, b) => ((a.cluster * 7919) % 1009) - ((b.cluster * 7919) % 1009));

  /** In any order, one more moves a share of all links: that is the rule. Each costs the same. */
  test("asks no more rows for each link of a payroll, the larger it is", async () => {
    const rowsPerLink = async (count: number) => {
      const { matching, commit, rowsRead, linksMade } = await openQueue();
      for (const part of payroll(count)) {
        await matching.put({ ...part, tie: `${part.cluster}` });
        await commit();
      }
      return rowsRead() / (linksMade() + 2 * count);
    };
    expect(await rowsPerLink(60)).toBeLessThanOrEqual((await rowsPerLink(20)) * 1.5);
  });
});
