import { truncateSync } from "node:fs";
import { withdrawnEvent } from "@counterfoil/core/ingest/event";
import { readData } from "@counterfoil/core/stream/read-event";
import { NothingThere } from "@counterfoil/processing/operator";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID, balanceBody, snapshotBody, take } from "../system/messages.ts";
import { hashing, openTestLedger, type TestLedger } from "../system/support.ts";
import { startCheckers } from "./checkers.ts";
import type { Proof } from "./forger.ts";
import { auditor, checkByNode } from "./proofs.ts";

const TODAY = 1_790_000_000_000_000_000n;
const SECOND = 1_000_000_000n;

const checkers = startCheckers();

let ledger: TestLedger;
let its: ReturnType<typeof auditor>;

beforeAll(async () => {
  ledger = await openTestLedger();
  ledger.clock.set(TODAY);
});

afterAll(async () => {
  await ledger.close();
  its?.end();
  await checkers.end();
});

/** A run of each number, all of one printed moment. */
async function takeRuns(from: number, to: number): Promise<void> {
  const at = Number(TODAY / 1_000_000n) - 1000;
  const taking = [];
  for (let run = from; run <= to; run += 1) {
    taking.push(
      take(ledger, { body: balanceBody({ run, change: "1", balance: String(run), at }) }),
    );
  }
  await Promise.all(taking);
}

async function takeSnapshot(connection: string, balance: string): Promise<void> {
  ledger.clock.set(ledger.clock.now() + SECOND);
  const openedAt = ledger.clock.now();
  await ledger.feedOpened({ provider: "zerohash", connection, multi_chain: true, openedAt });
  ledger.clock.set(ledger.clock.now() + SECOND);
  const body = snapshotBody([{ balance }, { account_label: "other", balance: "1" }]);
  await take(ledger, { body, place: { connection, frame: 1 } });
}

async function expectProven(balance: string): Promise<Proof> {
  its ??= auditor(ledger);
  const proof = await its.prove(ACCOUNT_ID);
  expect(proof.balance).toBe(balance);
  const file = its.file("proof.json", proof.text);
  for (const [, check] of checkers.all) {
    const [code, lines] = await check([file, "--key", await its.signer.publicKey()]);
    expect([code, lines[0]]).toEqual([0, "it holds"]);
  }
  return JSON.parse(proof.text);
}

test("a proof that is larger than a text of Node is left to check.py, and not called wrong", async () => {
  its ??= auditor(ledger);
  const file = its.file("huge.json", "");
  truncateSync(file, 600_000_000);
  expect(await checkByNode([file])).toEqual([
    2,
    [
      "it cannot be checked here: it has more than 536870888 bytes, which are read at once: check.py has no such limit",
    ],
  ]);
});

describe("an account as it grows", () => {
  test("of one entry", async () => {
    await takeRuns(1, 1);
    expect((await expectProven("1")).entries).toHaveLength(1);
  });

  test("of hundreds at one instant, more than are read together, with snapshots between them", async () => {
    await takeSnapshot("first", "1");
    await takeRuns(2, 400);
    await takeSnapshot("second", "400");
    await takeRuns(401, 700);
    const proof = await expectProven("700");
    expect(proof.entries).toHaveLength(700);
    const positions = proof.events.map(({ position }) => Number(position));
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
    const count = (type: string) => proof.events.filter((event) => event.type === type).length;
    expect([count("DeliveryReceived"), count("FeedOpened")]).toEqual([702, 2]);
    // The snapshots' bytes state another account.
    expect(Object.keys(proof.bodies)).toHaveLength(700);
  });

  test("of nothing any more, since a newer translation does not find what was said of it", async () => {
    const before = await ledger.events();
    const stated = before.filter(
      ({ subject, type }) => subject === ACCOUNT_ID && !type.startsWith("Fact"),
    );
    const events = stated.map((event) => {
      const fact = { id: event.id, type: event.type as never, data: readData(event) as never };
      return withdrawnEvent(fact, 99, { deliveryId: null, correlationId: null }, hashing);
    });
    const { position } = await ledger.stream.head();
    expect(await ledger.stream.append(position, events)).toMatchObject({ outcome: "appended" });
    await expect(its.prove(ACCOUNT_ID)).rejects.toThrow(NothingThere);
    await expect(its.prove(ACCOUNT_ID)).rejects.toThrow(/is no account: it has no balance/);
  });
});
