import { balancesProjection } from "@counterfoil/processing/models/balances/projection";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { ModelUnavailable } from "@counterfoil/processing/ports/errors";
import {
  type Changes,
  type Checkpoint,
  type ModelStore,
  textLength,
} from "@counterfoil/processing/ports/model-store";
import { openProjectionRun, runTo } from "@counterfoil/processing/projection/run";
import { expect, test } from "@jest/globals";
import { ACCOUNT, snapshotBody, take } from "./messages.ts";
import { hashing, openTestLedger, type TestLedger } from "./support.ts";

/* A snapshot that lists nothing any more changes all accounts there are, in one event. */

const ACCOUNTS_LISTED = 9_000;
/** Long names make long rows of few accounts. */
const codeOf = (at: number) => `P${at}-`.padEnd(250, "x");
/** A projection writes what it holds at 16 MiB, and looks after every 500 accounts. */
const WRITE_LENGTH_MAX = 20 * 1024 * 1024;

async function snapshot(ledger: TestLedger, connection: string, listed: number): Promise<void> {
  const openedAt = ledger.clock.now();
  await ledger.feedOpened({ provider: "zerohash", connection, multi_chain: true, openedAt });
  const accounts = Array.from({ length: listed }, (_, at) => {
    const account_id = `${ACCOUNT.account_id.slice(0, -6)}${String(at).padStart(6, "0")}`;
    return { participant_code: codeOf(at), account_id, balance: "5" };
  });
  await take(ledger, { body: snapshotBody(accounts), place: { connection, frame: 1 } });
  await ledger.snapshotCompleted(connection, 1);
  await ledger.feedClosed(connection);
}

/** Folds all there is, while `write` sees each write of the last event before it is done. */
async function fold(
  { stream, catalogue }: TestLedger,
  generation: number,
  write: (changes: Changes) => void,
): Promise<Checkpoint> {
  const store = await catalogue.openForWriting("balances", generation);
  const seen: ModelStore = {
    ...store,
    stage: async (changes) => {
      write(changes);
      await store.stage(changes);
    },
    commit: async (commit) => {
      write(commit);
      await store.commit(commit);
    },
  };
  try {
    const { position } = await stream.head();
    const options = { stream, projection: balancesProjection, hashing };
    const first = await openProjectionRun({ ...options, store });
    await runTo(stream, first, position - 2);
    const last = await openProjectionRun({ ...options, store: seen });
    return await runTo(stream, last, position);
  } finally {
    await store.close();
  }
}

function lengthOf({ inserts, puts }: Changes): number {
  let length = 0;
  for (const { rows } of [...inserts, ...puts]) for (const row of rows) length += textLength(row);
  return length;
}

test("an event that changes any number of accounts is folded in bounded memory, and as a whole", async () => {
  const ledger = await openTestLedger({ engine: "sqlite", live: false });
  await snapshot(ledger, "c1", ACCOUNTS_LISTED);
  await snapshot(ledger, "c2", 0);
  const { tables, version: modelVersion } = balancesProjection;
  const create = async () =>
    Number(await ledger.catalogue.create("balances", { tables, modelVersion }));

  const whole = await create();
  const lengths: number[] = [];
  const expected = await fold(ledger, whole, (changes) => lengths.push(lengthOf(changes)));
  expect(lengths.length).toBeGreaterThan(2);
  expect(Math.max(...lengths)).toBeLessThan(WRITE_LENGTH_MAX);

  // A projector that dies in the middle of the event leaves nothing of it.
  const killed = await create();
  let writes = 0;
  const dying = fold(ledger, killed, () => {
    writes += 1;
    if (writes === lengths.length) throw new ModelUnavailable("killed by the test");
  });
  await expect(dying).rejects.toThrow("killed");
  const read = async <T>(generation: number, work: (reader: ModelStore) => Promise<T>) => {
    const store = await ledger.catalogue.openForWriting("balances", generation);
    const result = await work(store);
    await store.close();
    return result;
  };
  const unlisted = { where: [{ column: "status", is: "=", value: "unlisted" }] } as const;
  const countUnlisted = (store: ModelStore) => store.count(ACCOUNTS, unlisted.where);
  expect(await read(killed, countUnlisted)).toBe(0);
  expect(await fold(ledger, killed, () => undefined)).toEqual(expected);
  for (const generation of [whole, killed]) {
    expect(await read(generation, countUnlisted)).toBe(ACCOUNTS_LISTED);
    expect(await read(generation, (store) => store.count(ANOMALIES))).toBe(ACCOUNTS_LISTED);
  }
  await ledger.close();
});
