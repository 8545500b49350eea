/** An issue that a schema found with a value, reduced to what messages contain. */
export type ShapeIssue = Readonly<{ code: string; message?: string | undefined; input?: unknown }> &
  Readonly<
    Partial<
      Record<
        "expected" | "origin" | "minimum" | "maximum" | "inclusive" | "values" | "keys",
        unknown
      >
    >
  >;

/**
 * Describes an issue without a library's wording, which changes between versions, and without the
 * value, which may be confidential.
 */
export function wrongShape(issue: ShapeIssue): string {
  const { code, message = "", keys } = issue;
  if (code === "custom") return message;
  if (code === "unrecognized_keys") return `found ${list(keys)}, expected no further fields`;
  return `found ${foundWords(issue)}, expected ${expectedWords(issue)}`;
}

const KINDS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list",
  null: "null",
};

function foundWords({ code, input }: ShapeIssue): string {
  if (input === undefined) return "nothing";
  if (input === null) return "null";
  if (input === "") return "an empty text";
  if (Array.isArray(input)) return `a list of ${input.length}`;
  const kind = KINDS[typeof input] ?? "something else";
  return code === "invalid_type" ? kind : kind.replace(/^an? /, "another ");
}

function expectedWords(issue: ShapeIssue): string {
  const { code, expected, minimum, maximum, inclusive, values } = issue;
  if (code === "invalid_type") return KINDS[String(expected)] ?? String(expected);
  if (code === "invalid_value") return `one of ${list(values)}`;
  const least = inclusive === false ? `more than ${minimum}` : `${minimum} or more`;
  if (code === "too_small") return bounded(issue, least);
  if (code === "too_big") return bounded(issue, `at most ${maximum}`);
  return "one of the documented forms";
}

function bounded({ origin }: ShapeIssue, bound: string): string {
  if (origin === "string") return `a text of ${bound} characters`;
  return origin === "array" ? `a list of ${bound}` : `a number of ${bound}`;
}

const list = (words: unknown): string => (Array.isArray(words) ? words.join(", ") : String(words));
