import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import type { FeedSessions } from "@counterfoil/core/ingest/feed-session";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { recordSocketOrder } from "@counterfoil/processing/ingest/startup";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { expect, test } from "@jest/globals";
import { ACCOUNT_ID, playScenario } from "./messages.ts";
import { hashing, type LedgerOptions, openTestLedger, type TestLedger } from "./support.ts";

type Engine = NonNullable<LedgerOptions["engine"]>;

/** What the first program knew of the order of a socket: nothing that it recorded. */
const NO_SESSIONS: FeedSessions = { opened: () => {}, of: () => null };

const asStored = ({ type, data }: NewEvent): string => {
  if (type !== "FeedOpened") return data;
  const { ordered: _, ...opened } = JSON.parse(data);
  return JSON.stringify(opened);
};

/** The documented use cases of the feed, as a program recorded them that knew no socket's order. */
export async function oldLedger(engine: Engine): Promise<TestLedger> {
  const played = await openTestLedger({ feedSessions: NO_SESSIONS, live: false });
  await playScenario(played, "balances-feed-use-cases");
  const ledger = await openTestLedger({ engine, live: false });
  ledger.clock.set(played.clock.now());
  for (const event of (await played.events()).slice(1)) {
    const { position, recorded_at: _r, hash: _h, ...stored } = event;
    const sha256 = event.type === "DeliveryReceived" ? JSON.parse(event.data).sha256 : null;
    const bytes = sha256 === null ? null : await played.stream.body(sha256);
    const bodies = bytes === null ? [] : [{ sha256, bytes }];
    const about = event.type.startsWith("Fact") ? JSON.parse(event.data).event_id : null;
    const again = { ...stored, about };
    await ledger.stream.append(position - 1, [{ ...again, data: asStored(again) }], bodies);
  }
  await played.close();
  return ledger;
}

export const recordOrder = ({ stream, clock }: TestLedger) =>
  recordSocketOrder({
    stream,
    clock,
    translations: TRANSLATIONS,
    hashing,
    signal: new AbortController().signal,
  });

/** A ledger from before sockets' order was recorded, on the engine that `engineOf` answers. */
export function defineSocketOrderCases(engineOf: () => Engine): void {
  test("a ledger from before gets the order once, and the confirmation stands where the socket had it", async () => {
    const ledger = await oldLedger(engineOf());
    const { position: before } = await ledger.stream.head();
    // The confirming run on both accounts.
    expect(await recordOrder(ledger)).toBe(2);
    expect(await ledger.events(["FactSeen"])).toHaveLength(2);
    const { position: after } = await ledger.stream.head();
    expect(after).toBe(before + 3);
    expect(await recordOrder(ledger)).toBeNull();
    expect((await ledger.stream.head()).position).toBe(after);
    await ledger.catchUp();
    const rows = await ledger.rows("balances", ACCOUNTS);
    expect(rows.find(({ id }) => id === ACCOUNT_ID)).toMatchObject({
      balance: "0.35",
      status: "continuous",
      last_run_id: "85693",
    });
    await ledger.close();
  });

  test("a new ledger has nothing to get", async () => {
    const ledger = await openTestLedger({ engine: engineOf() });
    expect(await recordOrder(ledger)).toBeNull();
    await playScenario(ledger, "balances-feed-use-cases");
    const { position } = await ledger.stream.head();
    expect(await recordOrder(ledger)).toBeNull();
    expect((await ledger.stream.head()).position).toBe(position);
    await ledger.close();
  });
}
