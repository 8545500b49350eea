import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { ACCOUNT, ACCOUNT_ID, take } from "./messages.ts";
import { expectRebuilt, type LedgerOptions, openTestLedger } from "./support.ts";

/**
 * A ledger as a case sees it: what the provider sends of an account, and what is shown then. A case
 * knows neither engine nor channel, and whose clock it is: what it prints counts from its start.
 */
export type BalanceLedger = Readonly<{
  /** The case's own, where several cases share a ledger. */
  account: typeof ACCOUNT;
  /** The case's runs are numbered from here on. */
  runsFrom: number;
  /** When the case starts, in ms since 1970. */
  startMs: number;
  /** How many ms after its start it is. */
  now: () => number;
  /** Lets time pass until so many ms after the start, where time is the test's own. */
  pass: (ms: number) => void;
  webhook: (body: object) => Promise<void>;
  /** The next connection of the feed, which continues the one before it. */
  connect: () => Promise<Feed>;
  /** The ingestor starts anew, and knows of no connection. */
  restart: () => Promise<void>;
  /** Balance and status of the account, and its open anomalies in short, sorted. */
  shown: () => Promise<readonly (string | null)[]>;
  /** How many events of a type there are since the case's start. */
  countEvents: (type: string) => Promise<number>;
  /** That the models are what the stream makes of them. */
  verify: () => Promise<void>;
  close: () => Promise<void>;
}>;

/** One connection of the feed, subscribed. */
export type Feed = Readonly<{
  /** Sends a frame. Resolves when it is recorded. */
  send: (message: object) => Promise<void>;
  /** No frame of the snapshot comes any more: it is complete. */
  snapshotEnds: () => Promise<void>;
  /** The provider closes, and has said what he had to say. */
  close: () => Promise<void>;
  /** The connection breaks, and there is none until the next `connect`. */
  breakDown: () => Promise<void>;
}>;

const START_MS = 1_790_000_000_000;
const MS = 1_000_000n;

/** A ledger in this process, on a clock of the test's own. */
export async function openBalanceLedger(
  engine: NonNullable<LedgerOptions["engine"]>,
): Promise<BalanceLedger> {
  const ledger = await openTestLedger({ engine });
  ledger.clock.set(BigInt(START_MS) * MS);
  let connections = 0;
  let before: string | null = null;

  async function connect(): Promise<Feed> {
    connections += 1;
    const connection = `c${connections}`;
    const opening = { provider: "zerohash", connection, multi_chain: true } as const;
    const continued = before === null ? {} : { continues: before };
    await ledger.feedOpened({ ...opening, ...continued, openedAt: ledger.clock.now() });
    before = connection;
    let frame = 0;
    let listed = 0;
    const snapshotEnds = () => ledger.snapshotCompleted(connection, listed);
    return {
      snapshotEnds,
      send: async (body) => {
        frame += 1;
        if ("messageType" in body && body.messageType === "initial-balance") listed += 1;
        await take(ledger, { body, place: { connection, frame } });
      },
      close: async () => {
        if (listed > 0) await snapshotEnds();
        await ledger.feedClosed(connection);
      },
      breakDown: () => ledger.feedClosed(connection),
    };
  }

  return {
    account: ACCOUNT,
    runsFrom: 0,
    startMs: START_MS,
    now: () => Number(ledger.clock.now() / MS) - START_MS,
    pass: (ms) => ledger.clock.set(BigInt(START_MS + ms) * MS),
    webhook: async (body) => void (await take(ledger, { body })),
    connect,
    restart: async () => {
      before = null;
    },
    shown: async () => {
      await ledger.catchUp();
      const accounts = await ledger.rows("balances", ACCOUNTS);
      const anomalies = await ledger.rows("balances", ANOMALIES);
      return shownOf(
        accounts.find(({ id }) => id === ACCOUNT_ID),
        anomalies
          .filter((row) => row.closed_position === null && row.subject === ACCOUNT_ID)
          .map(({ kind, detail }) => ({ kind, detail: JSON.parse(String(detail)) })),
      );
    },
    countEvents: async (type) => (await ledger.events([type])).length,
    verify: () => expectRebuilt(ledger, ["balances"]),
    close: ledger.close,
  };
}

type ShownAccount = Readonly<{ balance?: unknown; status?: unknown }>;
type ShownAnomaly = Readonly<{ kind: unknown; detail: Readonly<Record<string, unknown>> }>;

export function shownOf(
  account: ShownAccount | undefined,
  openAnomalies: readonly ShownAnomaly[],
): readonly (string | null)[] {
  const anomalies = openAnomalies.map(({ kind, detail }) =>
    kind === "gap" ? `gap ${detail.missing_amount}` : String(kind),
  );
  const { balance = null, status = null } = account ?? {};
  return [balance as string | null, status as string | null, ...anomalies.sort()];
}
