import { openEventStream as openEventstoreStream } from "@counterfoil/adapters/eventstore/event-stream";
import {
  type EventStoreDouble,
  startEventStoreDouble,
} from "@counterfoil/adapters/eventstore/testing/eventstore-double";
import { openEventStream } from "@counterfoil/adapters/postgres/event-stream";
import { openIdentityIndex } from "@counterfoil/adapters/postgres/identity-index";
import { openModelCatalogue } from "@counterfoil/adapters/postgres/model-catalogue";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { hashing, LEDGER, type OpenTestEngine } from "../system/support.ts";

/**
 * A ledger's name is part of its hash chain, so that the same ledger on the same server takes a
 * database of its own.
 */
export const postgresEngine =
  (serverUrl: string): OpenTestEngine =>
  async (clock) =>
    postgresEngineIn(await newDatabase(serverUrl))(clock);

export const postgresEngineIn =
  (url: string): OpenTestEngine =>
  async (clock) => ({
    openStream: () => openEventStream({ url, ledger: LEDGER, hashing, clock }),
    catalogue: openModelCatalogue({ url, ledger: LEDGER }),
    dispose: async () => {},
  });

/** The stream on the wire double; index and models on PostgreSQL. */
export const eventstoreEngine =
  (serverUrl: string): OpenTestEngine =>
  async (clock) =>
    eventstoreEngineOn(await startEventStoreDouble(), serverUrl)(clock);

export const eventstoreEngineOn =
  (double: EventStoreDouble, serverUrl: string): OpenTestEngine =>
  async (clock) => {
    const url = await newDatabase(serverUrl);
    const openStream = async (): Promise<EventStream> => {
      const index = await openIdentityIndex({ url, ledger: LEDGER });
      const options = { url: double.url, ledger: LEDGER, hashing, clock, index };
      const stream = await openEventstoreStream(options);
      const close = async () => {
        await stream.close();
        await index.close();
      };
      return { ...stream, close };
    };
    const catalogue = openModelCatalogue({ url, ledger: LEDGER });
    return { openStream, catalogue, dispose: double.close };
  };
