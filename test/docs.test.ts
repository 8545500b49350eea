import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { configTable } from "./support/config-table.ts";

const root = join(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

test("the README's table of variables is that of the schema", () => {
  expect(readme).toContain(configTable());
});

test("every path that the README names is there", () => {
  const paths = [...readme.matchAll(/`((?:packages|services|test|bench|infra)\/[\w./-]+)`/g)];
  expect(paths.length).toBeGreaterThan(20);
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
