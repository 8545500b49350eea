import { keepHeapLean, nodeHashing } from "@counterfoil/adapters/node/runtime";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import type { ModelName } from "@counterfoil/contracts/fact";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import type { Projection } from "@counterfoil/processing/projection/projection";
import { BULK, openProjectionRun } from "@counterfoil/processing/projection/run";
import { openBenchStream } from "./append.ts";
import { median, rssBytesMax } from "./measure.ts";

/** A ledger that is folded so many times. */
export type HotWork = Readonly<{
  model: ModelName;
  kind: "live" | "rebuilt";
  dataDir: string;
  /** A smaller ledger of the same shape, to warm up with. */
  warmUpDir: string;
  facts: number;
  times: number;
}>;

/** What the folding process tells of itself. */
export type HotFigures = Readonly<{
  /**
   * Of the processor: a fold hardly waits for anything else, and what other programs do on the
   * machine has less part in it than in the time of day.
   */
  secondsPerFact: number;
  rssBytesMax: number;
}>;

/** Events of one commit of a projector that keeps up with some thousands of them a second. */
const LIVE = 100;

const OPENINGS = {
  live: async (catalogue: ModelCatalogue, { model }: Projection, generation: number) => {
    const store = await catalogue.openForWriting(model, generation);
    return { store, limit: LIVE, finish: () => store.close() };
  },
  rebuilt: async (catalogue: ModelCatalogue, { model, tables }: Projection, generation: number) => {
    const store = await catalogue.openForBuilding(model, generation, tables);
    return { store, limit: BULK, finish: () => store.finish() };
  },
};

/** So often until V8 has compiled what runs often: else few facts would look slow. */
const WARM_UPS = 3;

const work: HotWork = JSON.parse(process.argv[2] ?? "");
const projection = PROJECTIONS[work.model];
if (work.kind === "rebuilt") keepHeapLean();
for (let time = 0; time < WARM_UPS; time += 1) await fold(work.warmUpDir);
const seconds: number[] = [];
for (let time = 0; time < work.times; time += 1) seconds.push(await fold(work.dataDir));
const figures: HotFigures = {
  secondsPerFact: median(seconds) / work.facts,
  rssBytesMax: rssBytesMax(),
};
process.send?.(figures, () => process.disconnect());

/** Folds the whole ledger into a new generation, which is dropped again; seconds of the processor. */
async function fold(dataDir: string): Promise<number> {
  const stream = await openBenchStream(dataDir);
  const catalogue = openModelCatalogue({ dataDir });
  const { model, tables, version: modelVersion } = projection;
  const generation = (await catalogue.create(model, { tables, modelVersion })) ?? 0;
  const { store, limit, finish } = await OPENINGS[work.kind](catalogue, projection, generation);
  const run = await openProjectionRun({ stream, projection, store, hashing: nodeHashing });
  const started = process.cpuUsage();
  for (;;) {
    const events = await stream.read({ after: run.checkpoint.position, limit });
    if (events.length === 0) break;
    await run.fold(events);
  }
  await finish();
  const { user, system } = process.cpuUsage(started);
  await catalogue.drop(model, generation);
  await catalogue.close();
  await stream.close();
  return (user + system) / 1_000_000;
}
