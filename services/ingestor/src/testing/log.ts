import { Writable } from "node:stream";
import { type Logger, pino } from "pino";

export type CapturedLog = Readonly<{ logger: Logger; text: () => string }>;

/** A logger whose lines can be read again. */
export function captureLog(): CapturedLog {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { logger: pino({ level: "trace" }, stream), text: () => lines.join("") };
}
