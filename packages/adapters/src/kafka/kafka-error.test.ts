import {
  PublisherFenced,
  RecordTooLarge,
  TopicsUnavailable,
} from "@counterfoil/processing/ports/topic-errors";
import { describe, expect, test } from "@jest/globals";
import { portError } from "./kafka-error.ts";

/** An error as the client makes it. */
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
      RecordTooLarge,
      "too large",
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

  test("a fault of the program stays what it is", () => {
    const fault = new TypeError("not a function");
    expect(portError(fault, "publishing")).toBe(fault);
  });

  test("causes that go around in a circle are gone through once", () => {
    const error = clientError("KafkaJSError", "round");
    error.cause = error;
    expect(portError(error, "publishing")).toBeInstanceOf(TopicsUnavailable);
  });
});
