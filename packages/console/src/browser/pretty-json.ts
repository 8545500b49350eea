/**
 * Indents JSON by its text, because a parser would lose digits of long numbers and duplicate keys.
 * Text that is not JSON is returned unchanged.
 */
export function prettyJson(text: string): string {
  if (!isJson(text)) return text;
  const tokens = text.match(TOKEN) ?? [];
  const lines: string[] = [];
  let line = "";
  let depth = 0;
  const breakLine = () => {
    lines.push(line);
    line = INDENT.repeat(depth);
  };
  for (const [at, token] of tokens.entries()) {
    const isEmpty = OPENING.has(tokens[at - 1] ?? "");
    if (CLOSING.has(token)) depth -= 1;
    if (CLOSING.has(token) && !isEmpty) breakLine();
    line += token === ":" ? ": " : token;
    if (OPENING.has(token)) depth += 1;
    const opensLine = OPENING.has(token) && !CLOSING.has(tokens[at + 1] ?? "");
    if (token === "," || opensLine) breakLine();
  }
  return [...lines, line].join("\n");
}

const INDENT = "  ";
const OPENING: ReadonlySet<string> = new Set(["{", "["]);
const CLOSING: ReadonlySet<string> = new Set(["}", "]"]);
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
