import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { correctedEvent, withdrawnEvent } from "@counterfoil/core/ingest/event";
import { readData } from "@counterfoil/core/stream/read-event";
import { afterAll, describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID, balanceBody, snapshotBody, take } from "../system/messages.ts";
import { hashing, openTestLedger, type TestLedger } from "../system/support.ts";
import { startCheckers } from "./checkers.ts";
import { type Proof, reseal } from "./forger.ts";
import { auditor, type Checked } from "./proofs.ts";

/**
 * Proofs whose ledger and head are honest. Only what the file derives from them was altered, by the
 * operator, who has the key to seal it again.
 */

const TODAY = 1_790_000_000_000_000_000n;
const SECOND = 1_000_000_000n;
const MINUTE = 60n * SECOND;

const checkers = startCheckers();

afterAll(async () => {
  await checkers.end();
});

type Teller = ReturnType<typeof tellerOf>;

/** Reports to a ledger. Each takes effect when it arrives, unless it says otherwise. */
function tellerOf(ledger: TestLedger) {
  const { clock } = ledger;
  const nowMs = () => Number(clock.now() / 1_000_000n);
  const wait = (time: bigint) => clock.set(clock.now() + time);
  return {
    wait,
    run: (run: number, change: string, balance: string, at = nowMs()) =>
      take(ledger, { body: balanceBody({ run, change, balance, at }) }),
    /** A run that states its movements, and no balance. */
    movement: (run: number, change: string) => {
      const { balance: _, ...body } = balanceBody({ run, change, balance: "0", at: nowMs() });
      return take(ledger, { body });
    },
    /** A run that states a balance, and no movements. */
    adjustment: (run: number, balance: string) => {
      const body = balanceBody({ run, change: "0", balance, at: nowMs() });
      return take(ledger, { body: { ...body, timestamp: nowMs(), movements: [] } });
    },
    undated: (run: number, change: string, balance: string) => {
      const body = balanceBody({ run, change, balance, at: 0 });
      return take(ledger, { body: { ...body, timestamp: 0 } });
    },
    funds: (balance: string) => {
      const timestamp = new Date(nowMs()).toISOString();
      const data = { address: "addr", asset: "ETH", funds: [{ type: "AVAILABLE", balance }] };
      const payloadType = "layer1:crypto:balance:updated";
      const body = { event: payloadType, timestamp, data };
      return take(ledger, { body, provider: "layer1", payloadType });
    },
    open: (connection: string) =>
      ledger.feedOpened({
        provider: "zerohash",
        connection,
        multi_chain: true,
        openedAt: clock.now(),
      }),
    snapshot: (connection: string, balance: string, frame = 1) =>
      take(ledger, { body: snapshotBody([{ balance }]), place: { connection, frame } }),
  };
}

const FUNDS_ID = "layer1:addr:ETH:available";

type Forgery = Readonly<{
  tell: (its: Teller) => Promise<void>;
  account?: string;
  /** The balance that is proven, and the forged one. */
  balances: readonly [string, string];
  /** Entries in the forged order, as `id` or with what to change of the line. */
  entries: readonly (string | readonly [string, Partial<Record<string, string | null>>])[];
  confirmedBy?: Readonly<Record<string, string>>;
  omit?: string;
  reason: string;
}>;

const twoRunsAndSnapshot = async ({ run, open, snapshot, wait }: Teller) => {
  await run(1, "100", "100");
  wait(MINUTE);
  await open("c");
  wait(SECOND);
  await snapshot("c", "70");
  wait(30n * SECOND);
  await run(2, "-30", "70");
  wait(10n * SECOND);
  await run(3, "-30", "40");
};

const FORGERIES: Readonly<Record<string, Forgery>> = {
  "a run with a balance and no movements, moved behind a later run": {
    tell: async ({ run, adjustment, wait }) => {
      await run(1, "100", "100");
      wait(MINUTE);
      await adjustment(2, "100");
      wait(60n * MINUTE);
      await run(3, "-70", "30");
    },
    balances: ["30", "100"],
    entries: ["run:1", ["run:3", { before: "100" }], ["run:2", { before: "30" }]],
    reason: "order: run:3 stands before run:2, which took effect before it",
  },
  "a run with movements and no balance, moved behind a later run": {
    tell: async ({ run, movement, wait }) => {
      await run(1, "100", "100");
      wait(MINUTE);
      await movement(2, "-20");
      wait(MINUTE);
      await run(3, "10", "90");
    },
    balances: ["90", "70"],
    entries: [
      "run:1",
      ["run:3", { before: "100", missing: "-20" }],
      ["run:2", { before: "90", after: "70" }],
    ],
    reason: "order: run:3 stands before run:2, which took effect before it",
  },
  "a run without a time, moved behind one that came later with a greater number": {
    tell: async ({ run, undated, wait }) => {
      await run(1, "100", "100");
      wait(MINUTE);
      await undated(2, "-70", "30");
      wait(MINUTE);
      await run(3, "-30", "0");
    },
    balances: ["0", "30"],
    entries: [
      "run:1",
      ["run:3", { before: "100", missing: "-70" }],
      ["run:2", { before: "0", missing: "100" }],
    ],
    reason: "order: run:3 stands before run:2, and both clocks say otherwise",
  },
  "funds without a delta, in another order": {
    account: FUNDS_ID,
    tell: async ({ funds, wait }) => {
      await funds("7");
      wait(MINUTE);
      await funds("5");
    },
    balances: ["5", "7"],
    entries: [
      ["run:2026-09-21T14:14:20Z", { before: null }],
      ["run:2026-09-21T14:13:20Z", { before: "5" }],
    ],
    reason:
      "order: run:2026-09-21T14:14:20Z stands before run:2026-09-21T14:13:20Z, which took effect before it",
  },
  "a snapshot, moved behind runs that are certainly later": {
    tell: twoRunsAndSnapshot,
    balances: ["40", "70"],
    entries: [
      "run:1",
      ["run:2", { before: "100", missing: null }],
      "run:3",
      ["snapshot:c:1", { before: "40", missing: "30" }],
    ],
    reason: "order: snapshot:c:1 stands behind run:3, which comes after it",
  },
  "a snapshot, moved before a run that it certainly includes": {
    tell: async ({ run, open, snapshot, wait }) => {
      await run(1, "100", "100");
      wait(MINUTE);
      await run(2, "-30", "70");
      await open("c");
      wait(SECOND);
      await snapshot("c", "60");
    },
    balances: ["60", "70"],
    entries: [
      "run:1",
      ["snapshot:c:1", { before: "100", missing: "-40" }],
      ["run:2", { before: "60", missing: "40" }],
    ],
    reason: "order: snapshot:c:1 stands before run:2, which comes before it",
  },
  "two snapshots of one connection, in the other order": {
    tell: async ({ run, open, snapshot, wait }) => {
      await run(1, "100", "100");
      await open("c");
      wait(SECOND);
      await snapshot("c", "70", 1);
      wait(SECOND);
      await snapshot("c", "60", 2);
    },
    balances: ["60", "70"],
    entries: [
      "run:1",
      ["snapshot:c:2", { before: "100", missing: "-40" }],
      ["snapshot:c:1", { before: "60", missing: "10" }],
    ],
    reason: "order: snapshot:c:1 stands behind snapshot:c:2, which comes after it",
  },
  "a snapshot, hidden as confirmed by a run that cannot be in it": {
    tell: twoRunsAndSnapshot,
    balances: ["40", "40"],
    entries: ["run:1", ["run:2", { before: "100", missing: null }], "run:3"],
    confirmedBy: { c: "run:2" },
    reason: "arithmetic: run:2 does not confirm snapshot:c:1",
  },
  "a snapshot that a racing run confirms, shown as an entry": {
    tell: async ({ run, open, snapshot, wait }) => {
      await run(1, "100", "100");
      wait(MINUTE);
      await open("c");
      await run(2, "-30", "70");
      wait(SECOND);
      await snapshot("c", "70");
      wait(SECOND);
      await run(3, "-70", "0");
    },
    balances: ["0", "0"],
    entries: ["run:1", "run:2", ["snapshot:c:1", { before: "70", after: "70" }], "run:3"],
    confirmedBy: { c: "" },
    reason: "arithmetic: snapshot:c:1 stands although it only confirms",
  },
  "a snapshot without the opening of its feed": {
    tell: async ({ run, open, snapshot, wait }) => {
      await run(1, "100", "100");
      wait(MINUTE);
      await open("c");
      await run(2, "50", "150");
      wait(SECOND);
      await snapshot("c", "100");
    },
    balances: ["150", "100"],
    entries: ["run:1", "run:2", ["snapshot:c:1", { before: "150", after: "100", missing: "-50" }]],
    confirmedBy: { c: "" },
    omit: "FeedOpened",
    reason: "left out: the opening of feed c, whose snapshot stands at position 12",
  },
};

describe("over an honest ledger and its head", () => {
  test.each(Object.entries(FORGERIES))("%s: it is refused", async (_what, forgery) => {
    const { tell, account = ACCOUNT_ID, balances, omit, reason } = forgery;
    const ledger = await openTestLedger();
    ledger.clock.set(TODAY);
    await tell(tellerOf(ledger));
    const its = auditor(ledger);
    const args = [its.file("proof.json", ""), "--key", await its.signer.publicKey()];
    const { text, balance } = await its.prove(account);
    its.file("proof.json", text);
    expect(balance).toBe(balances[0]);
    for (const [code] of await checkers.askAll(args)) expect(code).toBe(0);
    const proof = forged(JSON.parse(text), forgery);
    expect(proof.balance).toBe(balances[1]);
    if (omit !== undefined) proof.events = proof.events.filter(({ type }) => type !== omit);
    its.file("proof.json", await reseal(proof, (said) => its.signer.sign(said)));
    for (const said of await checkers.askAll(args)) {
      expect(said).toEqual([1, [`it does not hold: ${reason}`]]);
    }
    its.end();
    await ledger.close();
  });
});

/** The proof with other entries in another order, and the balance that follows. */
function forged(proof: Proof, { entries, confirmedBy = {} }: Forgery): Proof {
  const known = new Map(proof.entries.map((line) => [line.id, line]));
  proof.entries = entries.map((given) => {
    const [id, changes] = typeof given === "string" ? [given, {}] : given;
    const empty = { change: "0", missing: null, opening: null };
    return { ...empty, ...known.get(id), ...(changes as Record<string, string | null>), id };
  });
  for (const snapshot of proof.snapshots) {
    const by = confirmedBy[String(snapshot.connection)];
    if (by !== undefined) snapshot.confirmed_by = by;
  }
  proof.balance = proof.entries.at(-1)?.after ?? null;
  return proof;
}

describe("a fact that the provider's bytes state, and that is no longer in force", () => {
  test("they say so where it was withdrawn", async () => {
    const words = await toldAfter((facts) =>
      facts.map((event) =>
        withdrawnEvent(recorded(event), 99, causeOf(event.causation_id), hashing),
      ),
    );
    expect(words).toEqual([
      "the bytes of position 2 still state run 1, movement m-1, 100: it was withdrawn at position 16",
      "the bytes of position 2 still state run 1, balance 100: it was withdrawn at position 17",
      "the bytes of position 6 still state run 2, movement m-2, -70: it was withdrawn at position 18",
      "the bytes of position 6 still state run 2, balance 30: it was withdrawn at position 19",
    ]);
  });

  test("they say so where it was corrected to what another delivery states", async () => {
    const words = await toldAfter((facts, contradiction) => {
      const event = facts.at(-1) as RecordedEvent;
      const { type, data } = recorded(event);
      const fact = { type, data: { ...data, balance: "50" } } as never;
      const cause = {
        ...causeOf(contradiction.causation_id),
        receivedAt: String(data.received_at),
      };
      return [correctedEvent({ fact, recorded: data }, cause, hashing)];
    });
    expect(words).toEqual([
      "the bytes of position 6 still state run 2, balance 30: it was corrected at position 16",
    ]);
  });

  test("they say so where it was corrected to another place in the order", async () => {
    const words = await toldAfter((facts) => {
      const event = facts[1] as RecordedEvent;
      const { type, data } = recorded(event);
      const later = { ...data, not_before: "2026-09-21T14:15:00Z" };
      const cause = { ...causeOf(event.causation_id), receivedAt: String(data.received_at) };
      return [
        correctedEvent({ fact: { type, data: later } as never, recorded: data }, cause, hashing),
      ];
    });
    expect(words).toEqual([
      "the bytes of position 2 still state run 1, balance 100: it was corrected at position 16",
    ]);
  });

  test("they count what was withdrawn and has no bytes in the proof", async () => {
    const ledger = await openTestLedger();
    ledger.clock.set(TODAY);
    const { run, open, snapshot } = tellerOf(ledger);
    await run(1, "100", "100");
    await open("c");
    await snapshot("c", "70");
    const [event] = (await ledger.events(["BalanceReported"])).slice(-1) as [RecordedEvent];
    const { position } = await ledger.stream.head();
    const cause = causeOf(event.causation_id);
    await ledger.stream.append(position, [withdrawnEvent(recorded(event), 99, cause, hashing)]);
    const [code, words] = await checkedBy(ledger);
    expect([code, words]).toEqual([
      0,
      expect.arrayContaining(["1 fact without bytes here was withdrawn"]),
    ]);
    await ledger.close();
  });

  test("they say nothing where all is in force", async () => {
    expect(await toldAfter(() => [])).toEqual([]);
  });
});

const recorded = ({ id, type, data }: RecordedEvent) => ({
  id,
  type,
  data: readData({ type, data, schema_version: 1 } as never) as Record<string, unknown>,
});

const causeOf = (deliveryId: string | null) => ({ deliveryId, correlationId: null });

/** What checkers say of an account after the operator appended events about its facts of two runs. */
async function toldAfter(
  amend: (facts: readonly RecordedEvent[], contradiction: RecordedEvent) => readonly NewEvent[],
): Promise<readonly string[]> {
  const ledger = await openTestLedger();
  ledger.clock.set(TODAY);
  const { run, wait } = tellerOf(ledger);
  await run(1, "100", "100");
  wait(MINUTE);
  const at = Number(ledger.clock.now() / 1_000_000n);
  await run(2, "-70", "30");
  await run(2, "-70", "50", at);
  wait(MINUTE);
  const own = (await ledger.events()).filter(({ subject }) => subject === ACCOUNT_ID);
  await run(3, "7", "7");
  const facts = own.filter(({ type }) => !type.startsWith("Fact"));
  const contradiction = own.find(({ type }) => type === "FactContradicted") as RecordedEvent;
  const { position } = await ledger.stream.head();
  const appended = amend(facts, contradiction);
  if (appended.length > 0) await ledger.stream.append(position, appended);
  const [code, words] = await checkedBy(ledger);
  expect(code).toBe(0);
  await ledger.close();
  return words.filter((line) => line.includes("still state"));
}

/** What all checkers say of the account's proof. */
async function checkedBy(ledger: TestLedger): Promise<Checked> {
  const its = auditor(ledger);
  const file = its.file("proof.json", (await its.prove(ACCOUNT_ID)).text);
  const key = await its.signer.publicKey();
  const [first, ...others] = await checkers.askAll([file, "--key", key]);
  for (const other of others) expect(other).toEqual(first);
  its.end();
  return first as Checked;
}
