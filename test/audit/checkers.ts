import { test } from "@jest/globals";
import { hasChromium, startPage } from "./page.ts";
import { type Check, checkByNode, hasPython, startPython } from "./proofs.ts";

type Named = readonly [name: string, check: Check];

/**
 * All checkers that this machine can run, for one test file; others are skipped by name.
 *
 * @param pageOneOf the page, which is slower, is asked one question of so many
 */
export function startCheckers(pageOneOf = 1) {
  const python = hasPython ? startPython() : null;
  const page = hasChromium ? startPage(pageOneOf) : null;
  if (python === null) test.skip("check.py: no python3 on this machine", () => {});
  if (page === null) test.skip("check.html: no Chromium on this machine", () => {});
  const scripts: readonly Named[] = [
    ["check.mjs", checkByNode],
    ...(python === null ? [] : [["check.py", python.check] as const]),
  ];
  const byPage: readonly Named[] = page === null ? [] : [["check.html", page.check]];
  return {
    /** They have a command line: any number of keys and heads, and providers' keys. */
    scripts,
    all: [...scripts, ...byPage],
    /** What all of them say; a test compares it. */
    askAll: (args: readonly string[]) =>
      Promise.all([...scripts, ...byPage].map(([, check]) => check(args))),
    end: async () => {
      await Promise.all([python?.end(), page?.end()]);
    },
  };
}
