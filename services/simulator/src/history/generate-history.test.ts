import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseAmount } from "../exact.ts";
import { createAgenda, generateHistory } from "./generate-history.ts";
import type { AccountBalance, History } from "./history.ts";
import { snapshotText } from "./zero-hash-messages.ts";

const OPTIONS = {
  seed: "a fixed seed",
  participants: 12,
  deposits: 150,
  withdrawals: 150,
  transfers: 60,
  trades: 60,
  netSettlementRuns: 3,
  layer1Deposits: 40,
  layer1Withdrawals: 40,
};

const HISTORY = generateHistory(OPTIONS);

function textsOf(history: Pick<History, "steps">): string[] {
  return history.steps.flatMap((step) =>
    step.messages.map(({ feed, webhook }) => `${step.atNs} ${feed} ${webhook?.body}`),
  );
}

function messagesOf(payloadType: string) {
  return HISTORY.steps
    .flatMap((step) => step.messages)
    .flatMap(({ webhook }) => (webhook?.payloadType === payloadType ? [webhook.body] : []));
}

describe("generated history", () => {
  test("a seed reproduces every byte, another gives another history", () => {
    expect(textsOf(generateHistory(OPTIONS))).toEqual(textsOf(HISTORY));
    expect(textsOf(generateHistory({ ...OPTIONS, seed: 2 }))).not.toEqual(textsOf(HISTORY));
  });

  test("holds as many flows as were asked for, of every outcome", () => {
    const { withdrawals, deposits, trades, layer1Transfers } = HISTORY.truth;
    expect([withdrawals.length, deposits.length, trades.length]).toEqual([150, 150, 60]);
    expect(layer1Transfers).toHaveLength(80);
    const outcomes = new Set(withdrawals.map(({ outcome }) => outcome));
    expect(outcomes).toEqual(new Set(["settled", "pending", "returned"]));
    expect(withdrawals.some(({ requestId }) => requestId === null)).toBe(true);
    expect(withdrawals.some(({ paymentId }) => paymentId !== null)).toBe(true);
    expect(deposits.some(({ outcome }) => outcome === "quarantined")).toBe(true);
    expect(deposits.some(({ fundId }) => fundId !== null)).toBe(true);
    expect(trades.some(({ states }) => states.includes("active"))).toBe(true);
  });

  test("has bursts: several runs at one time, and close ones on one account", () => {
    const runs = HISTORY.steps.flatMap(({ run }) => run ?? []);
    const times = runs.map(({ atNs }) => atNs);
    expect(new Set(times).size).toBeLessThan(times.length);
  });

  test("has runs that touch many accounts with several movements each", () => {
    const reports = HISTORY.steps.map(({ messages }) =>
      messages.flatMap((each) => each.report ?? []),
    );
    const widest = reports.toSorted((a, b) => b.length - a.length)[0] ?? [];
    expect(widest.length).toBeGreaterThan(10);
    expect(widest.filter(({ movements }) => movements.length > 1).length).toBeGreaterThan(2);
  });

  test("both channels say the same, each in its own way", () => {
    const both = HISTORY.steps
      .flatMap((step) => step.messages)
      .filter(({ report }) => report !== undefined);
    for (const message of both) {
      const { messageType, body } = JSON.parse(message.feed ?? "");
      const webhook = JSON.parse(message.webhook?.body ?? "");
      expect(messageType).toBe("balance-updated");
      expect(webhook.run_id).toBe(String(body.run_id));
      expect(webhook.balance).toBe(body.balance);
      expect(webhook.account_id).toBeUndefined();
      expect(Object.keys(webhook)).toEqual(Object.keys(webhook).toSorted());
      expect(webhook.timestamp).toBe(Date.parse(body.run_timestamp));
      const pairs = webhook.movements.map((movement: Record<string, string>, index: number) => [
        [movement.account_id, movement.movement_id, parseAmount(movement.change ?? "")],
        [
          body.account_id,
          body.movements[index].movement_id,
          parseAmount(body.movements[index].change),
        ],
      ]);
      for (const [ours, theirs] of pairs) expect(ours).toEqual(theirs);
    }
  });

  test("a confirmed withdrawal has release and debit in one message", () => {
    const settled = HISTORY.truth.withdrawals.find(({ outcome }) => outcome === "settled");
    const messages = HISTORY.steps
      .flatMap((step) => step.messages)
      .filter(({ feed }) => feed?.includes(settled?.debitMovementId ?? "none"));
    expect(messages).toHaveLength(1);
    const movements = JSON.parse(messages[0]?.feed ?? "").body.movements;
    expect(movements.map((each: { movement_type: string }) => each.movement_type)).toEqual([
      "withdrawal_confirmed",
      "withdrawal",
    ]);
  });

  test("funds tell nanoseconds that no double can hold", () => {
    const times = messagesOf("deposit_fund_complete").flatMap(
      (body) => /"fund_timestamp":(\d{19}),/.exec(body)?.[1] ?? [],
    );
    expect(times.length).toBeGreaterThan(3);
    expect(times.some((time) => BigInt(time) !== BigInt(Number(time)))).toBe(true);
  });

  test("deposit statuses write one hash in several ways", () => {
    const hashes = messagesOf("deposit.status_changed").map(
      (body) => JSON.parse(body).transaction_hash as string,
    );
    expect(hashes.some((hash) => hash.startsWith("0x"))).toBe(true);
    expect(hashes.some((hash) => /^[0-9A-F]{64}$/.test(hash) && /[A-F]/.test(hash))).toBe(true);
    expect(hashes.some((hash) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
  });

  test("Layer1 events come in all four spellings and with both legs", () => {
    const bodies = HISTORY.steps
      .flatMap((step) => step.messages)
      .filter(({ provider }) => provider === "layer1")
      .map(({ webhook }) => JSON.parse(webhook?.body ?? ""));
    const withdrawals = bodies.filter(({ event }) => event.includes(":withdrawal:"));
    expect(new Set(withdrawals.map(({ event }) => event)).size).toBe(4);
    const suffixes = new Set(withdrawals.map(({ data }) => data.id.slice(64)));
    expect(suffixes).toEqual(new Set(["69", "66"]));
    for (const { timestamp } of bodies) expect(timestamp).toMatch(/\.\d{9}Z$/);
  });
});

describe("balances at a step", () => {
  const nonZero = (rows: readonly AccountBalance[]) =>
    rows.filter(({ balance }) => balance !== "0").map(({ accountId }) => accountId);

  test("begin with the opening ones and end with the final ones", () => {
    const { balancesAfterStep, balances } = HISTORY.truth;
    const byId = (rows: readonly AccountBalance[]) =>
      rows.toSorted((a, b) => (a.accountId < b.accountId ? -1 : 1));
    expect(balancesAfterStep(-1).filter(({ balance }) => balance !== "0")).toEqual(
      HISTORY.startBalances.filter(({ balance }) => balance !== "0"),
    );
    expect(byId(balancesAfterStep(HISTORY.steps.length))).toEqual(byId(balances));
  });

  test("a snapshot lists what holds something, without a run and without a leading zero", () => {
    for (const step of [-1, 0, 57, HISTORY.steps.length - 1]) {
      const { messageType, body } = JSON.parse(snapshotText(HISTORY, step));
      expect(messageType).toBe("initial-balance");
      const listed = body.map((each: { account_id: string }) => each.account_id);
      expect(listed).toEqual(nonZero(HISTORY.truth.balancesAfterStep(step)));
      for (const row of body) {
        expect(row.run_id).toBeUndefined();
        expect(row.balance).not.toMatch(/^0/);
      }
    }
  });
});

test("gives the earliest first, and of equal times the one that came first", () => {
  const times = fc.array(fc.bigInt({ min: 0n, max: 20n }), { maxLength: 200 });
  fc.assert(
    fc.property(times, (list) => {
      const agenda = createAgenda<number>();
      for (const [index, atNs] of list.entries()) agenda.add(atNs, index);
      const taken: number[] = [];
      for (let due = agenda.take(); due !== null; due = agenda.take()) taken.push(due.item);
      const sorted = [...list.keys()].toSorted((a, b) => Number((list[a] ?? 0n) - (list[b] ?? 0n)));
      expect(taken).toEqual(sorted);
    }),
  );
});

test("tells when the next is due", () => {
  const agenda = createAgenda<string>();
  expect(agenda.nextNs()).toBeNull();
  agenda.add(5n, "b");
  agenda.add(3n, "a");
  expect(agenda.nextNs()).toBe(3n);
  expect(agenda.take()).toMatchObject({ atNs: 3n, item: "a" });
  expect(agenda.nextNs()).toBe(5n);
});
