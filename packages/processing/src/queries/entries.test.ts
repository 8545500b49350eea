import type { EntryRecord } from "@counterfoil/contracts/record";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ENTRIES, MOVEMENTS } from "../models/balances/tables.ts";
import { ANOMALIES } from "../models/columns.ts";
import type { Row, Rows, Value } from "../ports/model-store.ts";
import { listEntries } from "./entries.ts";
import { rowsOf } from "./testing/rows-of.ts";

const ACCOUNT = "zerohash:P:G:L:available:BTC";
const nextTurn = async () => {};

const run = (number: number, rest: Row = {}): Row => ({
  ...{ account: ACCOUNT, id: `run:${number}`, kind: "run", run_id: `${number}` },
  ...{ placed_at: BigInt(number), effective_at: BigInt(number), rank: 0, mark: "" },
  ...{ movements: 0, running: "1", position: number, late: 0, ...rest },
});

const gap = (after: string, before: string, closed_position: number | null): Row => ({
  ...{ id: `gap:${ACCOUNT}:${after}..${before}`, kind: "gap", subject: ACCOUNT },
  detail: JSON.stringify({ missing_amount: "5", after_run_id: after, before_run_id: before }),
  ...{ opened_position: 9, closed_position },
});

/** A gap, or the run, by its name. */
const named = (entry: EntryRecord): string =>
  entry.kind === "gap"
    ? `${entry.after_run_id}..${entry.before_run_id}${entry.closed_position === null ? "!" : ""}`
    : `${entry.kind}${entry.kind === "run" ? entry.run_id : ""}`;

/** All pages of a history, and the most rows that one of them read. */
async function readAll(rows: Rows, limit: number, descending = false) {
  let [read, most, shortest] = [0, 0, limit];
  const counted: Rows = {
    ...rows,
    select: async (table, selection) => {
      const found = await rows.select(table, selection);
      read += found.length;
      return found;
    },
  };
  const found: EntryRecord[] = [];
  let beyond: readonly Value[] | null = null;
  do {
    read = 0;
    const page = await listEntries(counted, ACCOUNT, {
      ...{ page: { limit, beyond }, descending, nextTurn },
    });
    expect(page.data.length).toBeLessThanOrEqual(limit);
    most = Math.max(most, read);
    if (page.next !== null) shortest = Math.min(shortest, page.data.length);
    found.push(...page.data);
    beyond = page.next;
  } while (beyond !== null);
  return { found, most, shortest };
}

/** The newest first; the gaps that stand behind one run keep the order of their names. */
function reversed(names: readonly string[]): readonly string[] {
  const groups: string[][] = [];
  for (const name of names) {
    const last = groups.at(-1)?.at(-1);
    const [after] = name.split("..");
    const isBehind = (other: string) =>
      /^run/.test(other)
        ? other === `run${after}`
        : other.startsWith(`${after}..`) && !other.endsWith("!");
    if (last !== undefined && name.includes("..") && !name.endsWith("!") && isBehind(last))
      groups.at(-1)?.push(name);
    else groups.push([name]);
  }
  return groups
    .reverse()
    .flatMap((group) =>
      group[0]?.startsWith("run") ? [...group.slice(1), ...group.slice(0, 1)] : group,
    );
}

const nameArbitrary = fc.constantFrom("1", "2", "3", "4", "9", "snapshot:c:1");

describe("an account's history", () => {
  test("in pages of any size is the same, with each gap once, in its place", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(nameArbitrary, nameArbitrary, fc.option(fc.constant(12))), {
          selector: ([after, before]) => `${after}..${before}`,
          maxLength: 12,
        }),
        fc.constantFrom(1, 2, 3, 5),
        async (gaps, limit) => {
          const runs = [1, 2, 3, 4].map((number) => {
            const open = gaps.find(
              ([, before, closed]) => before === `${number}` && closed === null,
            );
            const after = open?.[0].startsWith("snapshot") ? open[0] : `run:${open?.[0]}`;
            return run(number, open ? { missing: "5", missing_after: after } : {});
          });
          const anomalies = gaps.map(([after, before, closed]) => gap(after, before, closed));
          const rows = await rowsOf([ENTRIES, runs], [ANOMALIES, anomalies], [MOVEMENTS, []]);
          const { found } = await readAll(rows, limit);
          const stands = (name: string) => ["1", "2", "3", "4"].includes(name);
          const expected = [1, 2, 3, 4].flatMap((number) => {
            const closed = gaps.filter(([, , position]) => position !== null);
            const isOf = (name: string) => name === `${number}`;
            const alone = closed.filter(([after, before]) => isOf(before) && !stands(after));
            const open = gaps.find(([, before, position]) => isOf(before) && position === null);
            const behind = closed.filter(([after]) => isOf(after));
            const sorted = (some: typeof gaps) => some.map(([a, b]) => `${a}..${b}`).sort();
            return [
              ...sorted(alone),
              ...(open ? [`${open[0]}..${open[1]}!`] : []),
              `run${number}`,
              ...sorted(behind),
            ];
          });
          expect(found.map(named)).toEqual(expected);
          const backwards = await readAll(rows, limit, true);
          expect(backwards.found.map(named)).toEqual(reversed(expected));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("of very many gaps is read by pages, also those behind one entry", async () => {
    const [count, later] = [520, 60];
    const closed = (after: string) =>
      Array.from({ length: count }, (_, at) => gap(after, `${10_000 + at}`, 12));
    const open = Array.from({ length: later }, (_, at) => gap(`${at + 3}`, `${at + 4}`, null));
    const runs = Array.from({ length: later + 3 }, (_, at) => {
      const missing = at < 3 ? {} : { missing: "1", missing_after: `run:${at}` };
      return run(at + 1, missing);
    });
    const anomalies = [...closed("1"), ...closed("2"), gap("snapshot:c:1", "2", 12), ...open];
    const rows = await rowsOf([ENTRIES, runs], [ANOMALIES, anomalies], [MOVEMENTS, []]);
    const { found, most } = await readAll(rows, 50);
    const behind = (after: string) =>
      Array.from({ length: count }, (_, at) => `${after}..${10_000 + at}`);
    expect(found.map(named)).toEqual([
      ...["run1", ...behind("1"), "snapshot:c:1..2", "run2", ...behind("2"), "run3"],
      ...Array.from({ length: later }, (_, at) => [`${at + 3}..${at + 4}!`, `run${at + 4}`]).flat(),
    ]);
    // The first gaps of the account, and what the page itself shows.
    expect(most).toBeLessThanOrEqual(2 * 1000 + 4 * 51);
    const places = found.filter(({ kind }) => kind === "gap");
    expect(new Set(places.map(({ position }) => position))).toEqual(new Set(["9"]));
  });

  test("of very many movements ends its pages short of their limit", async () => {
    const [runs, each] = [24, 1000];
    const movements = Array.from({ length: runs * each }, (_, at) => ({
      ...{ account: ACCOUNT, run_id: `${Math.floor(at / each) + 1}`, movement_id: `m${at}` },
      ...{ change: "1", withdrawn: 0 },
      facts: JSON.stringify({ data: { movement_id: `m${at}`, change: "1" }, position: 1 }),
    }));
    const entries = Array.from({ length: runs }, (_, at) => run(at + 1, { movements: each }));
    const rows = await rowsOf([ENTRIES, entries], [ANOMALIES, []], [MOVEMENTS, movements]);
    const { found, most, shortest } = await readAll(rows, 100);
    expect(found.map(named)).toEqual(entries.map((_, at) => `run${at + 1}`));
    expect(shortest).toBeGreaterThanOrEqual(9);
    expect(most).toBeLessThanOrEqual(11 * each + 2 * 101);
  });
});
