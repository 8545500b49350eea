import type { ModelName } from "@counterfoil/contracts/fact";
import { sourcesOf } from "@counterfoil/processing/changes/change-rows";
import {
  type RecordDifference,
  recordDifferences,
} from "@counterfoil/processing/generations/record-differences";
import { replayModel } from "@counterfoil/processing/generations/refold";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { ModelStore } from "@counterfoil/processing/ports/model-store";
import { createRandom } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import { playFlow } from "../engines/flow.ts";
import { allRows, ENGINES, hashing, refold, runs, type TestLedger } from "./support.ts";

const replayOf = ({ stream, catalogue }: TestLedger, model: ModelName, position: number) => ({
  ...{ stream, catalogue, hashing, position },
  projection: PROJECTIONS[model],
});

/** Every record of a model as HTTP serves it, from a store that was folded for it. */
async function recordsIn(model: ModelName, store: ModelStore): Promise<Map<string, object>> {
  const [source] = sourcesOf(model);
  if (source === undefined) throw new Error(`${model} has no records`);
  const records = new Map<string, object>();
  for (const row of await allRows(store, source.current)) {
    records.set(String(row.id), await source.ofCurrent(store, row));
  }
  return records;
}

/** What two folds of the stream, each up to its position, have not in common. */
async function refoldedDifferences(
  { stream }: TestLedger,
  model: ModelName,
  [after, upTo]: readonly [number, number],
) {
  const folded = async (position: number) =>
    recordsIn(model, (await refold(stream, PROJECTIONS[model], position)).store);
  const [before, later] = [await folded(after), await folded(upTo)];
  return [...new Set([...before.keys(), ...later.keys()])]
    .map((id) => ({ id, before: before.get(id) ?? null, after: later.get(id) ?? null }))
    .filter((each) => JSON.stringify(each.before) !== JSON.stringify(each.after))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

describe.each(ENGINES)("a replay on %s", (engine) => {
  test("is the stream folded up to its position; up to the present, the live models", async () => {
    const ledger = await playFlow({ order: 3, engine });
    const random = createRandom("replay", engine);
    const { position: end } = await ledger.stream.head();
    const live = await ledger.checkpoints();
    for (const model of MODEL_NAMES) {
      for (const position of [1, end, ...Array.from({ length: 3 }, () => 1 + random.below(end))]) {
        const replayed = await replayModel(replayOf(ledger, model, position), async (_, at) => at);
        expect(replayed).toEqual(
          (await refold(ledger.stream, PROJECTIONS[model], position)).checkpoint,
        );
        if (position === end) expect(replayed).toEqual(live[model]);
      }
    }
    expect(await ledger.checkpoints()).toEqual(live);
    await ledger.close();
  });

  test("says between two positions what two folds say, and by which events", async () => {
    const ledger = await playFlow({ order: 4, engine });
    const random = createRandom("replay differences", engine);
    const { position: end } = await ledger.stream.head();
    const events = new Map((await ledger.events()).map(({ id, position }) => [id, position]));
    let seen = 0;
    for (let round = 0; round < runs(8); round += 1) {
      const after = 1 + random.below(end);
      const upTo = after + random.below(end - after + 1);
      for (const model of MODEL_NAMES) {
        const found: RecordDifference[] = [];
        await replayModel(replayOf(ledger, model, upTo), async (rows) => {
          const all = recordDifferences(ledger.stream, rows, model, { after, upTo });
          for await (const one of all) found.push(one);
        });
        const records = found.map(({ id, before, after: later }) => ({ id, before, after: later }));
        expect(records).toEqual(await refoldedDifferences(ledger, model, [after, upTo]));
        for (const { facts } of found) {
          const positions = facts.map((id) => events.get(id) ?? 0);
          expect(positions.length).toBeGreaterThan(0);
          expect(positions.every((position) => position > after && position <= upTo)).toBe(true);
        }
        seen += found.length;
      }
    }
    expect(seen).toBeGreaterThan(50);
    await ledger.close();
  });

  test("stopped in the middle leaves nothing, and the live models alone", async () => {
    const ledger = await playFlow({ order: 5, engine });
    const live = await ledger.checkpoints();
    const stopping = new AbortController();
    stopping.abort(new Error("stopped by the test"));
    const { position } = await ledger.stream.head();
    const options = { ...replayOf(ledger, "balances", position), signal: stopping.signal };
    await expect(replayModel(options, async () => "done")).rejects.toThrow("stopped by the test");
    expect(await ledger.checkpoints()).toEqual(live);
    const generations = await ledger.catalogue.generations("balances");
    expect(generations.map(({ generation }) => generation)).toEqual([1]);
    await ledger.close();
  });
});
