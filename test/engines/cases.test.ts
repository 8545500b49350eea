import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { describe } from "@jest/globals";
import { defineBalanceCases } from "../system/balance-cases.ts";
import { openBalanceLedger } from "../system/balance-ledger.ts";
import { defineLifecycleCases } from "../system/lifecycle-cases.ts";
import { playWebhooks } from "../system/lifecycle-ledger.ts";
import { defineModelVersions } from "../system/model-version-cases.ts";
import { defineOneTypeCases } from "../system/one-type-cases.ts";
import { defineSocketOrderCases } from "../system/socket-order-cases.ts";
import { eventstoreEngine, postgresEngine } from "./server-engines.ts";

/** The cases that memory and SQLite have in test/system, each on a database of its own. */
describeOwnPostgres("on PostgreSQL", (use) => {
  const engine = () => postgresEngine(use().url);
  describe("balances:", () => defineBalanceCases(() => openBalanceLedger(engine())));
  describe("lifecycles:", () =>
    defineLifecycleCases((webhooks) => playWebhooks(engine(), webhooks)));
  describe("the order of sockets:", () => defineSocketOrderCases(engine));
  describe("a new version of a model:", () => defineModelVersions(engine));
  describe("one body, one type:", () => defineOneTypeCases(engine));
  describe("one body, one type on EventStoreDB:", () =>
    defineOneTypeCases(() => eventstoreEngine(use().url)));
});
