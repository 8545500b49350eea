import { EventStoreDBClient, jsonEvent, NO_STREAM } from "@eventstore/db-client";
import { afterEach, beforeEach } from "@jest/globals";
import { nodeHashing, systemClock } from "../../node/runtime.ts";
import { type EventStreamOptions, openEventStream } from "../event-stream.ts";
import {
  type DoubleOptions,
  type EventStoreDouble,
  startEventStoreDouble,
} from "./eventstore-double.ts";
import { createMemoryIdentityIndex } from "./memory-identity-index.ts";
import type { Commit, CommitFault } from "./node.ts";

export type DoubleFixture = EventStoreDouble &
  Readonly<{
    /** The official client, disposed of after the test. */
    client: () => EventStoreDBClient;
    /** Run after the test, before the double checks for open calls. */
    atEnd: (work: () => Promise<unknown>) => void;
  }>;

/** A new double for each test; a test that leaves a call open fails. */
export function useDouble(options: DoubleOptions = {}): () => DoubleFixture {
  let fixture: DoubleFixture | null = null;
  let works: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    const double = await startEventStoreDouble(options);
    const atEnd = (work: () => Promise<unknown>) => void works.push(work);
    const client = () => {
      const made = EventStoreDBClient.connectionString(double.url);
      atEnd(() => made.dispose());
      return made;
    };
    fixture = { ...double, client, atEnd };
  });

  afterEach(async () => {
    for (const work of works) await work();
    works = [];
    await fixture?.close();
    fixture = null;
  });

  return () => {
    if (fixture === null) throw new Error("the double exists only inside a test");
    return fixture;
  };
}

/** With credentials for a single call the official client uses `Append`, as the adapter does. */
export const AS_ANYBODY = {
  credentials: { username: "anybody", password: "anything" },
  expectedRevision: NO_STREAM,
} as const;

/** Appends an event of another client to a stream. @returns its id on the server */
export async function appendAsStranger(
  { url, streams }: Pick<EventStoreDouble, "url" | "streams">,
  stream: string,
  event: Parameters<EventStoreDBClient["appendToStream"]>[1] = jsonEvent({
    type: "Test",
    data: { a: 1 },
  }),
): Promise<string> {
  const client = EventStoreDBClient.connectionString(url);
  const expectedRevision = BigInt(streams.lastRevision(stream));
  await client.appendToStream(stream, event, { ...AS_ANYBODY, expectedRevision });
  await client.dispose();
  return streams.everything(stream).at(-1)?.id ?? "";
}

export const LEDGER = "examination";
export const STREAM = `ledger-${LEDGER}`;

/**
 * Short deadlines for lost answers, which are retried soon, and long timeouts for answers that must
 * arrive even on a busy machine.
 */
export const HASTY = {
  idleTimeoutMs: 30_000,
  appendMs: 1500,
  retryForMs: 60_000,
  replicationMs: 500,
  pollMs: 200,
  lingerMs: 50,
} as const;

/** Short timeouts for calls that are never answered. */
export const IMPATIENT = { ...HASTY, idleTimeoutMs: 1000, appendMs: 300, retryForMs: 400 } as const;

/** Opens the ledger's stream on a double; it is closed after the test. */
export function openLedgerOn(double: DoubleFixture, options: Partial<EventStreamOptions> = {}) {
  const opening = openEventStream({
    url: double.url,
    ledger: LEDGER,
    hashing: nodeHashing,
    clock: systemClock,
    index: createMemoryIdentityIndex(),
    timing: HASTY,
    ...options,
  });
  double.atEnd(async () => (await opening.catch(() => null))?.close());
  return opening;
}

/** Faults for the appends to the ledger's stream, one each; null and after the last: none. */
export function failAppends(
  { settings }: DoubleFixture,
  faults: readonly (CommitFault | null)[],
  stream = STREAM,
): void {
  const left = [...faults];
  settings.faultOf = (commit: Commit) => (commit.stream === stream ? (left.shift() ?? null) : null);
}
