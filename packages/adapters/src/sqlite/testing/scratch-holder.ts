/**
 * Run by tests in a separate process: fills a scratch store of `trades`, prints that, and keeps it.
 *
 *     node scratch-holder.ts <dataDir>
 */
import { entry, putEntries, TABLES } from "@counterfoil/processing/testing/sample-tables";
import { openModelCatalogue } from "../model-catalogue.ts";

const [dataDir = ""] = process.argv.slice(2);
const layout = { tables: TABLES, modelVersion: 1 };
const store = await openModelCatalogue({ dataDir }).openScratch("trades", layout);
await store.commit(putEntries([entry("a", 1)]));
console.log("filled");
setInterval(() => store.count(TABLES[0] as (typeof TABLES)[number]), 1000);
