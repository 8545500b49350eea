import { keepHeapLean } from "@counterfoil/adapters/node/runtime";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import { openBenchStream } from "./append.ts";
import { rssBytesMax } from "./measure.ts";
import { rebuildIn } from "./rebuild.ts";

/** The figures of the rebuilding process. */
export type RebuildFigures = Readonly<{
  factsPerSecond: number;
  /** Its peak memory, including the program. */
  rssBytesMax: number;
}>;

const [dataDir = "", facts = ""] = process.argv.slice(2);
keepHeapLean();
const stream = await openBenchStream(dataDir);
const catalogue = openModelCatalogue({ dataDir });
const factsPerSecond = await rebuildIn(catalogue, stream, Number(facts));
await catalogue.close();
await stream.close();
const figures: RebuildFigures = {
  factsPerSecond,
  rssBytesMax: rssBytesMax(),
};
process.send?.(figures, () => process.disconnect());
