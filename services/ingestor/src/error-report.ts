import { framesOf } from "@counterfoil/http/problem";

/**
 * What the log may say of an error that nobody expected. Messages stay out: those of parsers quote
 * what they parse, which here is a delivery's body.
 */
export function errorReport(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { error: typeof error };
  const { code } = error as { code?: unknown };
  return { error: error.name, code, at: framesOf(error).slice(0, 8) };
}
