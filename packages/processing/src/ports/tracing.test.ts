import { expect, test } from "@jest/globals";
import { sampleEvent } from "../testing/sample-event.ts";
import { createTraces, type Span, type Tracing, traceStep } from "./tracing.ts";

const traceparentOf = (n: number) => `00-${String(n).padStart(32, "a")}-00f067aa0ba902b7-01`;

const delivery = (n: number, traceparent: string | null = traceparentOf(n)) => ({
  ...recorded(n),
  type: "DeliveryReceived",
  id: `delivery-${n}`,
  data: JSON.stringify({ provider: "zerohash", ...(traceparent !== null && { traceparent }) }),
});

const fact = (n: number) => ({ ...recorded(n), causation_id: `delivery-${n}` });

const recorded = (n: number) => ({
  ...sampleEvent(1),
  position: n,
  recorded_at: 0n,
  hash: "0".repeat(64),
});

function recordingTracing() {
  const started: string[] = [];
  const ended: unknown[] = [];
  const start: Tracing["start"] = (_name, options): Span => {
    started.push(String(options?.parent));
    return { end: (_attributes, error) => void ended.push(error) };
  };
  return { tracing: { isOn: true, start }, started, ended };
}

test("a fact belongs to the trace of its delivery, even in a later batch", () => {
  const traces = createTraces();
  traces.note([delivery(1), delivery(2, null)]);
  traces.note([fact(1), fact(2), fact(3)]);
  const found = [delivery(1), fact(1), fact(2), fact(3)].map(traces.of);
  expect(found).toEqual([traceparentOf(1), traceparentOf(1), undefined, undefined]);
});

test("the oldest of very many deliveries are forgotten", () => {
  const traces = createTraces();
  for (let n = 1; n <= 10_001; n += 1) traces.note([delivery(n)]);
  expect([traces.of(fact(1)), traces.of(fact(2))]).toEqual([undefined, traceparentOf(2)]);
});

test("a step has one span in each trace, and at most fifty for a batch", async () => {
  const traces = createTraces();
  const { tracing, started, ended } = recordingTracing();
  const events = Array.from({ length: 200 }, (_, n) => [delivery(n), fact(n)]).flat();
  traces.note(events);
  const done = await traceStep({ tracing, traces }, "step", events, async () => "done");
  expect(done).toBe("done");
  expect(started).toEqual(Array.from({ length: 50 }, (_, n) => traceparentOf(n)));
  expect(ended).toEqual(started.map(() => undefined));
});

test("a step that fails ends its spans with the error, and throws it", async () => {
  const traces = createTraces();
  const { tracing, ended } = recordingTracing();
  traces.note([delivery(1)]);
  const error = new Error("away");
  const failing = traceStep({ tracing, traces }, "step", [fact(1)], () => Promise.reject(error));
  await expect(failing).rejects.toBe(error);
  expect(ended).toEqual([error]);
});
