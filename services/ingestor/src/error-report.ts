/**
 * What the log may say of an error that nobody expected. Messages stay out: those of parsers quote
 * what they parse, which here is a delivery's body.
 */
export function errorReport(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { error: typeof error };
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const { code } = error as { code?: unknown };
  return { error: error.name, code, at: frames.slice(0, 8).map((line) => line.trim()) };
}
