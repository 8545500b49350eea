import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { defineBalanceCases } from "../system/balance-cases.ts";
import { endAllProcesses, runCommand } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { type ServiceLedger, startServiceLedger } from "./support/service-ledger.ts";
import { configOf } from "./support/stand-in.ts";

/** The cases of test/system: webhooks signed and posted, the feed over a socket, asked over HTTP. */
const env = configOf(newFolder());
let service: ServiceLedger;

beforeAll(async () => {
  service = await startServiceLedger(env);
});
afterAll(async () => {
  await endAllProcesses();
  removeFolders();
});

describe("balances through a running service:", () => defineBalanceCases(() => service.open()));

test("afterwards the chain is whole, and the models are what the stream makes of them", async () => {
  await service.stop();
  const verified = await runCommand(["verify", "--models", "--json"], env);
  expect(JSON.parse(verified.stdout).findings).toEqual([]);
});
