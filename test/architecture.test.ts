import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  declaredPackages,
  foldersIn,
  type Module,
  moduleOf,
  orphansIn,
  ROOT,
  readModules,
  roomFolder,
  unusedExportsIn,
} from "./support/module-graph.ts";

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
const LISTENING_SERVICE: Room = { ...SERVICE, ours: [...PACKAGES, "packages/http"] };

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
  /** What every listener shares; which errors a service knows is the service's to say. */
  "packages/http": {
    ours: ["packages/contracts", "packages/processing/src/ports"],
    packages: "declared",
    isNode: true,
  },
  /** For teams that read the topics: it knows what is published, and nothing of who publishes. */
  "packages/consumer-kit": { ours: ["packages/contracts"], packages: "declared", isNode: true },
  /** For whoever asks over HTTP: made from the document, which is read by `generate.ts` alone. */
  "packages/client": {
    ours: [],
    packages: ["openapi-typescript", "eventsource-parser"],
    isNode: true,
  },
  /** For auditors: files that are taken along, and know nothing of ours. */
  "packages/proof-check": { ours: [], packages: [], isNode: true },
  /** What runs in a browser, and what makes files of it: it knows the HTTP interface alone. */
  "packages/console": {
    ours: ["packages/client"],
    packages: "declared",
    isNode: true,
  },
  "services/ingestor": LISTENING_SERVICE,
  "services/projector": SERVICE,
  "services/publisher": SERVICE,
  "services/gateway": {
    ...LISTENING_SERVICE,
    ours: [...LISTENING_SERVICE.ours, "packages/console"],
  },
  /** The providers' side: it knows their documents and nothing of ours. */
  "services/simulator": { ours: [], packages: "declared", isNode: true },
  /** The program that joins all services. */
  "services/counterfoil": {
    ...LISTENING_SERVICE,
    ours: [
      ...LISTENING_SERVICE.ours,
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
  "packages/client/generate.ts",
  "packages/client/src/client.ts",
  "packages/console/src/browser/main.tsx",
  "packages/consumer-kit/example/print-balances.ts",
  "packages/consumer-kit/example/store-balances.ts",
  "services/counterfoil/src/demo.ts",
  "services/counterfoil/src/main.ts",
  "services/gateway/src/contracts/write-contracts.ts",
];

/** The same of what lies with the tests. */
const STARTED_TESTS = [
  "test/console/pictures.ts",
  "test/engines/pause-between-messages.ts",
  "services/gateway/src/testing/write-examples.ts",
];

/** Starts the program, and is no TypeScript: an older Node has to be able to read it. */
const LAUNCHER = "services/counterfoil/bin/main.mjs";

/**
 * Where an export may have no importer: packages for programs that are not here, and tests that write
 * programs.
 */
const MAY_BE_UNUSED = /^packages\/(?:client|consumer-kit|contracts)\/|\.test\.ts exports/;

const TEST_CODE = /\.test\.ts$|\.contract\.ts$|\/testing\/|^test\//;
const isTestCode = (path: string): boolean => TEST_CODE.test(path);

const all = readModules(["packages", "services", "bench", "test"]);
const product = all.filter(({ path }) => !isTestCode(path));
const within = (folder: string) => product.filter(({ path }) => path.startsWith(`${folder}/`));

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
    const modules = within(folder);
    expect(modules.flatMap((module) => importViolations(module, room, declared))).toEqual([]);
  });

  test("no file lies about that nothing imports", () => {
    const orphans = orphansIn(all, [...ENTRY_POINTS, ...STARTED_TESTS]);
    expect(orphans.filter((path) => !path.endsWith(".test.ts"))).toEqual([]);
  });

  test("nothing is exported that nobody imports", () => {
    const launcher = moduleOf(LAUNCHER, readFileSync(join(ROOT, LAUNCHER), "utf8"));
    const unused = unusedExportsIn([...all, launcher]);
    expect(unused.filter((found) => !MAY_BE_UNUSED.test(found))).toEqual([]);
  });

  test.each(ENTRY_POINTS)("%s is there", (path) => {
    expect(product.map((module) => module.path)).toContain(path);
  });
});

test("an export that is named where its file is not imported is unused", () => {
  const a = moduleOf("packages/core/src/a.ts", "export const one = 1;\nexport type Two = 2;\n");
  const b = moduleOf("packages/core/src/b.ts", 'import { one } from "./a.ts";\n');
  const c = moduleOf("packages/core/src/c.ts", "type Two = 2;\n");
  expect(unusedExportsIn([a, b, c])).toEqual(["packages/core/src/a.ts exports Two"]);
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
    const found = importViolations(moduleOf(path, text), room, ["fastify"]);
    expect(found).toEqual(expected.map((target) => `${path} imports ${target}`));
  });
});
