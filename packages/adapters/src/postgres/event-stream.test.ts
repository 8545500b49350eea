import type { Clock } from "@counterfoil/processing/ports/clock";
import { describeEventStreamContract } from "@counterfoil/processing/testing/event-stream.contract";
import { describe } from "@jest/globals";
import { nodeHashing } from "../node/runtime.ts";
import { openEventStream } from "./event-stream.ts";
import { newDatabase } from "./testing/new-database.ts";
import { describePostgres, queryOnce } from "./testing/use-postgres.ts";

describePostgres("the stream on PostgreSQL", (use) => {
  const harnessAt = (url: string) => {
    const ledger = use().newLedger();
    return {
      ledger,
      hashing: nodeHashing,
      open: (clock: Clock) => openEventStream({ url, ledger, hashing: nodeHashing, clock }),
      dispose: async () => void (await queryOnce(url, `DROP SCHEMA counterfoil_${ledger} CASCADE`)),
    };
  };
  describeEventStreamContract("postgres", async () => harnessAt(use().url));

  // Every append waits for the one before, and must then see it.
  describe("of a database whose transactions are repeatable reads", () => {
    let url: Promise<string> | null = null;
    describeEventStreamContract("postgres", async () => {
      url ??= newDatabase(use().url, "repeatable read");
      return harnessAt(await url);
    });
  });
});
