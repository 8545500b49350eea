import { expect, test } from "@jest/globals";
import { logLevel } from "kafkajs";
import { pino } from "pino";
import { kafkaLog } from "./kafka-log.ts";

test("the client's lines are ours: no louder than a warning, and without what was sent", () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { level: "debug", base: null, timestamp: false },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  const write = kafkaLog(logger);
  const entry = (level: logLevel) => ({
    namespace: "Producer",
    level,
    label: "",
    log: {
      timestamp: "",
      logger: "kafkajs",
      message: "said",
      broker: "b:1",
      retryCount: 2,
      payload: "secret",
      sasl: "secret",
      stack: "secret",
    },
  });
  for (const level of [logLevel.ERROR, logLevel.WARN, logLevel.INFO, logLevel.DEBUG])
    write(entry(level));
  const fields = { client: "Producer", broker: "b:1", retryCount: 2, msg: "said" };
  expect(lines).toEqual([40, 40, 20, 20].map((level) => ({ level, ...fields })));
});
