import { spawnSync } from "node:child_process";
import { expect, test } from "@jest/globals";
import { ROOT } from "./support/module-graph.ts";

/** What `pnpm check` runs: formatting, the rules of biome.json (circles, lengths, the core's purity), types. */
test.each([
  ["Biome", ["biome", "check", "--error-on-warnings", "."]],
  ["the compiler", ["tsc", "--noEmit"]],
  ["the compiler, of what runs in a browser,", ["tsc", "--noEmit", "-p", "packages/console"]],
])("%s finds nothing", (_who, [command = "", ...parameters]) => {
  const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${command}`, parameters, {
    cwd: ROOT,
    encoding: "utf8",
  });
  expect([stdout, stderr, status].join("\n")).toMatch(/\n0$/);
});
