/** Tells whoever collects traces what became of a delivery, step by step. */
export interface Tracing {
  /** Where it is off nothing needs to be prepared for it. */
  readonly isOn: boolean;
  start(name: string, options?: SpanOptions): Span;
}

export type SpanOptions = Readonly<{
  kind?: "server" | "internal" | "producer" | "consumer";
  /** A W3C `traceparent`: of whoever caused it; without one a trace begins here. */
  parent?: string | undefined;
  attributes?: SpanAttributes;
}>;

/** Ids, counts and outcomes; never what a payload says. */
export type SpanAttributes = Readonly<Record<string, string | number>>;

/** One step of a trace, under way. */
export type Span = Readonly<{
  /** What its own children name as their parent; absent where nobody collects it. */
  traceparent?: string;
  /** @param error why the step failed */
  end: (attributes?: SpanAttributes, error?: unknown) => void;
}>;

const NO_SPAN: Span = { end: () => {} };

export const NO_TRACING: Tracing = { isOn: false, start: () => NO_SPAN };

/** Version 00 as W3C writes it, which ids of zeros alone are no part of. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export const isTraceparent = (text: unknown): text is string =>
  typeof text === "string" && TRACEPARENT.test(text);
