import { expect, test } from "@jest/globals";
import { createRecentlyUsed } from "./recently-used.ts";

function setUp() {
  const opened: string[] = [];
  const cache = createRecentlyUsed(
    async (id) => {
      opened.push(id);
      return { id };
    },
    { kept: 6, usedOnceKept: 2, lengthMax: 100 },
  );
  /** Uses the values in one commit. @returns those that had to be opened */
  async function commit(...ids: string[]): Promise<string[]> {
    for (const id of ids) await cache.load(id);
    cache.evict();
    return opened.splice(0);
  }
  return { cache, commit };
}

test("values that one commit used drop out before those that several used", async () => {
  const { commit } = setUp();
  await commit("hot", "warm");
  expect(await commit("hot", "warm")).toEqual([]);
  // A large snapshot, which uses each account twice in one commit.
  for (let at = 0; at < 20; at += 2) await commit(`s${at}`, `s${at + 1}`, `s${at}`, `s${at + 1}`);
  expect(await commit("hot", "warm")).toEqual([]);
  expect(await commit("s18", "s19")).toEqual([]);
  expect(await commit("s16")).toEqual(["s16"]);
});

test("of those that several commits used, the least recently used drop out", async () => {
  const { cache, commit } = setUp();
  const hot = ["a", "b", "c", "d", "e", "f"];
  for (const id of hot) {
    await commit(id);
    await commit(id);
  }
  await commit("a");
  await commit("g");
  await commit("g");
  expect(hot.map((id) => cache.find(id) !== undefined)).toEqual([
    true,
    false,
    true,
    true,
    true,
    true,
  ]);
});

test("a value with much text drops out, and is opened again", async () => {
  const { cache, commit } = setUp();
  await commit("a");
  cache.addLength("a", 70);
  expect(await commit("a")).toEqual([]);
  cache.addLength("a", 70);
  await commit("a");
  expect(await commit("a")).toEqual(["a"]);
});
