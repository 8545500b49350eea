import { describeEventStreamContract } from "@counterfoil/processing/testing/event-stream.contract";
import { nodeHashing } from "../node/hashing.ts";
import { openEventStream } from "./event-stream.ts";
import { describePostgres } from "./testing/use-postgres.ts";

describePostgres("the stream on PostgreSQL", (use) => {
  describeEventStreamContract("postgres", async () => {
    const { url, newLedger, query } = use();
    const ledger = newLedger();
    return {
      ledger,
      hashing: nodeHashing,
      open: (clock) => openEventStream({ url, ledger, hashing: nodeHashing, clock }),
      dispose: async () => void (await query(`DROP SCHEMA counterfoil_${ledger} CASCADE`)),
    };
  });
});
