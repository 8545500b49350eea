// Writes check.mjs and check.html from src/: each is one file that imports nothing of ours, to be taken
// along alone, and both check by the same text.
import { readFileSync, writeFileSync } from "node:fs";

/** In the order in which they are read. */
const STEPS = ["proof.mjs", "facts.mjs", "bytes.mjs", "arithmetic.mjs", "exact.mjs"];
/** In their place a page has the browser's crypto, and fields instead of files. */
const OF_NODE = ["signatures.mjs", "export.mjs", "command.mjs"];

const HEADER = `#!/usr/bin/env node
// Checks a balance proof, or an export, of a Counterfoil ledger with nothing but Node and this file:
//
//     node check.mjs proof.json|export.jsonl [--key FILE|HEX]... [--head FILE]...
//
// Ends with 0 where it holds against a key or head that you brought, 1 where something is wrong, 2 where
// the command line is, 3 where it is consistent and nothing that you brought says who signed it.
//
// Read it from the top: what is checked of a proof stands first, step by step. It is put together from the
// files of src/, whose names stand above their parts; nothing is left out or shortened.
`;

const fileOf = (name) => new URL(name, import.meta.url);
const read = (name) => readFileSync(fileOf(name), "utf8");
const IMPORT = /^import [^;]*;\n/gm;
const IMPORT_OF_NODE = /^import \{ ([^}]*) \} from "(node:[^"]*)";$/gm;

/** One script holds them all: nothing of ours is imported, and nothing exported. */
const joined = (names) =>
  names
    .map((name) => `// ---- ${name}\n${read(`src/${name}`)}`)
    .join("\n")
    .replace(IMPORT, "")
    .replace(/^export /gm, "");

export function makePage() {
  return read("src/page.html").replace("/*CHECK*/\n", () => joined(STEPS));
}

export function makeScript() {
  const files = [...STEPS, ...OF_NODE];
  return [HEADER + importsOfNode(files), joined(files), "export { check };\n"].join("\n");
}

function importsOfNode(files) {
  const found = files.flatMap((name) => [...read(`src/${name}`).matchAll(IMPORT_OF_NODE)]);
  const modules = Map.groupBy(found, ([, , module]) => module);
  const line = (module, imports) =>
    `import { ${imports.map(([, names]) => names).join(", ")} } from "${module}";\n`;
  return [...modules].map(([module, imports]) => line(module, imports)).join("");
}

if (process.argv[1] === fileOf("make.mjs").pathname) {
  writeFileSync(fileOf("check.html"), makePage());
  writeFileSync(fileOf("check.mjs"), makeScript());
}
