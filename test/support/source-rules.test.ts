import { describe, expect, test } from "@jest/globals";
import {
  countLines,
  hasNoAny,
  hasNoDefaultExport,
  hasShortFunctions,
  hasShortLines,
  isNoBarrel,
  isPure,
  type Rule,
} from "./source-rules.ts";

const LIMITS = { fileLines: 300, functionLines: 70, columns: 120 };
const CORE = "packages/core/src/a.ts";
const fileOf = (path: string, text: string) => ({ path, text });

describe("each rule finds what it forbids, and nothing else", () => {
  const long = (lines: number) => "  a();\n".repeat(lines);

  test.each<[string, Rule, string, number]>([
    ["a clock", isPure, "const a = Date.now();", 1],
    ["a new Date of now", isPure, "const a = new Date();", 1],
    ["a Date of a time", isPure, "const a = new Date(b);", 0],
    ["chance", isPure, "const a = Math.random();", 1],
    ["the environment", isPure, "const a = process.env.A;", 1],
    ["waiting", isPure, "async function a(): Promise<void> {\n  await b;\n}", 3],
    ["a timer", isPure, "setTimeout(a, 1);", 1],
    [
      "words in comments and texts",
      isPure,
      `/* Date.now() */ const a = \`await \${b} process\`; // async`,
      0,
    ],
    ["code inside a template", isPure, `const a = \`at \${Date.now()}\`;`, 1],
    ["any", hasNoAny, "let a: any; let b: any[]; let c = d as any; let e: Map<string, any>;", 4],
    [
      "no type",
      hasNoAny,
      "AbortSignal.any([a]); const b = { any: 1 }; // any\nconst c = 'any';",
      0,
    ],
    ["a default export", hasNoDefaultExport, "export default function a() {}", 1],
    ["a barrel", isNoBarrel, 'export * from "./a.ts";', 1],
    ["a part of one", isNoBarrel, 'export {\n  a,\n  b,\n} from "./a.ts";', 1],
    ["its types", isNoBarrel, 'export type { A } from "./a.ts";', 1],
    ["its own names", isNoBarrel, "const a = 1;\nexport { a };", 0],
    ["a wide line", hasShortLines(LIMITS), `const a = ${"b + ".repeat(30)}c;`, 1],
    ["a wide comment", hasShortLines(LIMITS), `// ${"word ".repeat(30)}`, 1],
    [
      "a long message",
      hasShortLines(LIMITS),
      `throw new Error(\`\${a} ${"word ".repeat(30)}\`);`,
      0,
    ],
    [
      "a function",
      hasShortFunctions(LIMITS),
      `function a(b: { c: string }): Readonly<{ d: string }> {\n${long(70)}}`,
      1,
    ],
    [
      "a generator",
      hasShortFunctions(LIMITS),
      `function* a<T extends () => void>(b: T): Iterable<T> {\n${long(70)}}`,
      1,
    ],
    ["an arrow", hasShortFunctions(LIMITS), `const a = (b = "}") => {\n${long(70)}};`, 1],
    [
      "a method",
      hasShortFunctions(LIMITS),
      `const a = {\n  async b(c: string): Promise<{ d: string } | null> {\n${long(70)}  },\n};`,
      1,
    ],
    ["a function of 70 lines", hasShortFunctions(LIMITS), `function a() {\n${long(68)}}`, 0],
    [
      "a table",
      hasShortFunctions(LIMITS),
      `const a = {\n${"  b: 1,\n".repeat(90)}};\nif (a) {\n${long(90)}}`,
      0,
    ],
  ])("%s", (_what, rule, text, count) => {
    expect(rule(fileOf(CORE, text))).toHaveLength(count);
  });

  test("an index.ts, however small", () => {
    expect(isNoBarrel(fileOf("packages/core/src/index.ts", ""))).toHaveLength(1);
    expect(isNoBarrel(fileOf("packages/core/src/reindex.ts", ""))).toEqual([]);
  });

  test("with the file and the line", () => {
    expect(isPure(fileOf(CORE, "a;\n\nMath.random();"))).toEqual([
      `${CORE}:3 Math.random: the core has no chance`,
    ]);
  });
});

describe("countLines", () => {
  test.each([
    ["a\nb\n", 2],
    ["a\nb", 2],
    ["", 1],
  ])("%j has %i", (text, lines) => {
    expect(countLines(text)).toBe(lines);
  });
});
