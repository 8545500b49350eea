/**
 * Run by tests in a separate process: fills a scratch store or a generation of `trades`, prints that,
 * and keeps it open.
 *
 *     node builder.ts <url> <ledger> scratch|generation
 */
import { entry, putEntries, TABLES } from "@counterfoil/processing/testing/sample-tables";
import { openModelCatalogue } from "../model-catalogue.ts";

const [url = "", ledger = "", what = ""] = process.argv.slice(2);
const catalogue = openModelCatalogue({ url, ledger });
const layout = { tables: TABLES, modelVersion: 1 };

async function openGeneration() {
  const generation = (await catalogue.create("trades", layout)) ?? 0;
  return catalogue.openForBuilding("trades", generation, TABLES);
}

const store = await (what === "scratch"
  ? catalogue.openScratch("trades", layout)
  : openGeneration());
await store.commit(putEntries([entry("a", 1)]));
console.log("filled");
