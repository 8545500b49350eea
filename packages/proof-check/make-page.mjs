// Writes check.html: page.html with the steps of the check in it, so that a page opened from a disk, which
// may import nothing, checks by the same text as check.mjs.
import { readFileSync, writeFileSync } from "node:fs";

const fileOf = (name) => new URL(name, import.meta.url);
const read = (name) => readFileSync(fileOf(name), "utf8");

/** In the order in which they are read. */
const STEPS = ["proof.mjs", "facts.mjs", "bytes.mjs", "arithmetic.mjs", "exact.mjs"];

/** One script holds them all: nothing is imported, and nothing exported. */
const inOneScript = (text) => text.replace(/^import [^;]*;\n/gm, "").replace(/^export /gm, "");

export function makePage() {
  const steps = STEPS.map((name) => `// ---- ${name}\n${inOneScript(read(name))}`);
  return read("page.html").replace("/*CHECK*/\n", () => steps.join("\n"));
}

if (process.argv[1] === fileOf("make-page.mjs").pathname) {
  writeFileSync(fileOf("check.html"), makePage());
}
