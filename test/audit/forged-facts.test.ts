import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { correctedEvent } from "@counterfoil/core/ingest/event";
import { readData } from "@counterfoil/core/stream/read-event";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ACCOUNT_ID, balanceBody, frameBody, take } from "../system/messages.ts";
import { hashing, openTestLedger, type TestLedger } from "../system/support.ts";
import { startCheckers } from "./checkers.ts";
import { type Proof, reseal } from "./forger.ts";
import { auditor } from "./proofs.ts";

/**
 * Facts that were altered beside honest bytes, by the operator, who has the key to seal all again: every
 * field of a fact follows from the bytes, the delivery or the event's own subject, and is compared with it.
 */

const TODAY = 1_790_000_000_000_000_000n;
const SECOND = 1_000_000_000n;
const FUNDS = ["AVAILABLE", "RESERVED", "BLOCKCHAIN"].map(
  (type) => `layer1:addr:ETH:${type.toLowerCase()}`,
);

const checkers = startCheckers(10);

let ledger: TestLedger;
let its: ReturnType<typeof auditor>;
let args: string[];

beforeAll(async () => {
  ledger = await openTestLedger();
  const { clock } = ledger;
  clock.set(TODAY);
  const wait = () => clock.set(clock.now() + SECOND);
  const at = Number(TODAY / 1_000_000n) - 1000;
  const run = balanceBody({ run: 1, change: "1", balance: "1", at });
  const [movement] = run.movements;
  const references = { trade_id: "t", order_id: "o", origin: "deposit", transfer_type: "x" };
  const full = {
    ...{ ...run, client_transfer_id: "c" },
    movements: [{ ...movement, ...references, account_id: "its own" }],
  };
  await ledger.feedOpened({
    ...{ provider: "zerohash", connection: "first", multi_chain: true, openedAt: clock.now() },
  });
  wait();
  await take(ledger, {
    body: { ...frameBody({ run: 1, change: "1", balance: "1", at }), body: full },
    place: { connection: "first", frame: 1 },
  });
  wait();
  // Copies: one adds a time and what was missing, the other contradicts.
  const later = { ...full, account_id: "another", run_timestamp: at + 7 };
  await take(ledger, {
    body: { ...later, movements: [{ ...full.movements[0], deposit_reference_id: "d" }] },
  });
  await take(ledger, { body: { ...run, balance: "7" } });
  wait();
  await take(ledger, { body: balanceBody({ run: 2, change: "1", balance: "2", at: at + 900 }) });
  await correct((await ledger.events(["BalanceReported"])).at(-1) as RecordedEvent);
  wait();
  const funds = [
    { type: "AVAILABLE", balance: "1.5", delta: "0.5" },
    { type: "RESERVED", balance: "2" },
    { type: "BLOCKCHAIN", balance: "3.5" },
  ];
  const payloadType = "layer1:crypto:balance:updated";
  const timestamp = new Date(at).toISOString();
  const data = { address: "addr", asset: "ETH", reference: "wallet", funds };
  await take(ledger, {
    ...{ body: { event: payloadType, timestamp, data }, provider: "layer1", payloadType },
  });
  its = auditor(ledger);
  args = [its.file("proof.json", ""), "--key", await its.signer.publicKey()];
});

afterAll(async () => {
  await ledger.close();
  its.end();
  await checkers.end();
});

/** As a retranslation does that reads the same once more. */
async function correct(event: RecordedEvent): Promise<void> {
  const { position } = await ledger.stream.head();
  const delivered = (await ledger.events(["DeliveryReceived"])).at(-1) as RecordedEvent;
  const recorded = readData(event);
  const cause = {
    deliveryId: event.causation_id,
    correlationId: null,
    deliveredAt: delivered.position,
  };
  const fact = { type: event.type, data: recorded } as never;
  await ledger.stream.append(position, [correctedEvent({ fact, recorded }, cause, hashing)]);
}

type Data = Record<string, unknown>;
type Path = readonly string[];

const pathsIn = (value: unknown, path: Path = []): readonly Path[] =>
  value === null || typeof value !== "object"
    ? [path]
    : Object.entries(value).flatMap(([name, one]) => pathsIn(one, [...path, name]));

function altered(data: Data, path: Path, change: (value: unknown) => unknown): Data {
  const [name = "", ...rest] = path;
  const value = rest.length === 0 ? change(data[name]) : altered(data[name] as Data, rest, change);
  return { ...data, [name]: value };
}

/** Almost the same: another last digit or letter. */
function other(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  const text = String(value);
  const at = text.search(/\d(?=\D*$)/);
  if (at < 0) return `${text}x`;
  return `${text.slice(0, at)}${(Number(text[at]) + 1) % 9 || 9}${text.slice(at + 1)}`;
}

/** What does not follow from anything in the proof, and decides nothing there. */
const FREE =
  /^(?:translation|contradicts\..*|key\.run_id|(?:data\.)?(?:translation|follows|not_before))$/;

/** What the checkers say of the account's proof after one of its events was altered. */
async function saidOf(account: string, alter: (proof: Proof) => void) {
  const proof: Proof = JSON.parse((await its.prove(account)).text);
  alter(proof);
  its.file("proof.json", await reseal(proof, (said) => its.signer.sign(said)));
  const [first, ...others] = await checkers.askAll(args);
  for (const other of others) expect(other).toEqual(first);
  return first;
}

const own = (proof: Proof) => proof.events.filter(({ subject }) => subject === proof.account);

/** The account's events without what a correction has replaced: it need not be in the bytes. */
async function eventsOf(account: string) {
  const proof: Proof = JSON.parse((await its.prove(account)).text);
  const events = own(proof).map(({ id, type, data }, at) => {
    return { at, id, type: String(type), data: JSON.parse(String(data)) };
  });
  const corrected = events.flatMap(({ type, data }) =>
    type === "FactCorrected" ? data.event_id : [],
  );
  return events.filter(({ id }) => !corrected.includes(id));
}

/** Alters the data of one of the account's events. */
const withData = (at: number, change: (data: Data) => Data) => (proof: Proof) => {
  const event = own(proof)[at];
  if (event !== undefined) event.data = JSON.stringify(change(JSON.parse(String(event.data))));
};

describe.each([ACCOUNT_ID, ...FUNDS])("a fact of %s", (account) => {
  test("is accepted as it was recorded", async () => {
    expect((await saidOf(account, () => {}))?.[0]).toBe(0);
  });

  test("is refused when any of its fields is another, or missing", async () => {
    const accepted: string[] = [];
    for (const { at, type, data } of await eventsOf(account)) {
      for (const path of pathsIn(data).filter((path) => !FREE.test(path.join(".")))) {
        for (const change of [other, () => undefined]) {
          const isCopy = type === "FactContradicted" && path[0] === "received_at";
          // A fact that was read at once need not say where its delivery is.
          const isLeftOut = path.at(-1) === "delivered_at" && change !== other;
          // What a copy added need not be in force.
          const isUnadded = path[0] === "adds" && change !== other;
          if (isCopy || isLeftOut || isUnadded) continue;
          const said = await saidOf(
            account,
            withData(at, (data) => altered(data, path, change)),
          );
          if (said?.[0] !== 1) accepted.push(`${type} ${path.join(".")}: ${said?.[1]}`);
        }
      }
    }
    expect(accepted).toEqual([]);
  });

  test("is refused when it has a field that its bytes do not state", async () => {
    const names = [
      ...["account_id", "movement_type", "run_type", "run_id", "reference", "origin", "trade_id"],
      ...["balance", "change", "expected_balance", "transfer_request_id", "parent_link_id"],
    ];
    const accepted: string[] = [];
    for (const { at, type, data } of await eventsOf(account)) {
      if (type.startsWith("Fact")) continue;
      for (const name of names.filter((name) => !(name in data))) {
        const said = await saidOf(
          account,
          withData(at, (data) => ({ ...data, [name]: "1" })),
        );
        if (said?.[0] !== 1) accepted.push(`${type} ${name}`);
      }
      const place = { connection: "second", frame: 1 };
      const said = await saidOf(
        account,
        withData(at, (data) => ({ ...data, place })),
      );
      if (said?.[0] !== 1) accepted.push(`${type} place`);
    }
    expect(accepted).toEqual([]);
  });

  test("is refused when no delivery brought it", async () => {
    const said = await saidOf(account, (proof) => {
      for (const event of own(proof)) event.causation_id = null;
    });
    expect(said).toEqual([1, [expect.stringContaining("left out: the delivery that brought")]]);
  });

  test("is refused when no delivery brought what a copy adds", async () => {
    const copies = (await eventsOf(account)).filter(({ type }) => type === "FactSeen");
    for (const { at } of copies) {
      const said = await saidOf(account, (proof) => {
        const event = own(proof)[at];
        if (event !== undefined) event.causation_id = null;
      });
      expect(said).toEqual([1, [expect.stringContaining("left out: the delivery that brought")]]);
    }
  });

  test("is refused under another account also where its bytes are erased", async () => {
    const said = await saidOf(account, (proof) => {
      for (const digest of Object.keys(proof.bodies)) proof.bodies[digest] = null;
      withData(0, (data) => ({ ...data, account: `${account}x` }))(proof);
    });
    expect(said).toEqual([
      1,
      [
        expect.stringMatching(
          /facts: the one at position \d+ is of another account than its subject/,
        ),
      ],
    ]);
  });
});
