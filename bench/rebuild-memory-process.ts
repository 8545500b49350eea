import { readFileSync } from "node:fs";
import { keepHeapLean } from "@counterfoil/adapters/node/lean-heap";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import { openBenchStream } from "./append.ts";
import { rebuildIn } from "./rebuild.ts";

/** What the rebuilding process tells of itself. */
export type RebuildFigures = Readonly<{
  factsPerSecond: number;
  /** The most that it ever held, its program included. */
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

/**
 * The kernel's mark of this program alone: what it counts by process begins with the memory of the
 * one that started it.
 */
function rssBytesMax(): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  if (kibibytes === undefined) throw new Error("no VmHWM in /proc/self/status: is this Linux?");
  return Number(kibibytes) * 1024;
}
