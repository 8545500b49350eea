import { documentBreaks } from "@counterfoil/contracts/compatibility/document-breaks";
import {
  GENERATED,
  generatedDocuments,
  printed,
  readPromised,
  writeFolder,
  writePromised,
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
  const breaks = documentBreaks(readPromised(), documents);
  for (const line of breaks) console.error(line);
  if (breaks.length === 0) {
    console.log(`promised from now on, in ${writePromised(documents)}`);
  } else {
    console.error(`${breaks.length} breaks of what was promised: nothing was promised anew`);
    process.exitCode = 1;
  }
}
