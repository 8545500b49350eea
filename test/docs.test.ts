import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { configTable } from "./support/config-table.ts";

const root = join(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

test("the README's table of variables is that of the schema", () => {
  expect(readme).toContain(configTable());
});

const rules = readFileSync(join(root, "docs", "domain-rules.md"), "utf8");

test.each([
  ["README", readme],
  ["docs/domain-rules.md", rules],
])("every path that %s names is there", (_, text) => {
  const paths = [...text.matchAll(/`((?:packages|services|test|bench|infra|docs)\/[\w./-]+)`/g)];
  expect(paths.length).toBeGreaterThan(15);
  const missing = paths
    .map(([, path]) => path ?? "")
    .filter((path) => !existsSync(join(root, path)));
  expect(missing).toEqual([]);
});

test("every script that the README runs exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const named = [...readme.matchAll(/npx -y pnpm@10 (\w+)/g)].map(([, script]) => script ?? "");
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((script) => !(script in scripts) && script !== "install")).toEqual([]);
});
