import {
  NotAuthorized,
  PublisherFenced,
  TopicsUnavailable,
} from "@counterfoil/processing/ports/topics";
import { describe, expect, test } from "@jest/globals";
import { portError, withAdvice } from "./client.ts";

/** An error as created by the client. */
function clientError(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name, ...more });
}

const epoch = clientError("KafkaJSProtocolError", "old epoch", {
  type: "INVALID_PRODUCER_EPOCH",
  code: 47,
});

describe("failures of the client", () => {
  test.each<[string, Error, new (...rest: never[]) => Error, string]>([
    [
      "a lost connection",
      clientError("KafkaJSConnectionError", "Connection timeout"),
      TopicsUnavailable,
      "publishing: Connection timeout",
    ],
    ["a fence", epoch, PublisherFenced, "another publisher of this ledger is at work"],
    [
      "a fence in a wrapping",
      clientError("KafkaJSNonRetriableError", "failed", { cause: epoch }),
      PublisherFenced,
      "publishing: old epoch",
    ],
    [
      "a fence that the client has no name for",
      clientError("KafkaJSProtocolError", "unknown", { code: 90 }),
      PublisherFenced,
      "unknown",
    ],
    [
      "a large message",
      clientError("KafkaJSNumberOfRetriesExceeded", "failed", {
        originalError: clientError("KafkaJSProtocolError", "too large", {
          type: "MESSAGE_TOO_LARGE",
        }),
      }),
      TopicsUnavailable,
      "too large: the topic's max.message.bytes is lower",
    ],
    [
      "several at once",
      clientError("KafkaJSAggregateError", "several", {
        errors: [clientError("KafkaJSProtocolError", "one", { type: "NOT_CONTROLLER" })],
      }),
      TopicsUnavailable,
      "publishing: one",
    ],
  ])("%s", (_, error, kind, message) => {
    const found = portError(error, "publishing") as Error;
    expect(found).toBeInstanceOf(kind);
    expect(found.message).toContain(message);
    expect(found.cause).toBe(error);
  });

  test.each([
    ["TOPIC_AUTHORIZATION_FAILED", "read it", /^reading: not authorised to read it: grant it to/],
    [
      "GROUP_AUTHORIZATION_FAILED",
      undefined,
      /not authorised to use a group \(as the broker says\)/,
    ],
  ])("a refusal of a right by the broker: %s", async (type, topic, message) => {
    const refusal = clientError("KafkaJSProtocolError", "as the broker says", { type });
    const error = clientError("KafkaJSNonRetriableError", "failed", { cause: refusal });
    const found = portError(error, "reading", topic === undefined ? {} : { topic });
    expect(found).toBeInstanceOf(NotAuthorized);
    expect((found as Error).message).toMatch(message);
    // The broker answers: its address and login are right.
    await expect(withAdvice(BROKERS, () => Promise.reject(found))).rejects.toBe(found);
    expect(portError(found, "once more")).toBe(found);
  });

  test("a programming error is unchanged", () => {
    const fault = new TypeError("not a function");
    expect(portError(fault, "publishing")).toBe(fault);
  });

  test("circular causes are visited once", () => {
    const error = clientError("KafkaJSError", "round");
    error.cause = error;
    expect(portError(error, "publishing")).toBeInstanceOf(TopicsUnavailable);
  });
});

const BROKERS = ["one:1", "two:2"];

const causedError = (name: string, more: object = {}, cause?: Error): Error =>
  clientError(name, "as the client says", { ...more, cause });

const connectionError = (code: string, broker: string) =>
  causedError("KafkaJSConnectionError", { code, broker });

async function adviceOn(error: Error): Promise<string> {
  const work = () => Promise.reject(portError(error, "connecting"));
  const advised: unknown = await withAdvice(BROKERS, work).catch((reason: unknown) => reason);
  expect(advised).toBeInstanceOf(TopicsUnavailable);
  expect((advised as Error).cause).toBe(error);
  return (advised as Error).message;
}

describe("advice if brokers cannot be used", () => {
  test.each<[string, Error, RegExp]>([
    [
      "the login is refused",
      causedError("KafkaJSSASLAuthenticationError"),
      /check COUNTERFOIL_KAFKA_USERNAME, COUNTERFOIL_KAFKA_PASSWORD and COUNTERFOIL_KAFKA_SASL$/,
    ],
    [
      "the login is refused, at the last of several tries",
      causedError(
        "KafkaJSNumberOfRetriesExceeded",
        {},
        causedError("KafkaJSSASLAuthenticationError"),
      ),
      /COUNTERFOIL_KAFKA_PASSWORD/,
    ],
    [
      "the mechanism is not spoken there",
      causedError("KafkaJSProtocolError", { type: "UNSUPPORTED_SASL_MECHANISM", code: 33 }),
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

  test("other errors are unchanged", async () => {
    const fault = new TypeError("not a function");
    await expect(withAdvice(BROKERS, () => Promise.reject(fault))).rejects.toBe(fault);
    expect(await withAdvice(BROKERS, async () => 7)).toBe(7);
  });
});
