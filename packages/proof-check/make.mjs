// Generates check.mjs and check.html from src/. Each is a single file without imports from this repository,
// and both contain the same steps.
import { readFileSync, writeFileSync } from "node:fs";

/** The files of both outputs, in reading order. */
const STEPS = [
  "proof.mjs",
  "facts.mjs",
  "arithmetic.mjs",
  "exact.mjs",
  "export.mjs",
  "verdict.mjs",
];
/** Only in one of them: with Node's crypto and files, and with the browser's. */
const OF_NODE = ["signatures.mjs", "command.mjs"];
const OF_PAGE = ["browser.mjs"];

const HEADER = `#!/usr/bin/env node
// Checks a balance proof, or an export, of a Counterfoil ledger. It needs only Node and this file:
//
//     node check.mjs proof.json|export.jsonl [--key FILE|HEX]... [--head FILE]...
//
// Exit codes: 0 if it is valid against a given key or head, 1 if something is wrong, 2 if the command line
// is wrong, 3 if it is consistent, but nothing given shows who signed it.
//
// Read it from the top: the steps of checking a proof come first, in order. It is generated from the
// files of src/, whose names are above their parts; nothing is omitted or shortened.
`;

const fileOf = (name) => new URL(name, import.meta.url);
const read = (name) => readFileSync(fileOf(name), "utf8");
const IMPORT = /^import [^;]*;\n/gm;
const IMPORT_OF_NODE = /^import \{ ([^}]*) \} from "(node:[^"]*)";$/gm;

/** The files as one script, without imports of each other and without exports. */
const joined = (names) =>
  names
    .map((name) => `// ---- ${name}\n${read(`src/${name}`)}`)
    .join("\n")
    .replace(IMPORT, "")
    .replace(/^export /gm, "");

export function makePage() {
  return read("src/page.html").replace("/*CHECK*/\n", () => joined([...STEPS, ...OF_PAGE]));
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
