import { keepHeapLean, nodeHashing } from "@counterfoil/adapters/node/runtime";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import type { Projection } from "@counterfoil/processing/projection/projection";
import { BULK } from "@counterfoil/processing/projection/run";
import { HOT_SHAPES, type HotShape, hotEvents } from "../test/system/hot-shapes.ts";
import { inFolder } from "./append.ts";
import { rssBytesMax } from "./measure.ts";

/** A shape that is folded with so many facts, and with a tenth of them. */
export type HotWork = Readonly<{ shape: string; kind: "live" | "rebuilt"; facts: number }>;

/** What the folding process tells of itself. */
export type HotFigures = Readonly<{
  facts: number;
  /**
   * A fact, of the processor: a fold hardly waits for anything else, and what other programs do on
   * the machine has less part in it than in the time of day.
   */
  secondsOfFew: number;
  secondsOfMany: number;
  rssBytesMax: number;
}>;

/** Events of one commit of a projector that keeps up with some thousands of them a second. */
const LIVE = 100;

const OPENINGS = {
  live: async (catalogue: ModelCatalogue, { model }: Projection) => {
    const store = await catalogue.openForWriting(model, 1);
    return { store, limit: LIVE, finish: () => store.close() };
  },
  rebuilt: async (catalogue: ModelCatalogue, { model, tables }: Projection) => {
    const store = await catalogue.openForBuilding(model, 1, tables);
    return { store, limit: BULK, finish: () => store.finish() };
  },
};

/** So often few are folded until V8 has compiled what runs often: else they would look slow. */
const WARM_UPS = 2;

const work: HotWork = JSON.parse(process.argv[2] ?? "");
const shape = HOT_SHAPES.find(({ name }) => name === work.shape) as HotShape;
if (work.kind === "rebuilt") keepHeapLean();
for (let time = 0; time < WARM_UPS; time += 1) await fold(work.facts / 20);
const few = Math.ceil(work.facts / 10);
const ofFew = [await fold(few), await fold(few)].map(({ seconds }) => seconds);
const many = await fold(10 * few);
const figures: HotFigures = {
  facts: many.facts,
  secondsOfFew: Math.min(...ofFew),
  secondsOfMany: many.seconds,
  rssBytesMax: rssBytesMax(),
};
process.send?.(figures, () => process.disconnect());

/** Folds so many facts into a model of its own; seconds of the processor a fact. */
function fold(size: number): Promise<Readonly<{ facts: number; seconds: number }>> {
  return inFolder(async (dataDir) => {
    const projection = PROJECTIONS[shape.model];
    const { model, tables, version: modelVersion } = projection;
    const catalogue = openModelCatalogue({ dataDir });
    await catalogue.create(model, { tables, modelVersion });
    const { store, limit, finish } = await OPENINGS[work.kind](catalogue, projection);
    const session = await projection.open(store, nodeHashing);
    const started = process.cpuUsage();
    let position = 0;
    for (const event of hotEvents(shape.deliveries(size))) {
      position += 1;
      await session.apply({ ...event, position, hash: String(position), recorded_at: 0n });
      if (position % limit === 0) await session.commit();
    }
    await session.commit();
    await finish();
    const { user, system } = process.cpuUsage(started);
    await catalogue.close();
    return { facts: position, seconds: (user + system) / 1_000_000 / position };
  });
}
