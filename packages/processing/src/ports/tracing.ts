import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";

/** Reports the processing steps of a delivery to a trace collector. */
export interface Tracing {
  /** If off, callers prepare nothing for it. */
  readonly isOn: boolean;
  start(name: string, options?: SpanOptions): Span;
}

export type SpanOptions = Readonly<{
  kind?: "server" | "internal" | "producer" | "consumer";
  /** The W3C `traceparent` of the cause; without one a new trace begins. */
  parent?: string | undefined;
  attributes?: SpanAttributes;
}>;

/** Ids, counts and outcomes; never payload contents. */
type SpanAttributes = Readonly<Record<string, string | number>>;

/** One step of a trace, in progress. */
export type Span = Readonly<{
  /** The parent of its child spans; absent if the span is not collected. */
  traceparent?: string;
  /** @param error the reason of a failure */
  end: (attributes?: SpanAttributes, error?: unknown) => void;
}>;

const NO_SPAN: Span = { end: () => {} };

export const NO_TRACING: Tracing = { isOn: false, start: () => NO_SPAN };

/** Version 00 of W3C Trace Context; ids of only zeros are invalid. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Whether something is a valid `traceparent` of version 00. */
export const isTraceparent = (text: unknown): text is string =>
  typeof text === "string" && TRACEPARENT.test(text);

/** The traces of recorded events: an event belongs to the trace of its delivery. */
export interface Traces {
  /** Must be called with all events in stream order: a delivery comes before its facts. */
  note(events: readonly RecordedEvent[]): void;
  of(event: RecordedEvent): string | undefined;
}

/** Facts directly follow their delivery, except those of large deliveries, which others come between. */
const DELIVERIES_MAX = 10_000;

/**
 * Remembers the traces of the most recent deliveries. A fact recorded much later than its delivery, or
 * after a restart in between, has no trace.
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

/** Most deliveries have no trace, and are not parsed. */
function traceparentIn(data: string): string | undefined {
  return data.includes('"traceparent":') ? JSON.parse(data).traceparent : undefined;
}

/** Limit of the spans of one batch; a few of a thousand deliveries are enough to see its duration. */
const SPANS_MAX = 50;

/** Traces a step for many events: a span in the trace of each, up to a limit. */
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
