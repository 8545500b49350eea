import { functionsOf } from "./source-functions.ts";
import { lineAt, type Source, scanSource } from "./source-text.ts";

/** Rules about one file; each answers `path:line what is wrong`. */
export type Rule = (source: Source) => readonly string[];

/** A rule that finds a pattern in code, never in comments or strings. */
export function forbids(pattern: RegExp, why: string): Rule {
  const all = new RegExp(pattern, "g");
  return ({ path, text }) => {
    const { code } = scanSource(text);
    return [...code.matchAll(all)].map(
      ({ index, 0: found }) => `${path}:${lineAt(code, index)} ${found.trim()}: ${why}`,
    );
  };
}

/** The core gives the same answer on every machine, for ever. */
export const isPure: Rule = (source) =>
  [
    forbids(/\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b/, "the core has no clock"),
    forbids(/\bMath\.random\b|\bcrypto\b/, "the core has no chance"),
    forbids(/\bprocess\b|\bglobalThis\b|\bBuffer\b/, "the core knows no runtime"),
    forbids(/\basync\b|\bawait\b|\bPromise\b/, "the core waits for nothing"),
    forbids(/\bset(?:Timeout|Interval|Immediate)\b/, "the core waits for nothing"),
  ].flatMap((rule) => rule(source));

export const hasNoAny: Rule = forbids(
  /(?<![.\w$])any\b(?!\s*[:(])/,
  "say what it is, or `unknown`",
);

export const hasNoDefaultExport: Rule = forbids(/\bexport default\b/, "export it by its name");

/** Neither an index.ts nor a file that hands on what another exports. */
export const isNoBarrel: Rule = (source) => [
  ...(/(?:^|\/)index\.ts$/.test(source.path) ? [`${source.path}:1 index.ts: import the file`] : []),
  ...forbids(/\bexport (?:type )?(?:\*|\{[^}]*\}\s*from\b)/, "import the file itself")(source),
];

export type Limits = Readonly<{
  fileLines: number;
  functionLines: number;
  /** Of code and comments; a text for people may be longer than a line. */
  columns: number;
}>;

export function countLines(text: string): number {
  return text.replace(/\n$/, "").split("\n").length;
}

export function hasShortFunctions({ functionLines }: Limits): Rule {
  return ({ path, text }) =>
    functionsOf(scanSource(text).code)
      .filter(({ lines }) => lines > functionLines)
      .map(({ line, lines }) => `${path}:${line} a function of ${lines} lines`);
}

export function hasShortLines({ columns }: Limits): Rule {
  return ({ path, text }) => {
    const code = scanSource(text).code.split("\n");
    return text.split("\n").flatMap((line, at) => {
      const hasText = /["'`]/.test(code[at] ?? "");
      const width = hasText ? line.replace(/(["'`]).*\1/, "").length : line.length;
      return width <= columns ? [] : [`${path}:${at + 1} a line of ${line.length} columns`];
    });
  };
}
