import { existsSync } from "node:fs";
import { documentBreaks } from "@counterfoil/contracts/compatibility/document-breaks";
import {
  BASELINE,
  GENERATED,
  generatedDocuments,
  parsed,
  printed,
  readFolder,
  writeFolder,
} from "./documents.ts";

/*
 * `pnpm contracts` writes what is generated from the schemas. `pnpm contracts --promise`, at a
 * release, also makes the promised documents say everything that these say; it refuses to take
 * anything back.
 */
const documents = await generatedDocuments();
const files = printed(documents);
writeFolder(GENERATED, files);
console.log(`${files.size} documents written to ${GENERATED}`);

if (process.argv.includes("--promise")) {
  const promised = existsSync(BASELINE) ? parsed(readFolder(BASELINE)) : new Map();
  const breaks = documentBreaks(promised, documents);
  for (const line of breaks) console.error(line);
  if (breaks.length === 0) {
    writeFolder(BASELINE, files);
    console.log(`promised from now on, in ${BASELINE}`);
  } else {
    console.error(`${breaks.length} breaks of what was promised: nothing was promised anew`);
    process.exitCode = 1;
  }
}
