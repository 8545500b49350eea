import { isDeepStrictEqual } from "node:util";
import type { Hashing } from "@counterfoil/core/hashing";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ModelStore } from "../../ports/model-store.ts";
import { createRowBuffer } from "../../projection/row-buffer.ts";
import { createMemoryModelCatalogue } from "../../testing/memory-model-catalogue.ts";
import { createMatching, type Waiting } from "./matching.ts";
import { LOTS, QUEUE, QUEUE_LEVELS } from "./tables.ts";
import { hashing as sha } from "./testing/records-of.ts";

const hashing = { sha256: () => "0".repeat(64) } as unknown as Hashing;

/** A queue, its links, and the number of rows read from its store. */
async function openQueue() {
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("withdrawals", { tables: [QUEUE, QUEUE_LEVELS, LOTS], modelVersion: 1 });
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
  const links = new Map<string, readonly [confirmation: number, hold: number]>();
  let linked = 0;
  const matching = createMatching({
    buffer,
    tieOf: (text) => sha.sha256(text).slice(0, 16),
    link: async (confirmation, hold) => {
      if (links.has(`${confirmation} ${hold}`)) throw new Error("linked already");
      links.set(`${confirmation} ${hold}`, [confirmation, hold]);
      linked += 1;
    },
    unlink: async (confirmation, hold) => {
      if (!links.delete(`${confirmation} ${hold}`)) throw new Error("not linked");
    },
  });
  let position = 0;
  const commit = () => {
    position += 1;
    return buffer.commit(position, "");
  };
  const sorted = () => [...links.values()].sort(([a], [b]) => a - b);
  return { matching, links: sorted, commit, rowsRead: () => read, linksMade: () => linked };
}

/** The reference rule: each confirmation, in order of time, takes the best free hold. */
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
  test("agrees with the reference rule after any additions and removals", async () => {
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
          // A matcher on each of nine thousand states would take longer than what it looks at.
          const [found, meant] = [links(), [...greedily(present)].sort(([a], [b]) => a - b)];
          if (!isDeepStrictEqual(found, meant)) expect(found).toEqual(meant);
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

  /** The number of rows read per part; a commit follows every 50 parts. */
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
  ])("reads no more rows per part of a large class than of a small one: %s", async (_, order) => {
    const parts = (count: number) =>
      order(Array.from({ length: count }, (_, at) => pair(at)).flat());
    const [few, many] = [await rowsPerPart(parts(100)), await rowsPerPart(parts(400))];
    expect(many).toBeLessThanOrEqual(few * 1.5);
  });

  /** Like a payroll: all holds are close in time, and so are all confirmations; they arrive in any order. */
  const payroll = (count: number, order: number): Waiting[] =>
    Array.from({ length: count }, (_, at): Waiting[] => {
      const held = { ...PART, at: BigInt(at), tie: `h${at}` };
      const confirmed = { ...PART, at: BigInt(100_000 + at), tie: `c${at}` };
      return [
        { ...held, side: "hold", cluster: 2 * at + 1 },
        { ...confirmed, side: "confirmation", cluster: 2 * at + 2 },
      ];
    })
      .flat()
      .toSorted((a, b) => ((a.cluster * order) % 1009) - ((b.cluster * order) % 1009));

  async function matchPayroll(count: number, order: number) {
    const queue = await openQueue();
    for (const [at, part] of payroll(count, order).entries()) {
      await queue.matching.put(part);
      if (at % 20 === 0) await queue.commit();
    }
    return queue;
  }

  /** Any hold of a payroll suits any confirmation: pairing by time moved a quarter of the links for one more. */
  test("one more part of a payroll moves no more links of a large payroll than of a small one", async () => {
    const perPart = async (count: number) => {
      const { rowsRead, linksMade } = await matchPayroll(count, 7919);
      return [rowsRead() / count, linksMade() / count] as const;
    };
    const [rowsOfFew, linksOfFew] = await perPart(40);
    const [rowsOfMany, linksOfMany] = await perPart(120);
    expect(rowsOfMany).toBeLessThanOrEqual(rowsOfFew * 1.5);
    expect(linksOfMany).toBeLessThanOrEqual(linksOfFew * 1.5);
  });

  test("the pairs of a payroll do not depend on the order of arrival", async () => {
    const first = (await matchPayroll(40, 7919)).links();
    expect((await matchPayroll(40, 6367)).links()).toEqual(first);
    expect(new Set(first.map(([, hold]) => hold)).size).toBe(40);
  });

  test("after removals from a payroll the remaining parts are still paired", async () => {
    const { matching, links } = await matchPayroll(40, 7919);
    for (const part of payroll(40, 433).slice(0, 60)) await matching.remove(part);
    const stayed = payroll(40, 433).slice(60);
    const holds = stayed.filter(({ side }) => side === "hold").length;
    expect(links()).toHaveLength(Math.min(holds, stayed.length - holds));
  });
});
