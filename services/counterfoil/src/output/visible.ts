/** What a terminal obeys instead of showing it: controls, and what turns the direction of a text. */
const OBEYED = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
const OBEYED_IN_LINES = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** As JSON writes it. */
const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * A text of several lines whose other control characters are shown, not obeyed: a provider chooses
 * ids, names and reasons that commands print.
 */
export const visibleLines = (text: string): string => text.replace(OBEYED_IN_LINES, escaped);

/** The texts of a record, or one text, without line breaks either: none can pass for another line. */
export function readable<T>(record: T): T {
  if (typeof record === "string") return record.replace(OBEYED, escaped) as T;
  if (Array.isArray(record)) return record.map(readable) as T;
  if (typeof record !== "object" || record === null) return record;
  const entries = Object.entries(record).map(([name, value]) => [readable(name), readable(value)]);
  return Object.fromEntries(entries) as T;
}
