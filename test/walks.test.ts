import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type Module, ROOT, readModules } from "./support/module-graph.ts";

/** How many files each of the README's walks may open. */
const BOUNDS: Readonly<Record<string, number>> = {
  "From a webhook to a balance": 25,
  "A rebuild": 12,
  "A balance as of a time": 12,
  "A balance on Kafka": 12,
};

const UNLISTED_PER_FILE = 2.5;

/** Vocabulary, not a step: contracts, ports and their errors, exact numbers, tables. */
const VOCABULARY =
  /^packages\/contracts\/|\/ports\/|\/exact\/|errors?\.ts$|\/(?:tables|columns)\.ts$/;

const modules = new Map(readModules(["packages", "services"]).map((each) => [each.path, each]));

function moduleAt(path: string): Module {
  const found = modules.get(path);
  if (found === undefined) throw new Error(`${path} is not there`);
  return found;
}

function walksOf(text: string): ReadonlyMap<string, readonly string[]> {
  const sections = text.split(/^### /m).slice(1);
  return new Map(
    sections.map((section) => {
      const [title = ""] = section.split("\n", 1);
      const rows = [...section.matchAll(/^\| \d+ \| `([^`]+)` \|/gm)];
      return [title, rows.map(([, path]) => path ?? "")] as const;
    }),
  );
}

const walks = walksOf(readFileSync(join(ROOT, "README.md"), "utf8"));

const portsOf = ({ imports }: Module) => imports.filter((path) => path.includes("/ports/"));

/** By an import in either direction; across a seam by a port that both know. */
function isConnected(module: Module, others: readonly Module[]): boolean {
  const ports = new Set(portsOf(module));
  return others.some(
    (other) =>
      module.imports.includes(other.path) ||
      other.imports.includes(module.path) ||
      portsOf(other).some((port) => ports.has(port)),
  );
}

test("the README has these walks", () => {
  expect([...walks.keys()]).toEqual(Object.keys(BOUNDS));
});

describe.each([...walks])("the walk: %s", (title, paths) => {
  const bound = BOUNDS[title] ?? 0;
  const listed = new Set(paths);

  test("is short, and opens no file twice", () => {
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.length).toBeLessThanOrEqual(bound);
    expect(listed.size).toBe(paths.length);
  });

  test("goes from file to file as they import each other", () => {
    const all = paths.map(moduleAt);
    const alone = all.filter(
      (each) =>
        !isConnected(
          each,
          all.filter((other) => other !== each),
        ),
    );
    expect(alone.map(({ path }) => path)).toEqual([]);
  });

  test("leaves little out of what its files need when they run", () => {
    const needed = paths.flatMap((path) => moduleAt(path).runtime);
    const unlisted = new Set(needed.filter((path) => !listed.has(path) && !VOCABULARY.test(path)));
    expect(unlisted.size).toBeLessThanOrEqual(UNLISTED_PER_FILE * bound);
  });
});

/** Says in words what the others decided. */
const DESCRIBING = /\/reasons\.ts$/;

test("nothing decides a balance that is on no walk", () => {
  const listed = new Set([...walks.values()].flat());
  const deciding = [...modules.keys()].filter(
    (path) =>
      /^packages\/(?:core\/src|processing\/src\/models)\/balances\/[^/]+\.ts$/.test(path) &&
      !/\.test\.ts$/.test(path) &&
      !VOCABULARY.test(path) &&
      !DESCRIBING.test(path),
  );
  expect(deciding.length).toBeGreaterThan(10);
  expect(deciding.filter((path) => !listed.has(path))).toEqual([]);
});
