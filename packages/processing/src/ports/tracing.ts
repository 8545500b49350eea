import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";

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
type SpanAttributes = Readonly<Record<string, string | number>>;

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

/** Which trace recorded events belong to: that of the delivery that brought them. */
export interface Traces {
  /** Is to be given all events in the stream's order: a delivery comes before its facts. */
  note(events: readonly RecordedEvent[]): void;
  of(event: RecordedEvent): string | undefined;
}

/** Facts stand right behind their delivery, but for those of large ones, which others come between. */
const DELIVERIES_MAX = 10_000;

/**
 * Remembers the traces of the deliveries seen last. A fact that was found in its delivery much later,
 * or after a restart in the middle of it, belongs to none.
 */
export function createTraces(): Traces {
  const recent = new Map<string, string>();
  return {
    note(events) {
      for (const { type, id, data } of events) {
        if (type !== "DeliveryReceived") continue;
        const traceparent = traceparentIn(data);
        if (traceparent === undefined) continue;
        recent.set(id, traceparent);
        const [oldest] = recent.size > DELIVERIES_MAX ? recent.keys() : [];
        if (oldest !== undefined) recent.delete(oldest);
      }
    },
    of: ({ type, id, causation_id }) =>
      recent.get(type === "DeliveryReceived" ? id : (causation_id ?? "")),
  };
}

/** Most deliveries have none: only the others are parsed. */
function traceparentIn(data: string): string | undefined {
  return data.includes('"traceparent":') ? JSON.parse(data).traceparent : undefined;
}

/** Of a batch of a thousand deliveries some are enough to see how long it took. */
const SPANS_MAX = 50;

/** A step that is taken for many events at once: a span in the trace of each, up to a bound. */
export async function traceStep<T>(
  { tracing, traces }: Readonly<{ tracing: Tracing; traces: Traces }>,
  name: string,
  events: readonly RecordedEvent[],
  work: () => Promise<T>,
): Promise<T> {
  if (!tracing.isOn) return work();
  const spans = startSpans(tracing, name, parentsOf(events, traces), events.length);
  try {
    const done = await work();
    for (const span of spans) span.end();
    return done;
  } catch (error) {
    for (const span of spans) span.end({}, error);
    throw error;
  }
}

function parentsOf(events: readonly RecordedEvent[], traces: Traces): ReadonlySet<string> {
  const parents = new Set<string>();
  for (const event of events) {
    const parent = traces.of(event);
    if (parent !== undefined) parents.add(parent);
    if (parents.size === SPANS_MAX) break;
  }
  return parents;
}

function startSpans(
  tracing: Tracing,
  name: string,
  parents: ReadonlySet<string>,
  events: number,
): readonly Span[] {
  const attributes = { "counterfoil.batch.events": events };
  return [...parents].map((parent) => tracing.start(name, { parent, attributes }));
}
