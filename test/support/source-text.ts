/** A source file: its path from the root of the workspace, and its text. */
export type Source = Readonly<{ path: string; text: string }>;

export type Literal = Readonly<{ at: number; text: string }>;

/** What the rules look at; offsets and line breaks are those of the text. */
export type Scanned = Readonly<{
  /** The text with comments, and with what stands inside strings and expressions, blanked out. */
  code: string;
  /** Strings in quotes; no templates. */
  literals: readonly Literal[];
}>;

type Scanner = {
  readonly text: string;
  readonly code: string[];
  readonly literals: Literal[];
  at: number;
  /** Open braces, and how many were open before each `${` that is not closed yet. */
  depth: number;
  readonly templates: number[];
  /** The last word or sign that was no space and no comment. */
  previous: string;
};

/** Enough of the language's grammar to tell code from text; it knows nothing else of it. */
export function scanSource(text: string): Scanned {
  const scanner: Scanner = {
    text,
    code: text.split(""),
    literals: [],
    at: 0,
    depth: 0,
    templates: [],
    previous: "",
  };
  while (scanner.at < text.length) step(scanner);
  return { code: scanner.code.join(""), literals: scanner.literals };
}

function step(scanner: Scanner): void {
  const { text, at, depth, templates, previous } = scanner;
  const unit = text[at] ?? "";
  if (text.startsWith("//", at)) skip(scanner, indexOrEnd(text, "\n", at));
  else if (text.startsWith("/*", at)) skip(scanner, indexOrEnd(text, "*/", at + 2) + 2);
  else if (unit === '"' || unit === "'") readString(scanner, unit);
  else if (unit === "`") readTemplate(scanner);
  else if (unit === "}" && templates.at(-1) === depth) {
    templates.pop();
    readTemplate(scanner);
  } else if (unit === "/" && isBeforeExpression(previous)) readExpression(scanner);
  else readCode(scanner, unit);
}

const indexOrEnd = (text: string, found: string, from: number): number => {
  const at = text.indexOf(found, from);
  return at < 0 ? text.length : at;
};

function blank({ code }: Scanner, from: number, to: number): void {
  for (let at = from; at < to && at < code.length; at += 1) if (code[at] !== "\n") code[at] = " ";
}

function skip(scanner: Scanner, end: number): void {
  blank(scanner, scanner.at, end);
  scanner.at = end;
}

function readString(scanner: Scanner, quote: string): void {
  const { text, at } = scanner;
  const end = endOf(text, at + 1, (unit) => unit === quote || unit === "\n");
  scanner.literals.push({ at, text: text.slice(at + 1, end) });
  blank(scanner, at + 1, end);
  scanner.at = end + 1;
  scanner.previous = quote;
}

/** From a backquote, or from the brace that ends a `${…}`, to the next of either. */
function readTemplate(scanner: Scanner): void {
  const { text, at } = scanner;
  const end = endOf(text, at + 1, (unit, next) => unit === "`" || (unit === "$" && next === "{"));
  blank(scanner, at + 1, end);
  const isClosed = text[end] !== "$";
  if (!isClosed) scanner.templates.push(scanner.depth);
  scanner.at = end + (isClosed ? 1 : 2);
  scanner.previous = isClosed ? "`" : "{";
}

function readExpression(scanner: Scanner): void {
  const { text, at } = scanner;
  let inClass = false;
  const end = endOf(text, at + 1, (unit) => {
    if (unit === "[") inClass = true;
    if (unit === "]") inClass = false;
    return unit === "\n" || (unit === "/" && !inClass);
  });
  blank(scanner, at + 1, end);
  scanner.at = end + 1;
  scanner.previous = "/";
}

function endOf(text: string, from: number, isEnd: (unit: string, next: string) => boolean): number {
  for (let at = from; at < text.length; at += 1) {
    const unit = text[at] ?? "";
    if (unit === "\\") at += 1;
    else if (isEnd(unit, text[at + 1] ?? "")) return at;
  }
  return text.length;
}

const WORD = /[\w$]+/y;

function readCode(scanner: Scanner, unit: string): void {
  WORD.lastIndex = scanner.at;
  const word = WORD.exec(scanner.text)?.[0];
  if (unit === "{") scanner.depth += 1;
  if (unit === "}") scanner.depth -= 1;
  if (!/\s/.test(unit)) scanner.previous = word ?? unit;
  scanner.at += word?.length ?? 1;
}

const BEFORE_EXPRESSION = /^(?:[([{,;=:!&|?+*%~^<>}-]|return|typeof|case|in|of|throw|else)?$/;

/** Whether a slash after this begins a regular expression rather than divides. */
const isBeforeExpression = (previous: string): boolean => BEFORE_EXPRESSION.test(previous);

export const lineAt = (text: string, at: number): number => text.slice(0, at).split("\n").length;

const SPECIFIER = /(?:(?<![.\w$])from\s*|\bimport\s*\(?\s*)$/;

/** What a file imports, types included, and what it names as a file (workers, processes). */
export function importsOf({ code, literals }: Scanned): {
  specifiers: readonly string[];
  files: readonly string[];
} {
  const isSpecifier = ({ at }: Literal) => SPECIFIER.test(code.slice(Math.max(0, at - 80), at));
  return {
    specifiers: literals.filter(isSpecifier).map(({ text }) => text),
    files: literals.map(({ text }) => text).filter((text) => text.endsWith(".ts")),
  };
}
