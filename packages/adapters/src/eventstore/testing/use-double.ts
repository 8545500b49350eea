import { EventStoreDBClient } from "@eventstore/db-client";
import { afterEach, beforeEach } from "@jest/globals";
import {
  type DoubleOptions,
  type EventStoreDouble,
  startEventStoreDouble,
} from "./eventstore-double.ts";

export type DoubleFixture = EventStoreDouble &
  Readonly<{
    /** The official client as anybody uses it, disposed of after the test. */
    client: () => EventStoreDBClient;
    /** To be done after the test, before the double looks for calls that were left open. */
    atEnd: (work: () => Promise<unknown>) => void;
  }>;

/** A double of its own for each test; it fails a test that leaves a call open. */
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

export type WayToAppend = "Append" | "BatchAppend";

/** Credentials for one call make the client use `Append`. */
export const ANYBODY = { username: "anybody", password: "anything" };
