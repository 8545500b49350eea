import { describe, expect, test } from "@jest/globals";
import { logLevel } from "kafkajs";
import { pino } from "pino";
import { kafkaLog } from "./kafka-log.ts";

const LEVELS = [logLevel.ERROR, logLevel.WARN, logLevel.INFO, logLevel.DEBUG];

/** What becomes of a line of the client's at each of its levels. */
function linesOf(message: string): readonly Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { level: "debug", base: null, timestamp: false },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  const write = kafkaLog(logger);
  for (const level of LEVELS) {
    write({
      namespace: "Producer",
      level,
      label: "",
      log: {
        timestamp: "",
        logger: "kafkajs",
        message,
        broker: "b:1",
        retryCount: 2,
        payload: "secret",
        sasl: "secret",
        stack: "secret",
      },
    });
  }
  return lines;
}

describe("the client's lines are ours, without what was sent", () => {
  test.each([
    ["Connection error: connect ECONNREFUSED 127.0.0.1:1", [20, 20, 20, 20]],
    ["Failed to connect to seed broker, trying another broker from the list: x", [20, 20, 20, 20]],
    ["Limiting retries for the idempotent producer may invalidate EoS", [20, 20, 20, 20]],
    ["Offset out of range, resetting to default offset", [40, 20, 20, 20]],
    ["Failed to execute listener: not a function", [40, 20, 20, 20]],
  ])("%s", (message, levels) => {
    const fields = { client: "Producer", broker: "b:1", retryCount: 2, msg: message };
    expect(linesOf(message)).toEqual(levels.map((level) => ({ level, ...fields })));
  });
});
