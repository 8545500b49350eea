import { describe, expect, test } from "@jest/globals";
import { cyclesIn, moduleOf, orphansIn, roomFolder } from "./module-graph.ts";

const fileOf = (path: string, text: string) => ({ path, text });

describe("the module graph", () => {
  test("a circle, and a file that imports itself", () => {
    const module = (path: string, ...imports: string[]) =>
      moduleOf(
        fileOf(path, imports.map((name) => `import type { A } from "./${name}";`).join("\n")),
      );
    expect(cyclesIn([module("a.ts", "b.ts"), module("b.ts", "c.ts"), module("c.ts")])).toEqual([]);
    expect(
      cyclesIn([module("a.ts", "b.ts"), module("b.ts", "c.ts"), module("c.ts", "b.ts")]),
    ).toEqual([["b.ts", "c.ts", "b.ts"]]);
    expect(cyclesIn([module("a.ts", "a.ts")])).toEqual([["a.ts", "a.ts"]]);
  });

  test("a file that nothing imports; one that is started or named is used", () => {
    const modules = [
      fileOf("main.ts", 'import "./a.ts";\nnew Worker(new URL("./worker.ts", import.meta.url));'),
      fileOf("a.ts", ""),
      fileOf("worker.ts", ""),
      fileOf("left.ts", ""),
    ].map(moduleOf);
    expect(orphansIn(modules, ["main.ts"])).toEqual(["left.ts"]);
    expect(orphansIn(modules, [])).toEqual(["main.ts", "left.ts"]);
  });

  test.each([
    ["packages/core/src/a.ts", "packages/core"],
    ["services/gateway/src/route/a.ts", "services/gateway"],
    ["test/support/a.ts", "test"],
    ["a.ts", "a.ts"],
  ])("%s stands in %s", (path, folder) => {
    expect(roomFolder(path)).toBe(folder);
  });
});
