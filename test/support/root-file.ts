import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./module-graph.ts";

/** A file of the workspace, by its path from the top. */
export function readRootFile(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}
