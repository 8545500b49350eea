import type { ModelName } from "@counterfoil/contracts/fact";
import { liveGeneration } from "@counterfoil/processing/generations/activations";
import type { Rows } from "@counterfoil/processing/ports/model-store";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { listBalances } from "@counterfoil/processing/queries/balances";
import { listRecords } from "@counterfoil/processing/queries/lifecycle-list";
import type { TestLedger } from "./support.ts";

/** What a ledger shows of an account, as its readers see it. */
export type ShownAccount = Readonly<{
  balance: string | null;
  status: string;
  openGaps: number;
}>;

type ShownRecord = Readonly<{
  participant: string | null;
  asset: string | null;
  amount: string | null;
  stage: string | null;
}>;

const ALL = { limit: 10_000, beyond: null };
const STUCK_AFTER_SECONDS = 3_600;

/** By our id of the account. */
export function shownAccounts(ledger: TestLedger): Promise<ReadonlyMap<string, ShownAccount>> {
  return readModel(ledger, "balances", async (rows) => {
    const { nextTurn } = ledger.clock;
    const { data } = await listBalances(rows, { filters: {}, platform: null, page: ALL, nextTurn });
    return new Map(
      data.map(({ id, balance, status, open_gaps }) => {
        return [id, { balance, status, openGaps: open_gaps }];
      }),
    );
  });
}

export function shownRecords(
  ledger: TestLedger,
  model: "withdrawals" | "deposits",
): Promise<readonly ShownRecord[]> {
  return readModel(ledger, model, async (rows) => {
    const { clock } = ledger;
    const { data } = await listRecords(rows, {
      model,
      filters: {},
      platform: null,
      page: ALL,
      rule: stuckRule(clock.now(), STUCK_AFTER_SECONDS),
      nextTurn: clock.nextTurn,
    });
    return data.map(({ participant_code, asset, amount, stage }) => {
      return { participant: participant_code, asset, amount, stage };
    });
  });
}

async function readModel<T>(
  { stream, catalogue }: TestLedger,
  model: ModelName,
  read: (rows: Rows) => Promise<T>,
): Promise<T> {
  const { generation } = await liveGeneration(stream, model);
  const reader = await catalogue.openForReading(model, generation);
  try {
    return await reader.snapshot(read);
  } finally {
    await reader.close();
  }
}
