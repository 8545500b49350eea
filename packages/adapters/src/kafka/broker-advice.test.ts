import { TopicsUnavailable } from "@counterfoil/processing/ports/topic-errors";
import { describe, expect, test } from "@jest/globals";
import { withAdvice } from "./broker-advice.ts";
import { portError } from "./kafka-error.ts";

const BROKERS = ["one:1", "two:2"];

/** An error as the client makes it, from a cause as Node makes it. */
const clientError = (name: string, more: object = {}, cause?: Error): Error =>
  Object.assign(new Error("as the client says", { cause }), { name, ...more });

const connectionError = (code: string, broker: string) =>
  clientError("KafkaJSConnectionError", { code, broker });

async function adviceOn(error: Error): Promise<string> {
  const work = () => Promise.reject(portError(error, "connecting"));
  const advised: unknown = await withAdvice(BROKERS, work).catch((reason: unknown) => reason);
  expect(advised).toBeInstanceOf(TopicsUnavailable);
  expect((advised as Error).cause).toBe(error);
  return (advised as Error).message;
}

describe("what to look at where brokers cannot be used", () => {
  test.each<[string, Error, RegExp]>([
    [
      "the login is refused",
      clientError("KafkaJSSASLAuthenticationError"),
      /check COUNTERFOIL_KAFKA_USERNAME, COUNTERFOIL_KAFKA_PASSWORD and COUNTERFOIL_KAFKA_SASL$/,
    ],
    [
      "the login is refused, at the last of several tries",
      clientError(
        "KafkaJSNumberOfRetriesExceeded",
        {},
        clientError("KafkaJSSASLAuthenticationError"),
      ),
      /COUNTERFOIL_KAFKA_PASSWORD/,
    ],
    [
      "the mechanism is not spoken there",
      clientError("KafkaJSProtocolError", { type: "UNSUPPORTED_SASL_MECHANISM", code: 33 }),
      /COUNTERFOIL_KAFKA_SASL$/,
    ],
    [
      "the certificate's authority is not known",
      connectionError("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "one:1"),
      /set COUNTERFOIL_KAFKA_CA_FILE to its certificate$/,
    ],
    [
      "the certificate is for another name",
      connectionError("ERR_TLS_CERT_ALTNAME_INVALID", "one:1"),
      /let COUNTERFOIL_KAFKA_BROKERS and .* name them as their certificates do$/,
    ],
    [
      "a broker that was not named is away",
      connectionError("ECONNREFUSED", "three:3"),
      /COUNTERFOIL_KAFKA_BROKERS \(one:1, two:2\) sends clients on to three:3.*advertised\.listeners/,
    ],
    [
      "a broker that was named is away",
      connectionError("ECONNREFUSED", "two:2"),
      /^connecting: as the client says: check COUNTERFOIL_KAFKA_BROKERS, the login and TLS there/,
    ],
  ])("%s", async (_, error, advice) => {
    expect(await adviceOn(error)).toMatch(advice);
  });

  test("other trouble stays as it is", async () => {
    const fault = new TypeError("not a function");
    await expect(withAdvice(BROKERS, () => Promise.reject(fault))).rejects.toBe(fault);
    expect(await withAdvice(BROKERS, async () => 7)).toBe(7);
  });
});
