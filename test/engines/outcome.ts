import type { ModelName } from "@counterfoil/contracts/fact";
import type { Head } from "@counterfoil/core/stream/chain";
import { verifyModel } from "@counterfoil/processing/generations/refold";
import { verifyStream } from "@counterfoil/processing/generations/verify";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { Checkpoint } from "@counterfoil/processing/ports/model-store";
import { expect } from "@jest/globals";
import { hashing, LEDGER, type TestLedger } from "../system/support.ts";
import { type FlowOptions, playFlow } from "./flow.ts";

/** What an engine makes of a flow. */
export type Outcome = Readonly<{
  head: Head;
  checkpoints: Readonly<Record<ModelName, Checkpoint>>;
  types: ReadonlySet<string>;
  /** Balance and open gaps by account. */
  accounts: Readonly<Record<string, Readonly<{ balance: unknown; gaps: unknown }>>>;
}>;

/** Plays the flow, and proves what has become of it to be sound. */
export async function outcomeOf(options: FlowOptions): Promise<Outcome> {
  const ledger = await playFlow(options);
  const head = await ledger.stream.head();
  const checkpoints = await ledger.checkpoints();
  const types = new Set((await ledger.events()).map(({ type }) => type));
  const rows = await ledger.rows("balances", ACCOUNTS);
  const accounts = Object.fromEntries(
    rows.map(({ id, balance, open_gaps }) => [id, { balance, gaps: open_gaps }]),
  );
  await ledger.release();
  await expectVerified(ledger);
  await ledger.close();
  return { head, checkpoints, types, accounts };
}

/** Chain, bodies, and every model against the stream folded anew. */
async function expectVerified({ stream, catalogue, projections }: TestLedger): Promise<void> {
  const verified = await verifyStream({ stream, ledger: LEDGER, hashing, bodies: true });
  expect(verified.findings).toEqual([]);
  for (const model of MODEL_NAMES) {
    const projection = projections[model];
    const result = await verifyModel({ stream, catalogue, projection, hashing, refold: true });
    expect([model, result?.findings]).toEqual([model, []]);
  }
}
