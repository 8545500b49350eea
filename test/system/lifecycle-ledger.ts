import type {
  DepositRecord,
  LifecycleModel,
  WithdrawalRecord,
} from "@counterfoil/contracts/record";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { mergeAnomalies, readAnomalies } from "@counterfoil/processing/queries/anomalies";
import { countStuck, stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { listRecords } from "@counterfoil/processing/queries/lifecycle-list";
import { lifecycleRecord } from "@counterfoil/processing/queries/lifecycle-record";
import { findRecord } from "@counterfoil/processing/queries/lifecycles";
import { type Moment, NOW } from "@counterfoil/processing/queries/moment";
import { type LedgerOptions, openTestLedger, type TestLedger } from "./support.ts";

export const START = 1_746_000_000_000_000_000n;
const MINUTE = 60_000_000_000n;

export type Webhook = Readonly<{ type: string; body: object; id?: string; provider?: "layer1" }>;

type Records = { withdrawals: WithdrawalRecord; deposits: DepositRecord };

/** What a ledger shows of withdrawals and deposits. */
export type LifecycleLedger = Readonly<{
  records: <Model extends keyof Records>(model: Model) => Promise<Records[Model][]>;
  /** @param minute after the start, in which somebody asks who is stuck for a minute */
  find: (
    model: LifecycleModel,
    id: string,
    minute?: number,
    moment?: Moment,
  ) => ReturnType<typeof findRecord>;
  /** Ids of the records that filters choose. */
  list: (
    model: LifecycleModel,
    filters: Readonly<Record<string, readonly string[]>>,
  ) => Promise<readonly string[]>;
  openAnomalies: (model: LifecycleModel) => Promise<readonly string[]>;
  /** What is stuck for a minute in that minute: the records, the anomalies, and the counts by stage. */
  stuck: (model: LifecycleModel, minute: number) => Promise<Stuck>;
  /** The same as an engine stores it. */
  ledger: TestLedger;
}>;

type Stuck = Readonly<{
  records: readonly string[];
  anomalies: readonly string[];
  counts: readonly string[];
}>;

/** A new ledger that was handed these webhooks a minute apart, each under an id of its own. */
export async function playWebhooks(
  engine: NonNullable<LedgerOptions["engine"]>,
  webhooks: readonly Webhook[],
): Promise<LifecycleLedger> {
  const ledger = await openTestLedger({ engine });
  for (const [at, { type, body, id, provider = "zerohash" }] of webhooks.entries()) {
    await ledger.submit({
      ...{ provider, channel: "webhook", payloadType: type, place: null, correlationId: null },
      notificationId: id ?? `n${at}`,
      verdict: { signature: "valid", scheme: "hmac-sha256", key: "1" },
      bytes: Buffer.from(JSON.stringify(body)),
      receivedAt: START + BigInt(at + 1) * MINUTE,
    });
    // What comes next amends what is stored.
    await ledger.catchUp();
  }
  return shownBy(ledger);
}

const ruleAt = (minute: number) => stuckRule(START + BigInt(minute) * MINUTE, 60);

const ALL = { platform: null, page: { limit: 9, beyond: null }, nextTurn: async () => {} };

const shownBy = (ledger: TestLedger): LifecycleLedger => ({
  ledger,
  records: <Model extends keyof Records>(model: Model) =>
    ledger.read(model, async (rows) => {
      const found = await rows.select(RECORDS, { orderBy: ["id"], limit: 100 });
      const shown = found.map((row) => lifecycleRecord<Model>(rows, row, { stuck: null }));
      return (await Promise.all(shown)) as unknown as Records[Model][];
    }),
  find: (model, id, minute = 0, moment = NOW) =>
    ledger.read(model, (rows) =>
      findRecord(rows, { model, id, rule: ruleAt(minute), moment, platform: null }),
    ),
  list: async (model, filters) => {
    const query = { model, filters, rule: ruleAt(0), ...ALL };
    const { data } = await ledger.read(model, (rows) => listRecords(rows, query));
    return data.map(({ id }) => id);
  },
  openAnomalies: async (model) =>
    (await ledger.rows(model, ANOMALIES))
      .filter(({ closed_position }) => closed_position === null)
      .map(({ id }) => String(id))
      .sort(),
  stuck: (model, minute) =>
    ledger.read(model, async (rows) => {
      const rule = ruleAt(minute);
      const query = { ...{ model, rule }, ...ALL };
      const { data: records } = await listRecords(rows, { ...query, filters: { stuck: true } });
      const parts = await readAnomalies(rows, { ...query, filters: { kind: ["stuck"] } });
      const counts = await countStuck(rows, model, rule);
      return {
        records: records.map(({ id, stuck }) => `${id} ${stuck}`),
        anomalies: mergeAnomalies(parts, ALL.page.limit).data.map(({ id }) => id),
        counts: counts.map(({ stage, open, unacknowledged: u }) => `${stage} ${open} ${u}`),
      };
    }),
});
