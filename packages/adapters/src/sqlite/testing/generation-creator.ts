/**
 * Run by tests in a separate process: claims generations of `trades` and prints their numbers.
 *
 *     node generation-creator.ts <dataDir> <count>
 */
import { TABLES } from "@counterfoil/processing/testing/sample-tables";
import { openModelCatalogue } from "../model-catalogue.ts";

const [dataDir = "", count = ""] = process.argv.slice(2);
const catalogue = openModelCatalogue({ dataDir });
for (let round = 0; round < Number(count); round += 1) {
  console.log(await catalogue.create("trades", { tables: TABLES, modelVersion: 1 }));
}
