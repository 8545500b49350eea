import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime, MILLISECOND, timeOf } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { describe, expect, test } from "@jest/globals";
import { ModelUnavailable } from "../../ports/errors.ts";
import type { ModelStore } from "../../ports/model-store.ts";
import type { ProjectionSession } from "../../projection/projection.ts";
import { createMemoryModelCatalogue } from "../../testing/memory-model-catalogue.ts";
import { ANOMALIES } from "../columns.ts";
import { balancesProjection } from "./projection.ts";
import { ACCOUNTS, CONNECTIONS } from "./tables.ts";

const hashing = { sha256: (text: string) => text.length.toString(16).padStart(64, "0") };

const accountOf = (name: string) => `zerohash:${name}:ABC123:general:available:BTC`;

function event(position: number, type: string, data: object): RecordedEvent {
  const ids = { id: `e${position}`, causation_id: `d${position}`, correlation_id: null };
  const times = { occurred_at: null, recorded_at: 0n };
  const rest = { position, type, schema_version: 1, subject: "", hash: `h${position}` };
  return { ...ids, ...times, ...rest, data: JSON.stringify(data) };
}

/** A feed whose snapshot lists the first `listed` accounts. */
function snapshot(first: number, connection: string, listed: number): RecordedEvent[] {
  const received_at = "2025-05-01T00:00:00Z";
  const feed = { provider: "zerohash", connection };
  const place = { connection, frame: 1 };
  const stated = { provider: "zerohash", balance: "5", place, received_at, translation: 2 };
  return [
    event(first, "FeedOpened", { ...feed, multi_chain: true, opened_at: received_at }),
    ...Array.from({ length: listed }, (_, at) =>
      event(first + 1 + at, "BalanceReported", { ...stated, account: accountOf(`P${at}`) }),
    ),
    event(first + 1 + listed, "SnapshotCompleted", { ...feed, frames: 1 }),
  ];
}

async function newStore(): Promise<ModelStore> {
  const catalogue = createMemoryModelCatalogue();
  const { tables, version: modelVersion } = balancesProjection;
  await catalogue.create("balances", { tables, modelVersion });
  return catalogue.openForWriting("balances", 1);
}

const open = (store: ModelStore): Promise<ProjectionSession> =>
  balancesProjection.open(store, hashing as unknown as Hashing);

async function fold(session: ProjectionSession, events: readonly RecordedEvent[]) {
  const { position } = session.checkpoint;
  for (const one of events) if (one.position > position) await session.apply(one);
  return session.commit();
}

const unlistedIn = async (store: ModelStore): Promise<unknown[]> => {
  const rows = await store.select(ACCOUNTS, { orderBy: ["id"], limit: 99 });
  return rows.map(({ status }) => status);
};

describe("accounts missing from the newest snapshot", () => {
  const events = [...snapshot(1, "c1", 3), ...snapshot(6, "c2", 1), ...snapshot(9, "c3", 1)];

  test.each([1, 2, 3, 4])("are also found if a projector dies at its commit %i", async (dies) => {
    const whole = await newStore();
    const expected = await fold(await open(whole), events);
    expect(await unlistedIn(whole)).toEqual(["continuous", "unlisted", "unlisted"]);

    const store = await newStore();
    let commits = 0;
    const dying: ModelStore = {
      ...store,
      commit: async (commit) => {
        commits += 1;
        if (commits === dies) throw new ModelUnavailable("killed by the test");
        await store.commit(commit);
      },
    };
    await expect(open(dying).then((session) => fold(session, events))).rejects.toThrow("killed");
    expect(await fold(await open(store), events)).toEqual(expected);
    expect(await store.count(ANOMALIES)).toBe(2);
  });

  test("are read once, however many snapshots do not list them", async () => {
    const store = await newStore();
    const read = new Set<string>();
    const recording: ModelStore = {
      ...store,
      get: async (table, key) => {
        if (table === ACCOUNTS) read.add(String(key[0]));
        return store.get(table, key);
      },
    };
    await fold(await open(store), [...snapshot(1, "c1", 9), ...snapshot(12, "c2", 1)]);
    await fold(await open(recording), snapshot(15, "c3", 1));
    expect([...read]).toEqual([accountOf("P0")]);
    expect((await unlistedIn(store)).filter((status) => status === "unlisted")).toHaveLength(8);
  });
});

/** Seconds after the opening of the connection whose snapshot leaves the account out. */
const OPENED = timeOf("2025-05-01T12:00:00Z");
const at = (seconds: number) =>
  formatTime(OPENED + BigInt(Math.round(seconds * 1000)) * MILLISECOND);

type Report = Readonly<{
  run: number;
  /** null if the report has no movements. */
  change: number | null;
  balance: number;
  /** Its printed time; null if it has none. */
  dated: number | null;
  arrived: number;
  notBefore?: number;
}>;

type Unplaced = (position: number) => RecordedEvent;

/** The events of a report on the account. */
function reported({ run, change, balance, dated, arrived, notBefore }: Report): Unplaced[] {
  const common = {
    ...{ provider: "zerohash", account: accountOf("P0"), run_id: String(run), translation: 2 },
    ...{ received_at: at(arrived), ...(dated === null ? {} : { occurred_at: at(dated) }) },
  };
  const order =
    notBefore === undefined ? {} : { not_before: at(notBefore), follows: String(run - 1) };
  const movement = { movement_id: `m${run}`, movement_type: "transfer", change: String(change) };
  const movements: Unplaced[] = [
    (position) => event(position, "MovementRecorded", { ...common, ...movement }),
  ];
  return [
    ...(change === null ? [] : movements),
    (position) =>
      event(position, "BalanceReported", { ...common, ...order, balance: String(balance) }),
  ];
}

/** A connection, opened that many seconds after the first, and its snapshot a tenth of a second later. */
const opened = (connection: string, seconds = 0): Unplaced => {
  const feed = { provider: "zerohash", connection, multi_chain: true, opened_at: at(seconds) };
  return (position) => event(position, "FeedOpened", feed);
};

const lists = (connection: string, name: string, seconds = 0.1): Unplaced => {
  const place = { connection, frame: 1 };
  const stated = { provider: "zerohash", balance: "40", place, translation: 2 };
  const content = { ...stated, account: accountOf(name), received_at: at(seconds) };
  return (position) => event(position, "BalanceReported", content);
};

const completed = (connection: string): Unplaced => {
  const content = { provider: "zerohash", connection, frames: 1 };
  return (position) => event(position, "SnapshotCompleted", content);
};

/** Status, and whether the anomaly is open, of the account after the events. */
async function shownAfter(steps: readonly (readonly Unplaced[])[]): Promise<string> {
  const store = await newStore();
  await fold(await open(store), placed(steps));
  return shownIn(store);
}

const placed = (steps: readonly (readonly Unplaced[])[]): RecordedEvent[] =>
  steps.flat().map((unplaced, before) => unplaced(before + 1));

async function shownIn(store: ModelStore): Promise<string> {
  const account = await store.get(ACCOUNTS, [accountOf("P0")]);
  const anomalies = await store.select(ANOMALIES, { orderBy: ["id"], limit: 99 });
  const isOpen = anomalies.some(
    (row) => row.id === `unlisted:${accountOf("P0")}:snapshot` && row.closed_position === null,
  );
  return `${account?.balance} ${account?.status}${isOpen ? ", left out" : ""}`;
}

const FORTY: Report = { run: 1, change: 40, balance: 40, dated: -3600, arrived: -3599 };
const late = (report: Partial<Report>): Report => {
  return { run: 2, change: 5, balance: 45, dated: -1800, arrived: 10, ...report };
};

type Told = readonly [what: string, before: readonly Report[], after: readonly Report[], string];

/** What is known of the account before a connection is opened whose snapshot leaves it out, and after. */
const TOLD: readonly Told[] = [
  ["nothing more", [FORTY], [], "40 unlisted, left out"],
  ["a run from before it", [FORTY], [late({})], "45 unlisted, left out"],
  ["a run without a time", [FORTY], [late({ dated: null })], "45 unlisted, left out"],
  ["a run without movements", [FORTY], [late({ change: null })], "45 unlisted, left out"],
  ["a run that may be in it", [FORTY], [late({ dated: 5.1 })], "45 unlisted, left out"],
  ["a run that is surely later", [FORTY], [late({ dated: 5.2 })], "45 continuous"],
  [
    "a run that its socket moved behind a surely later one",
    [FORTY],
    [late({ dated: 6 }), late({ run: 3, balance: 50, dated: -1800, notBefore: 6.001 })],
    "50 continuous",
  ],
  [
    "a run that its socket moved behind one from before it",
    [FORTY],
    [late({ dated: -3700, notBefore: -3599 })],
    "45 unlisted, left out",
  ],
  ["the run that emptied it", [FORTY], [late({ change: -40, balance: 0 })], "0 continuous"],
  [
    "the run that emptied it and one that fills it again",
    [FORTY],
    [
      late({ change: -40, balance: 0 }),
      late({ run: 3, change: 45, balance: 45, dated: -0.5 }),
      late({ run: 4, change: 1, balance: 46, dated: 1 }),
    ],
    "46 continuous",
  ],
  [
    "a run that fills it again",
    [FORTY],
    [late({ change: 45, balance: 45, dated: 2 })],
    "45 gap_open",
  ],
  [
    "runs that emptied and filled it long before",
    [FORTY],
    [
      late({ change: -40, balance: 0, dated: -1900 }),
      late({ run: 3, change: 45, balance: 45, dated: -1800 }),
    ],
    "45 unlisted, left out",
  ],
  [
    "the same, filled in the second before it by a time in whole seconds",
    [FORTY],
    [
      late({ change: -40, balance: 0, dated: -1900 }),
      late({ run: 3, change: 45, balance: 45, dated: -6 }),
    ],
    "45 continuous",
  ],
  [
    "a run from before it, of an account that was empty",
    [FORTY, { ...late({ change: -40, balance: 0 }), arrived: -1799 }],
    [late({ run: 3, change: 7, balance: 7, dated: -1700 })],
    "7 unlisted, left out",
  ],
  [
    "a run after it, of an account that was empty",
    [FORTY, { ...late({ change: -40, balance: 0 }), arrived: -1799 }],
    [late({ run: 3, change: 7, balance: 7, dated: 0.2 })],
    "7 continuous",
  ],
  ["the birth of the account", [], [late({ change: 7, balance: 7, dated: 0.2 })], "7 continuous"],
  ["its birth without a time", [], [late({ change: 7, balance: 7, dated: null })], "7 continuous"],
  ["its birth without movements", [], [late({ change: null, dated: 0.2 })], "45 continuous"],
  ["its birth long before", [], [late({ change: 7, balance: 7 })], "7 unlisted, left out"],
  [
    "its birth, after a connection that was opened by a clock that was an hour ahead",
    [],
    [late({ change: 7, balance: 7, dated: -3000, arrived: -2999 })],
    "7 continuous",
  ],
  ["a first run that finds it filled", [], [late({ dated: 0.2 })], "45 unlisted, left out"],
];

describe("an account that a snapshot leaves out", () => {
  const cover = [opened("c1", -7200), lists("c1", "P1", -7199), completed("c1")];
  const frames = [opened("c2"), lists("c2", "P1")];

  test.each(TOLD)("%s", async (_, before, after, expected) => {
    const [known, told] = [before.flatMap(reported), after.flatMap(reported)];
    const backward = after.toReversed().flatMap(reported);
    const end = [completed("c2")];
    for (const steps of [
      [cover, known, frames, end, told],
      [cover, known, frames, end, backward],
      [cover, known, frames, told, end],
      [cover, known, frames.slice(0, 1), backward, frames.slice(1), end],
    ]) {
      expect(await shownAfter(steps)).toBe(expected);
    }
  });

  const unlisted = [cover, reported(FORTY), frames, [completed("c2")], reported(late({}))];

  test("is listed by a later one", async () => {
    const next = [opened("c3", 60), lists("c3", "P0", 60.1), completed("c3")];
    expect(await shownAfter([...unlisted, next])).toBe("40 gap_open");
  });

  test("stays so where a later one leaves it out too", async () => {
    const next = [opened("c3", 60), lists("c3", "P1", 60.1), completed("c3")];
    const run = reported(late({ run: 3, balance: 50, dated: 30, arrived: 70 }));
    expect(await shownAfter([...unlisted, next])).toBe("45 unlisted, left out");
    expect(await shownAfter([...unlisted, run, next])).toBe("50 unlisted, left out");
    expect(await shownAfter([...unlisted, next, run])).toBe("50 unlisted, left out");
  });

  test("is not looked at by a snapshot that began before the newest one", async () => {
    const older = [opened("c2", -1), opened("c3"), lists("c3", "P1")];
    const ends = [completed("c3"), lists("c2", "P0", 0.2), completed("c2")];
    expect(await shownAfter([cover, reported(FORTY), older, ends])).toBe("40 unlisted, left out");
  });

  test("is the same after a restart, whichever connection is complete last", async () => {
    const older = [opened("c2", -1), opened("c3"), lists("c3", "P1")];
    const ends = [completed("c3"), lists("c2", "P1", 0.2), completed("c2")];
    const events = placed([cover, older, ends, reported({ ...FORTY, dated: -0.5, arrived: 1 })]);
    const all = await newStore();
    await fold(await open(all), events);
    const restarted = await newStore();
    for (let to = 1; to <= events.length; to += 1) {
      await fold(await open(restarted), events.slice(0, to));
    }
    for (const table of [ACCOUNTS, CONNECTIONS]) {
      const rows = (store: ModelStore) => store.select(table, { orderBy: table.key, limit: 99 });
      expect(await rows(restarted)).toEqual(await rows(all));
    }
    const early = reported(late({ dated: -0.5, arrived: 1, change: 1, balance: 1 }));
    const between = [opened("c2", -1), early, opened("c3"), lists("c3", "P1")].flat();
    const store = await newStore();
    const steps = placed([cover, between, ends]);
    await fold(await open(store), steps);
    const restart = reported(late({ run: 3, dated: -0.4, arrived: 1, change: 1, balance: 2 }));
    const following = restart.map((unplaced, at) => unplaced(steps.length + 1 + at));
    await fold(await open(store), following);
    expect(await shownIn(store)).toBe("2 unlisted, left out");
  });

  test("shows that again if the run that filled it is withdrawn, before many others", async () => {
    const filled = late({ change: 5, balance: 5, dated: 0.2 });
    const others = Array.from({ length: 150 }, (_, n) =>
      late({ run: 3 + n, change: 1, balance: 6 + n, dated: 0.3 + n / 100 }),
    );
    const told = [cover, [opened("c2"), lists("c2", "P1"), completed("c2")]];
    const events = placed([...told, reported(filled), others.flatMap(reported)]);
    const store = await newStore();
    await fold(await open(store), events);
    expect(await shownIn(store)).toBe("155 continuous");
    const facts = events.filter(({ data }) => data.includes('"run_id":"2"'));
    const withdrawn = facts.map(({ id, type }, at) => {
      const key = { account: accountOf("P0"), run_id: "2", movement_id: "m2" };
      const data = { event_id: id, event_type: type, key, translation: 3 };
      return event(events.length + 1 + at, "FactWithdrawn", data);
    });
    await fold(await open(store), withdrawn);
    expect(await shownIn(store)).toBe("155 unlisted, left out");
  });

  test("that lists nobody: a run may be in it for a minute after the opening", async () => {
    for (const [dated, expected] of [
      [65, "45 unlisted, left out"],
      [65.1, "45 continuous"],
    ] as const) {
      const run = reported(late({ dated, arrived: 70 }));
      const steps = [cover, reported(FORTY), [opened("c2"), completed("c2")], run];
      expect(await shownAfter(steps)).toBe(expected);
    }
  });

  test("is covered by what was listed before it was complete, whichever report comes first", async () => {
    const empty = [opened("c2"), completed("c2")];
    const LISTED: readonly (readonly [before: Unplaced[], listing: Unplaced])[] = [
      [[opened("c1", -10), ...empty], lists("c1", "P1", 1)],
      [[...empty, opened("c3", 100)], lists("c3", "P1", 101)],
    ];
    for (const [before, listing] of LISTED) {
      const one = [reported(FORTY), before, [listing], reported(late({}))];
      const other = [reported(FORTY), before, reported(late({})), [listing]];
      expect(await shownAfter(one)).toBe("45 continuous");
      expect(await shownAfter(other)).toBe("45 continuous");
      const next = [opened("c4", 200), completed("c4")];
      expect(await shownAfter([...one, next])).toBe("45 unlisted, left out");
      expect(await shownAfter([...other, next])).toBe("45 unlisted, left out");
    }
  });
});
