import { describe, expect, test } from "@jest/globals";
import { type Fact, MessageInvalid, parseMessage, type RawMessage } from "./message.ts";
import {
  createFactSequences,
  createReading,
  createStateTable,
  type FindStoredState,
  type Hole,
  type StateChange,
} from "./reading.ts";
import { COMMON_HEADERS, EVENT, factMessage } from "./testing/fact-message.ts";

const BALANCE = {
  id: "x",
  provider: "zerohash",
  account_id: null,
  account_ids: [],
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
  address: null,
  balance: "1",
  status: "continuous",
  open_gaps: 0,
  last_run_id: null,
  updated_at: null,
  position: "3",
};

function balanceMessage(balance: string | null, position: number, generation = 1): RawMessage {
  return {
    topic: "balances",
    partition: 0,
    offset: String(position),
    key: "x",
    value: balance === null ? null : JSON.stringify({ ...BALANCE, balance }),
    headers: {
      ...COMMON_HEADERS,
      ce_id: `balances:x:${generation}:${position}`,
      ce_type: balance === null ? "BalanceRemoved" : "BalanceChanged",
      ce_subject: "x",
      counterfoil_position: String(position),
      counterfoil_generation: String(generation),
    },
  };
}

describe("facts", () => {
  async function read(
    sequence: readonly (readonly [string, number])[],
    lastOf?: (key: string) => number,
  ) {
    const facts: (readonly [string, number])[] = [];
    const holes: (readonly [string, number, number])[] = [];
    const reading = createReading({
      sequences: createFactSequences(lastOf),
      onFact: ({ key, keySequence }: Fact) => void facts.push([key, keySequence]),
      onHole: ({ key, from, to }: Hole) => void holes.push([key, from, to]),
    });
    for (const [key, number] of sequence) await reading.take(factMessage(key, number));
    return { facts, holes };
  }

  test.each<[string, readonly (readonly [string, number])[], unknown, unknown]>([
    [
      "are delivered in order",
      [
        ["a", 1],
        ["b", 1],
        ["a", 2],
      ],
      [
        ["a", 1],
        ["b", 1],
        ["a", 2],
      ],
      [],
    ],
    [
      "are delivered once",
      [
        ["a", 1],
        ["a", 1],
        ["a", 2],
        ["a", 1],
      ],
      [
        ["a", 1],
        ["a", 2],
      ],
      [],
    ],
    [
      "may begin anywhere",
      [
        ["a", 5],
        ["a", 6],
      ],
      [
        ["a", 5],
        ["a", 6],
      ],
      [],
    ],
    [
      "show holes",
      [
        ["a", 1],
        ["a", 4],
        ["b", 1],
      ],
      [
        ["a", 1],
        ["a", 4],
        ["b", 1],
      ],
      [["a", 2, 3]],
    ],
  ])("%s", async (_, sequence, facts, holes) => {
    expect(await read(sequence)).toEqual({ facts, holes });
  });

  test("continue from the stored numbers", async () => {
    const lastOf = (key: string) => (key === "a" ? 3 : 0);
    const found = await read(
      [
        ["a", 2],
        ["a", 3],
        ["a", 4],
        ["b", 2],
      ],
      lastOf,
    );
    expect(found).toEqual({
      facts: [
        ["a", 4],
        ["b", 2],
      ],
      holes: [["b", 1, 1]],
    });
  });

  test("carry on the trace of their delivery", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const message = factMessage("a", 3);
    const traced = { ...message, headers: { ...message.headers, ce_traceparent: traceparent } };
    expect(parseMessage(traced).origin).toMatchObject({ traceparent });
  });

  test("are typed and have their origin", () => {
    expect(parseMessage(factMessage("a", 3))).toEqual({
      kind: "fact",
      key: "a",
      keySequence: 3,
      ledger: "books",
      position: 7,
      event: EVENT,
      origin: { topic: "events", partition: 2, offset: "40" },
    });
  });
});

describe("states", () => {
  test("come with the record before and after; older ones and repeats are dropped", async () => {
    const changes: unknown[] = [];
    const reading = createReading({
      onChange: ({ key, before, after, position }: StateChange) => {
        const [was, is] = [before, after].map(
          (record) => (record as typeof BALANCE | null)?.balance ?? null,
        );
        changes.push([key, was, is, position]);
      },
    });
    const messages = [
      balanceMessage("1", 3),
      balanceMessage("2", 5),
      balanceMessage("1", 3),
      balanceMessage("2", 6),
      balanceMessage("7", 6, 2),
      balanceMessage(null, 8),
      balanceMessage("7", 6),
      balanceMessage(null, 9),
      balanceMessage("4", 10),
    ];
    for (const message of messages) await reading.take(message);
    expect(changes).toEqual([
      ["x", null, "1", 3],
      ["x", "1", "2", 5],
      ["x", "2", "7", 6],
      ["x", "7", null, 8],
      ["x", null, "4", 10],
    ]);
    expect(reading.states.get("balances", "x")?.balance).toBe("4");
    expect(reading.states.records("balances")).toHaveLength(1);
    expect(reading.states.get("withdrawals", "x")).toBeNull();
  });
});

/** What happens to a reader: a fact with a number, a rebalance, or another process reads up to a number. */
type Step = number | "rebalance" | Readonly<{ others: number }>;

describe("signed heads", () => {
  const of = (digit: string) => digit.repeat(64);
  const head = {
    ...{ ledger: "books", genesis: of("1"), position: "7", hash: of("2"), tree_size: "7" },
    ...{ root: of("3"), map_root: of("4"), signed_at: "2026-11-28T21:00:00Z" },
    ...{ key_id: of("5"), public_key: of("6"), signature: "a".repeat(128) },
  };
  const headers = {
    ...{ ...COMMON_HEADERS, ce_id: `7:${of("3")}`, ce_type: "HeadSigned", ce_subject: "7" },
    counterfoil_position: "7",
  };
  const message = (value: object): RawMessage => ({
    ...{ topic: "heads", partition: 0, offset: "4", key: "7", headers },
    value: JSON.stringify(value),
  });

  test("are delivered as they were signed", async () => {
    const heads: unknown[] = [];
    const reading = createReading({ onHead: (each) => void heads.push(each) });
    await reading.take(message(head));
    expect(heads).toMatchObject([{ kind: "head", ledger: "books", position: 7, head }]);
  });

  test("with a field that was not signed are invalid", async () => {
    const reading = createReading({ onHead: () => {} });
    await expect(reading.take(message({ ...head, more: "" }))).rejects.toThrow(MessageInvalid);
  });
});

describe("after a rebalance", () => {
  async function readFacts(steps: readonly Step[], isStored: boolean) {
    let stored = 0;
    const found: unknown[] = [];
    const reading = createReading({
      sequences: createFactSequences(isStored ? async () => stored : undefined),
      onFact: ({ keySequence }) => {
        found.push(keySequence);
        stored = Math.max(stored, keySequence);
      },
      onHole: ({ from, to }) => void found.push(`${from}..${to}`),
    });
    for (const step of steps) {
      if (step === "rebalance") reading.rebalanced();
      else if (typeof step === "number") await reading.take(factMessage("a", step));
      else stored = step.others;
    }
    return found;
  }

  test.each<[string, readonly Step[], readonly unknown[], readonly unknown[]]>([
    ["others read on", [1, 2, { others: 5 }, "rebalance", 6, 7], [1, 2, 6, 7], [1, 2, 6, 7]],
    ["nobody read on", [1, 2, "rebalance", 3], [1, 2, 3], [1, 2, 3]],
    ["handled facts are repeated", [1, 2, "rebalance", 2, 3], [1, 2, 3], [1, 2, 3]],
    ["the others' facts are repeated", [1, { others: 3 }, "rebalance", 3, 4], [1, 4], [1, 3, 4]],
    ["others left a hole", [1, { others: 3 }, "rebalance", 5], [1, "4..4", 5], [1, 5]],
    ["a hole after it", [1, "rebalance", 2, 4], [1, 2, "3..3", 4], [1, 2, "3..3", 4]],
    ["twice in a row", [1, { others: 2 }, "rebalance", "rebalance", 3], [1, 3], [1, 3]],
    ["back and forth", [4, "rebalance", { others: 6 }, "rebalance", 7, 5], ["1..3", 4, 7], [4, 7]],
    [
      "stored results were reset",
      [1, 2, 3, { others: 1 }, "rebalance", 2, 3],
      [1, 2, 3, 2, 3],
      [1, 2, 3],
    ],
  ])("facts: %s", async (_what, steps, stored, bare) => {
    expect({ stored: await readFacts(steps, true), bare: await readFacts(steps, false) }).toEqual({
      stored,
      bare,
    });
  });

  type State = Readonly<{ balance: string | null; position: number }>;

  async function readStates(
    steps: readonly (State | "rebalance" | { others: State })[],
    isStored: boolean,
  ) {
    let stored: State | null = null;
    const found: unknown[] = [];
    const find = async () =>
      stored && {
        position: stored.position,
        record: stored.balance === null ? null : { ...BALANCE, balance: stored.balance },
      };
    const reading = createReading({
      states: createStateTable(isStored ? (find as FindStoredState) : undefined),
      onChange: ({ before, after, position }) => {
        const balanceOf = (record: unknown) =>
          record === undefined ? "?" : ((record as typeof BALANCE | null)?.balance ?? null);
        found.push([balanceOf(before), balanceOf(after)]);
        stored = { balance: balanceOf(after), position };
      },
    });
    for (const step of steps) {
      if (step === "rebalance") reading.rebalanced();
      else if ("others" in step) stored = step.others;
      else await reading.take(balanceMessage(step.balance, step.position));
    }
    return { found, present: reading.states.get("balances", "x")?.balance ?? null };
  }

  const at = (balance: string | null, position: number): State => ({ balance, position });

  test.each<[string, Parameters<typeof readStates>[0], unknown, unknown, string | null]>([
    [
      "others read on",
      [at("1", 3), { others: at("5", 5) }, "rebalance", at("6", 6), at("7", 7)],
      [
        [null, "1"],
        ["5", "6"],
        ["6", "7"],
      ],
      [
        [null, "1"],
        ["?", "6"],
        ["6", "7"],
      ],
      "7",
    ],
    [
      "what was handled comes again",
      [at("1", 3), at("2", 4), "rebalance", at("1", 3), at("2", 4), at("3", 5)],
      [
        [null, "1"],
        ["1", "2"],
        ["2", "3"],
      ],
      [
        [null, "1"],
        ["1", "2"],
        ["2", "3"],
      ],
      "3",
    ],
    [
      "others removed it",
      [at("1", 3), { others: at(null, 5) }, "rebalance", at("6", 6)],
      [
        [null, "1"],
        [null, "6"],
      ],
      [
        [null, "1"],
        ["?", "6"],
      ],
      "6",
    ],
    [
      "it is removed",
      [at("1", 3), { others: at("5", 5) }, "rebalance", at(null, 6), at(null, 7)],
      [
        [null, "1"],
        ["5", null],
      ],
      [
        [null, "1"],
        ["?", null],
      ],
      null,
    ],
    ["it is another's now", [at("1", 3), "rebalance"], [[null, "1"]], [[null, "1"]], null],
  ])("states: %s", async (_what, steps, stored, bare, present) => {
    expect(await readStates(steps, true)).toEqual({ found: stored, present });
    expect(await readStates(steps, false)).toEqual({ found: bare, present });
  });
});

describe("a message that breaks the contract", () => {
  const BROKEN: readonly (readonly [string, RawMessage, string])[] = [
    ["not JSON", factMessage("a", 1, { value: "{" }), "the value is not JSON"],
    ["a fact without value", factMessage("a", 1, { value: null }), "value"],
    ["no headers", factMessage("a", 1, { headers: {} }), "headers ce_specversion"],
    [
      "an invalid number",
      {
        ...factMessage("a", 1),
        headers: { ...factMessage("a", 1).headers, counterfoil_key_sequence: "0" },
      },
      "headers counterfoil_key_sequence",
    ],
    [
      "a balance as a number",
      { ...balanceMessage("1", 1), value: JSON.stringify({ ...BALANCE, balance: 1 }) },
      "value balance",
    ],
  ];

  test.each(BROKEN)(
    "%s: is named with its place, and ends the reading",
    async (_, message, problem) => {
      const reading = createReading({});
      await expect(reading.take(message)).rejects.toThrow(MessageInvalid);
      await expect(reading.take(message)).rejects.toThrow(problem);
      await expect(reading.take(message)).rejects.toThrow(
        `${message.topic}, partition ${message.partition}, offset ${message.offset}`,
      );
    },
  );

  test("is reported and skipped if the reader has a handler", async () => {
    const errors: MessageInvalid[] = [];
    const facts: Fact[] = [];
    const reading = createReading({
      onInvalid: (error) => void errors.push(error),
      onFact: (fact) => void facts.push(fact),
    });
    await reading.take(factMessage("a", 1, { value: "secret {" }));
    await reading.take(factMessage("a", 2));
    expect(errors.map(({ message }) => message.includes("secret"))).toEqual([false]);
    expect(facts).toHaveLength(1);
  });

  test("fields and words that are newer than this kit are accepted", async () => {
    const message = balanceMessage("1", 1);
    const later = {
      ...message,
      headers: { ...message.headers, counterfoil_more: "yes" },
      value: JSON.stringify({ ...BALANCE, more: 1 }),
    };
    expect(parseMessage(later)).toMatchObject({ kind: "state", record: BALANCE });
    const word = { ...message, value: JSON.stringify({ ...BALANCE, provider: "third" }) };
    expect(parseMessage(word)).toMatchObject({ record: { ...BALANCE, provider: "third" } });
  });
});

test("a handler that throws ends the reading with its error", async () => {
  const reading = createReading({
    onFact: () => {
      throw new RangeError("full");
    },
  });
  await expect(reading.take(factMessage("a", 1))).rejects.toThrow("full");
});
