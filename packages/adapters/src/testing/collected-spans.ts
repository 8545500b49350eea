import { InMemorySpanExporter, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { pino } from "pino";
import { startTracing } from "../tracing.ts";

/** Collects the spans of this thread in memory; they are there once it is stopped. */
export async function collectSpans() {
  const exporter = new InMemorySpanExporter();
  const spans: ReadableSpan[] = [];
  exporter.shutdown = async () => void spans.push(...exporter.getFinishedSpans());
  const stop = await startTracing({ role: "test", logger: pino({ level: "silent" }), exporter });
  return { spans, stop };
}
