import { afterEach, expect, test } from "@jest/globals";
import { type Logger, pino } from "pino";
import { collectSpans } from "./testing/collected-spans.ts";
import { startTracing, tracing } from "./tracing.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENDER = `00-${TRACE}-00f067aa0ba902b7-01`;
const logger = pino({ level: "silent" });

afterEach(() => {
  for (const name of Object.keys(process.env))
    if (name.startsWith("OTEL_")) delete process.env[name];
});

test("is off without an endpoint: spans do nothing, and have no traceparent", async () => {
  const stop = await startTracing({ role: "test", logger });
  expect(tracing.isOn).toBe(false);
  const span = tracing.start("step", { parent: SENDER });
  expect(span.traceparent).toBeUndefined();
  span.end();
  await stop();
});

test("continues the trace of a parent, and provides its own traceparent", async () => {
  const { spans, stop } = await collectSpans();
  const first = tracing.start("first", { kind: "server", parent: SENDER, attributes: { a: 1 } });
  const second = tracing.start("second", { parent: first.traceparent });
  second.end({ b: "x" }, new TypeError("of a body"));
  first.end();
  await stop();
  expect(tracing.isOn).toBe(false);
  const [inner, outer] = spans;
  expect(first.traceparent).toBe(`00-${TRACE}-${outer?.spanContext().spanId}-01`);
  expect(outer).toMatchObject({ name: "first", kind: 1, attributes: { a: 1 } });
  expect(outer?.parentSpanContext?.spanId).toBe("00f067aa0ba902b7");
  expect(inner?.spanContext().traceId).toBe(TRACE);
  expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
  expect(inner).toMatchObject({
    attributes: { b: "x" },
    status: { code: 2, message: "TypeError" },
  });
  expect(outer?.resource.attributes).toMatchObject({ "service.name": "counterfoil-test" });
});

test.each([
  "",
  "nonsense",
  `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
  `01-${TRACE}-00f067aa0ba902b7-01`,
])("a parent that is none (%s) begins a trace", async (parent) => {
  const { spans, stop } = await collectSpans();
  tracing.start("step", { parent }).end();
  await stop();
  expect(spans).toHaveLength(1);
  expect(spans[0]?.parentSpanContext).toBeUndefined();
});

test("a trace not sampled by its sender is not collected, and has no traceparent", async () => {
  const { spans, stop } = await collectSpans();
  const span = tracing.start("step", { parent: `${SENDER.slice(0, -2)}00` });
  expect(span.traceparent).toBeUndefined();
  span.end();
  await stop();
  expect(spans).toEqual([]);
});

test("OpenTelemetry's variables set the sampling ratio and the name", async () => {
  process.env.OTEL_TRACES_SAMPLER = "parentbased_traceidratio";
  process.env.OTEL_TRACES_SAMPLER_ARG = "0";
  process.env.OTEL_SERVICE_NAME = "books";
  const { spans, stop } = await collectSpans();
  tracing.start("own").end();
  tracing.start("of a sender", { parent: SENDER }).end();
  await stop();
  expect(spans.map(({ name }) => name)).toEqual(["of a sender"]);
  expect(spans[0]?.resource.attributes).toMatchObject({ "service.name": "books" });
});

test("an endpoint that refuses is logged once, and nothing waits for it", async () => {
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:1";
  const said: string[] = [];
  const { promise: isSaid, resolve } = Promise.withResolvers<void>();
  const warn = (_: object, text: string) => {
    said.push(text);
    resolve();
  };
  const stop = await startTracing({ role: "test", logger: { warn } as unknown as Logger });
  for (let n = 0; n < 3_000; n += 1) tracing.start("step").end();
  await isSaid;
  expect(tracing.isOn).toBe(false);
  await stop();
  expect(said).toEqual(["traces cannot be sent: dropped"]);
});
