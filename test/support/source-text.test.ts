import { describe, expect, test } from "@jest/globals";
import { functionsOf } from "./source-functions.ts";
import { importsOf, scanSource } from "./source-text.ts";

describe("the scanner", () => {
  test.each([
    ["strings keep their quotes", "a('b\\'c', \"d\")", "a('    ', \" \")"],
    ["comments go", "a; // b\nc; /* d\ne */ f;", "a;     \nc;     \n     f;"],
    ["templates keep their code", `\`a\${b({ c: 1 })}d\``, `\` \${b({ c: 1 })} \``],
    ["templates in templates", `\`a\${\`b\${c}\`}d\` + e`, `\` \${\` \${c}\`} \` + e`],
    ["expressions go", "a.replace(/[/\"]'/g, b)", "a.replace(/     /g, b)"],
    ["divisions stay", "a / b / c // d", "a / b / c     "],
    ["a division after a bracket", '(a) / 2 + "/"', '(a) / 2 + " "'],
  ])("%s", (_what, text, code) => {
    expect(scanSource(text).code).toBe(code);
  });

  test("finds what is imported, in every form", () => {
    const text = [
      'import a from "a";',
      "import type { B } from 'b';",
      'import { c,\n  d } from "c";',
      'import "d";',
      'export { e } from "e";',
      'const f = await import("f");',
      'const g = "g"; a.from("h");',
    ].join("\n");
    expect(importsOf(scanSource(text)).specifiers).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  test("measures functions from their first line to their last", () => {
    const text = "function a(\n  b: string,\n): void {\n  c(() => {\n    d();\n  });\n}\n";
    expect(functionsOf(text)).toEqual([
      { line: 4, lines: 3 },
      { line: 1, lines: 7 },
    ]);
  });
});
