import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { logLevel } from "kafkajs";
import { pino } from "pino";
import { ConfigurationInvalid, loadConfig } from "../config.ts";
import { kafkaConfigOf, kafkaLog } from "./client.ts";

const BROKERS = { COUNTERFOIL_KAFKA_BROKERS: "a:1,b:2" };
const [FIRST = "", SECOND = ""] = rootCertificates;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "counterfoil-authorities-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** TLS with a file of authorities with this content. */
function withFile(text: string) {
  const file = join(folder, "ca.pem");
  writeFileSync(file, text);
  return { ...BROKERS, COUNTERFOIL_KAFKA_TLS: "true", COUNTERFOIL_KAFKA_CA_FILE: file };
}

const tlsOf = (env: Readonly<Record<string, string>>) => kafkaConfigOf(loadConfig(env))?.tls;

test("without brokers there is no connection", () => {
  expect(kafkaConfigOf(loadConfig({}))).toBeNull();
});

test("TLS is off, on with Node's authorities, or on with those of a file", () => {
  expect(tlsOf(BROKERS)).toBe(false);
  expect(tlsOf({ ...BROKERS, COUNTERFOIL_KAFKA_TLS: "true" })).toBe(true);
  const text = `issued by somebody\n${FIRST}\n\nand another\n${SECOND}\n`;
  expect(tlsOf(withFile(text))).toEqual({ ca: `${FIRST}\n${SECOND}` });
});

describe("a file of authorities is refused", () => {
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
  test.each<[string, () => Readonly<Record<string, string>>, RegExp]>([
    ["that holds none", () => withFile("nothing\n"), /COUNTERFOIL_KAFKA_CA_FILE.*no certificate/],
    ["that is empty", () => withFile(""), /COUNTERFOIL_KAFKA_CA_FILE.*no certificate/],
    ["with one that is broken", () => withFile(`${FIRST}\n${broken}`), /certificate 2 cannot/],
    [
      "that is not there",
      () => ({ ...withFile(""), COUNTERFOIL_KAFKA_CA_FILE: join(folder, "no.pem") }),
      /COUNTERFOIL_KAFKA_CA_FILE is ".*no\.pem", which cannot be read \(ENOENT\)/,
    ],
    [
      "where TLS is off",
      () => ({ ...withFile(FIRST), COUNTERFOIL_KAFKA_TLS: "false" }),
      /COUNTERFOIL_KAFKA_TLS is false/,
    ],
    [
      "where TLS is not spoken of",
      () => ({ ...BROKERS, COUNTERFOIL_KAFKA_CA_FILE: join(folder, "ca.pem") }),
      /COUNTERFOIL_KAFKA_CA_FILE set, COUNTERFOIL_KAFKA_TLS missing/,
    ],
  ])("%s", (_, env, problem) => {
    expect(() => tlsOf(env())).toThrow(ConfigurationInvalid);
    expect(() => tlsOf(env())).toThrow(problem);
  });
});

const LEVELS = [logLevel.ERROR, logLevel.WARN, logLevel.INFO, logLevel.DEBUG];

/** Logs a line of the client at each of its levels. */
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

describe("the client's lines are logged without sent data", () => {
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
