import { lineAt } from "./source-text.ts";

export type FunctionSpan = Readonly<{ line: number; lines: number }>;

const ARROW = /=>\s*\{/g;
const NAMED = /\bfunction\b\s*\*?\s*[\w$]*/g;
const METHOD = /^[ \t]*(?:(?:async|static|get|set|override)\s+)*\*?([\w$]+)(?=[(<])/gm;
const NO_METHODS = new Set(["if", "for", "while", "switch", "catch", "return", "function"]);

/** Every function with a body in braces. Takes code whose strings and comments are blanked. */
export function functionsOf(code: string): readonly FunctionSpan[] {
  const spans: FunctionSpan[] = [];
  const add = (from: number, brace: number | null) => {
    if (brace === null) return;
    const [line, end] = [lineAt(code, from), lineAt(code, closing(code, brace))];
    spans.push({ line, lines: end - line + 1 });
  };
  for (const { index, 0: head } of code.matchAll(ARROW)) add(index, index + head.length - 1);
  for (const { index, 0: head } of code.matchAll(NAMED))
    add(index, body(code, index + head.length));
  for (const { index, 0: head, 1: name } of code.matchAll(METHOD)) {
    if (!NO_METHODS.has(name ?? "")) add(index, body(code, index + head.length));
  }
  return spans;
}

const PAIRS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}", "<": ">" };

/** Where the bracket that opens at `open` is closed. */
function closing(code: string, open: number): number {
  const brackets: string[] = [];
  for (let at = open; at < code.length; at += 1) {
    const unit = code[at] ?? "";
    // Only among types is `<` a bracket; `=>` closes none.
    if (unit === "<" && code[open] !== "<") continue;
    if (unit === ">" && (code[open] !== "<" || code[at - 1] === "=")) continue;
    if (unit in PAIRS) brackets.push(PAIRS[unit] ?? "");
    else if (unit === brackets.at(-1)) brackets.pop();
    if (brackets.length === 0) return at;
  }
  return code.length;
}

/** The brace that opens the body, after type parameters, parameters and a type; null: no body. */
function body(code: string, from: number): number | null {
  let at = skipSpace(code, from);
  if (code[at] === "<") at = skipSpace(code, closing(code, at) + 1);
  if (code[at] !== "(") return null;
  at = skipSpace(code, closing(code, at) + 1);
  if (code[at] === "{") return at;
  if (code[at] !== ":") return null;
  return afterType(code, at + 1);
}

/** After a whole type stands the body; after a sign that joins types, a brace is a type's own. */
function afterType(code: string, from: number): number | null {
  let isWhole = false;
  for (let at = skipSpace(code, from); at < code.length; at = skipSpace(code, at + 1)) {
    const unit = code[at] ?? "";
    if (unit === "{" && isWhole) return at;
    if (unit in PAIRS) at = closing(code, at);
    else if (";,)".includes(unit)) return null;
    isWhole = !"|&:?=".includes(unit) && !code.slice(at - 1, at + 1).includes("=>");
  }
  return null;
}

function skipSpace(code: string, from: number): number {
  let at = from;
  while (/\s/.test(code[at] ?? "x")) at += 1;
  return at;
}
