// Writes check.html: page.html with the check of check.mjs in it, so that a page opened from a disk, which
// may import nothing, checks by the same text.
import { readFileSync, writeFileSync } from "node:fs";

const fileOf = (name) => new URL(name, import.meta.url);
const read = (name) => readFileSync(fileOf(name), "utf8");

export function makePage() {
  const [, check] = read("check.mjs").split(/\/\/ ---- (?:what a proof says|to here).*\n/);
  return read("page.html").replace("/*CHECK*/\n", () => check);
}

if (process.argv[1] === fileOf("make-page.mjs").pathname) {
  writeFileSync(fileOf("check.html"), makePage());
}
