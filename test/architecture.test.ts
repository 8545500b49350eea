import { describe, expect, test } from "@jest/globals";
import { cyclesIn, type Module, moduleOf, orphansIn, roomFolder } from "./support/module-graph.ts";
import {
  countLines,
  hasNoAny,
  hasNoDefaultExport,
  hasShortFunctions,
  hasShortLines,
  isNoBarrel,
  isPure,
  type Limits,
  type Rule,
} from "./support/source-rules.ts";
import type { Source } from "./support/source-text.ts";
import { declaredPackages, foldersIn, readSources } from "./support/source-tree.ts";

type Room = Readonly<{
  /** Folders of ours that it may import from, beside its own. */
  ours: readonly string[];
  /** Packages that it may import; `declared`: those in its package.json. */
  packages: readonly string[] | "declared";
  /** Whether it may import `node:*`. */
  isNode: boolean;
}>;

const PACKAGES = [
  "packages/contracts",
  "packages/core",
  "packages/processing",
  "packages/adapters",
];
const SERVICE: Room = { ours: PACKAGES, packages: "declared", isNode: true };

/** Who may import whom. What has no room here (bench, test) may import everything. */
const ROOMS: Readonly<Record<string, Room>> = {
  "packages/contracts": { ours: [], packages: ["zod"], isNode: false },
  "packages/core": {
    ours: ["packages/contracts"],
    packages: ["zod", "decimal.js"],
    isNode: false,
  },
  "packages/processing": {
    ours: ["packages/contracts", "packages/core"],
    packages: [],
    isNode: false,
  },
  /** Drivers behind the ports that processing declares; its loops are not theirs to call. */
  "packages/adapters": {
    ours: ["packages/contracts", "packages/core", "packages/processing/src/ports"],
    packages: "declared",
    isNode: true,
  },
  /** For teams that read the topics: it knows what is published, and nothing of who publishes. */
  "packages/consumer-kit": { ours: ["packages/contracts"], packages: "declared", isNode: true },
  "services/ingestor": SERVICE,
  "services/projector": SERVICE,
  "services/publisher": SERVICE,
  "services/gateway": SERVICE,
  /** The providers' side: it knows their documents and nothing of ours. */
  "services/simulator": { ours: [], packages: "declared", isNode: true },
  /** The program that joins all services. */
  "services/counterfoil": {
    ...SERVICE,
    ours: [
      ...PACKAGES,
      "services/ingestor",
      "services/projector",
      "services/publisher",
      "services/gateway",
      "services/simulator",
    ],
  },
};

/** Packages that one file alone may import. */
const ONLY_IN: Readonly<Record<string, string>> = {
  "decimal.js": "packages/core/src/exact/money.ts",
};

/** What is started, not imported. */
const ENTRY_POINTS = [
  "bench/main.ts",
  "packages/adapters/src/sqlite/stream-thread.ts",
  "packages/consumer-kit/example/print-balances.ts",
  "services/counterfoil/src/demo.ts",
  "services/counterfoil/src/main.ts",
  "services/gateway/src/contracts/write-contracts.ts",
];

const LIMITS: Limits = { fileLines: 400, functionLines: 70, columns: 120 };

/** Functions over the limit, by file, the longest. This list may only get shorter. */
const LONG_FUNCTIONS: Readonly<Record<string, number>> = {
  "packages/processing/src/models/balances/accounts.ts": 98,
};

const TEST_CODE = /\.test\.ts$|\.contract\.ts$|\/testing\/|\/test-process\/|^test\//;
const isTestCode = (path: string): boolean => TEST_CODE.test(path);

const all = readSources(["packages", "services", "bench", "test"]);
const sources = all.filter(({ path }) => !isTestCode(path));
const within = (folder: string) => sources.filter(({ path }) => path.startsWith(`${folder}/`));

const violations = (rule: Rule, files: readonly Source[]) => files.flatMap((file) => rule(file));

/** A file as the rules see it. */
const fileOf = (path: string, text: string): Source => ({ path, text });

function importViolations(module: Module, room: Room, declared: readonly string[]): string[] {
  const { path, imports, packages, leaves } = module;
  const ours = [roomFolder(path), ...room.ours];
  const allowed = room.packages === "declared" ? declared : room.packages;
  const isAllowed = (name: string) =>
    name.startsWith("node:")
      ? room.isNode
      : allowed.some((one) => name === one || name.startsWith(`${one}/`));
  return [
    ...imports.filter((target) => !ours.some((one) => target.startsWith(`${one}/`))),
    ...imports.filter(isTestCode),
    ...leaves,
    ...packages.filter((name) => !isAllowed(name)),
    ...packages.filter((name) => (ONLY_IN[name] ?? path) !== path),
  ].map((target) => `${path} imports ${target}`);
}

describe("who may import whom", () => {
  test("every package and every service has its room", () => {
    const folders = [...foldersIn("packages"), ...foldersIn("services")];
    expect(folders.sort()).toEqual(Object.keys(ROOMS).sort());
  });

  test.each(Object.entries(ROOMS))("%s imports what its room allows", (folder, room) => {
    const declared = declaredPackages(folder);
    const modules = within(folder).map(moduleOf);
    expect(modules.flatMap((module) => importViolations(module, room, declared))).toEqual([]);
  });

  test("no imports go around in a circle, types included", () => {
    expect(cyclesIn(sources.map(moduleOf))).toEqual([]);
  });

  test("no file lies about that nothing imports", () => {
    const orphans = orphansIn(all.map(moduleOf), ENTRY_POINTS);
    expect(orphans.filter((path) => !path.endsWith(".test.ts"))).toEqual([]);
  });

  test.each(ENTRY_POINTS)("%s is there", (path) => {
    expect(sources.map((source) => source.path)).toContain(path);
  });
});

describe("what a file may hold", () => {
  test("the core is pure", () => {
    expect(violations(isPure, within("packages/core"))).toEqual([]);
  });

  test("nothing in packages is of type any", () => {
    expect(violations(hasNoAny, within("packages"))).toEqual([]);
  });

  test("nothing is exported by default", () => {
    expect(violations(hasNoDefaultExport, all)).toEqual([]);
  });

  test("every file exports what is its own", () => {
    expect(violations(isNoBarrel, all)).toEqual([]);
  });

  test("no file is longer than 300 lines, those on the list aside", () => {
    const tooLong = sources
      .map(({ path, text }) => ({ path, lines: countLines(text) }))
      .filter(({ lines }) => lines > LIMITS.fileLines);
    expect(tooLong).toEqual([]);
  });

  test("no function is longer than 70 lines, those on the list aside", () => {
    const tooLong = sources.flatMap((file) => {
      const functionLines = LONG_FUNCTIONS[file.path] ?? LIMITS.functionLines;
      return hasShortFunctions({ ...LIMITS, functionLines })(file);
    });
    expect(tooLong).toEqual([]);
  });

  test.each(Object.keys(LONG_FUNCTIONS))("%s is still on the list for a reason", (path) => {
    const files = sources.filter((source) => source.path === path);
    expect(violations(hasShortFunctions(LIMITS), files)).not.toEqual([]);
  });

  test("no line is wider than 120 columns, messages aside", () => {
    expect(violations(hasShortLines(LIMITS), sources)).toEqual([]);
  });
});

describe("the rooms refuse", () => {
  const CORE = "packages/core/src/a.ts";

  test.each<[string, string, string, string[]]>([
    [
      "a package above",
      CORE,
      'import { a } from "@counterfoil/processing/a";',
      ["packages/processing/src/a.ts"],
    ],
    [
      "a type of it",
      CORE,
      'import type { A } from "@counterfoil/adapters/a";',
      ["packages/adapters/src/a.ts"],
    ],
    [
      "a re-export of it",
      CORE,
      'export { a } from "@counterfoil/processing/a";',
      ["packages/processing/src/a.ts"],
    ],
    [
      "a way around",
      CORE,
      'import "../../processing/src/a.ts";',
      ["packages/processing/src/a.ts", "packages/processing/src/a.ts"],
    ],
    [
      "a way around to what is allowed",
      CORE,
      'import "../../contracts/src/a.ts";',
      ["packages/contracts/src/a.ts"],
    ],
    ["the runtime", CORE, 'import { hash } from "node:crypto";', ["node:crypto"]],
    ["a lazy import", CORE, 'const a = () => import("node:fs");', ["node:fs"]],
    ["a driver", CORE, 'import pg from "pg";', ["pg"]],
    ["decimal.js elsewhere", CORE, 'import { Decimal } from "decimal.js";', ["decimal.js"]],
    ["a test", CORE, 'import { a } from "./testing/a.ts";', ["packages/core/src/testing/a.ts"]],
    [
      "a contract's test",
      "packages/processing/src/a.ts",
      'import { a } from "./a.contract.ts";',
      ["packages/processing/src/a.contract.ts"],
    ],
    ["zod in a loop", "packages/processing/src/a.ts", 'import { z } from "zod";', ["zod"]],
    [
      "another service",
      "services/gateway/src/a.ts",
      'import { a } from "@counterfoil/ingestor/a";',
      ["services/ingestor/src/a.ts"],
    ],
    [
      "the simulator",
      "services/gateway/src/a.ts",
      'import { a } from "@counterfoil/simulator/a";',
      ["services/simulator/src/a.ts"],
    ],
    [
      "ours in the simulator",
      "services/simulator/src/a.ts",
      'import { a } from "@counterfoil/core/a";',
      ["packages/core/src/a.ts"],
    ],
    [
      "the workspace's tests",
      "services/gateway/src/a.ts",
      'import { a } from "../../../test/support/a.ts";',
      ["test/support/a.ts", "test/support/a.ts", "test/support/a.ts"],
    ],
    ["what is not declared", "services/gateway/src/a.ts", 'import { a } from "ws";', ["ws"]],
    [
      "nothing forbidden",
      "services/gateway/src/a.ts",
      'import { a } from "fastify";\nimport b from "node:fs";',
      [],
    ],
    ["a comment and a string", CORE, '// import "pg";\nconst a = \'from "pg"\';', []],
  ])("%s", (_what, path, text, expected) => {
    const room = ROOMS[roomFolder(path)] as Room;
    const found = importViolations(moduleOf(fileOf(path, text)), room, ["fastify"]);
    expect(found).toEqual(expected.map((target) => `${path} imports ${target}`));
  });
});
