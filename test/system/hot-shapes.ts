import type { ModelName } from "@counterfoil/contracts/fact";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { formatTime } from "@counterfoil/core/exact/time";
import { presentVersion } from "@counterfoil/core/stream/read-event";
import { createRandom, shuffled } from "@counterfoil/simulator/random";

/**
 * Traffic on one key, and plain traffic to hold it against: what tests count the work of, and what
 * the bench row `hot` measures. Each fact is as much work as the one before it, so that the last of
 * many may be compared with the last of few.
 */
export type HotShape = Readonly<{
  name: string;
  model: ModelName;
  isPlain: boolean;
  /** Its last fact is the work of all: what is counted of it is counted from the first to the last. */
  endsInAll?: true;
  /** About so many facts, one delivery after the other. */
  deliveries: (facts: number) => readonly Delivery[];
}>;

type Fact = Readonly<{ type: string; data: Readonly<Record<string, unknown>> }>;
type Delivery = readonly Fact[];

const START = 1_790_000_000_000_000_000n;
const timeAt = (ms: number): string => formatTime(START + BigInt(Math.round(ms * 1000)) * 1000n);

const ZERO_HASH = { provider: "zerohash", translation: 2 } as const;
/** After every printed time. */
const RECEIVED = { ...ZERO_HASH, received_at: timeAt(30 * 86_400_000) } as const;

/** Accounts of one participant each, but for the first ones, which are on one collateral label. */
const accountOf = (number: number, type = "available"): string =>
  `zerohash:P${number}:ABC123:general:${type}:BTC`;
const ACCOUNT = accountOf(0);

type Run = Readonly<{
  run: number;
  change: number;
  balance: number;
  ms: number;
  account?: string;
  /** The provider's id of the account. */
  account_id?: string;
}>;

const movementOf = (
  { run, change, ms, account = ACCOUNT, account_id }: Run,
  movement = `m${run}`,
): Fact => ({
  type: "MovementRecorded",
  data: {
    ...RECEIVED,
    ...(account_id === undefined ? {} : { account_id }),
    ...{ account, movement_id: movement, movement_type: "transfer", change: String(change) },
    ...{ run_id: String(run), occurred_at: timeAt(ms) },
  },
});

const reportOf = ({ run, balance, account = ACCOUNT, account_id }: Run): Fact => ({
  type: "BalanceReported",
  data: {
    ...RECEIVED,
    ...(account_id === undefined ? {} : { account_id }),
    account,
    run_id: String(run),
    balance: String(balance),
  },
});

/** One run: its movement, and the balance after it. */
const runOf = (run: Run): Delivery => [movementOf(run), reportOf(run)];

/** Runs that each add 1, at a time by their number. */
const up = (facts: number, at: (n: number) => number): Delivery[] =>
  Array.from({ length: Math.ceil(facts / 2) }, (_, n) =>
    runOf({ run: 1000 + n, change: 1, balance: n + 1, ms: at(n) }),
  );

const jittered = (facts: number, stepMs: number): Delivery[] => {
  const random = createRandom(1, "jitter");
  return up(facts, (n) => n * stepMs + random.below(18));
};

const inAnyOrder = (deliveries: readonly Delivery[]): Delivery[] =>
  shuffled(deliveries, createRandom(1, "order"));

/** Each at most so many places from where it was. */
function lateBy(most: number, deliveries: readonly Delivery[]): Delivery[] {
  const random = createRandom(1, "late");
  return deliveries
    .map((delivery, at) => ({ delivery, place: at + random.below(most) }))
    .sort((a, b) => a.place - b.place)
    .map(({ delivery }) => delivery);
}

const factByFact = (deliveries: readonly Delivery[]): Delivery[] =>
  deliveries.flatMap((delivery) => delivery.map((fact) => [fact]));

const undated = ({ type, data: { occurred_at: _, ...data } }: Fact): Fact => ({ type, data });

/** A feed is opened, and its snapshot lists these accounts. */
function snapshotOf(accounts: readonly string[], number: number, balance = "5"): Delivery[] {
  const connection = `c${number}`;
  const at = timeAt(60_000 * (number + 1));
  const feed = { provider: "zerohash", connection };
  const listed = { ...ZERO_HASH, balance, place: { connection, frame: 1 }, received_at: at };
  return [
    [{ type: "FeedOpened", data: { ...feed, multi_chain: true, opened_at: at } }],
    accounts.map((account) => ({ type: "BalanceReported", data: { ...listed, account } })),
    [{ type: "SnapshotCompleted", data: { ...feed, frames: 1 } }],
  ];
}

/** A feed that is opened again and again, and whose snapshot lists five accounts as they stand. */
function quiet(facts: number): Delivery[] {
  const accounts = Array.from({ length: 5 }, (_, n) => accountOf(n));
  const opened = accounts.map((account, n) =>
    runOf({ run: n, change: 5, balance: 5, ms: 0, account }),
  );
  const snapshots = Array.from({ length: Math.ceil(facts / 7) }, (_, n) =>
    snapshotOf(accounts, n + 1),
  );
  return [...opened, ...snapshots.flat()];
}

/** Nobody states the runs between the snapshots: each shows another balance than the one before. */
const standing = (facts: number): Delivery[] => [
  runOf({ run: 1, change: 5, balance: 5, ms: 0 }),
  ...Array.from({ length: Math.ceil(facts / 3) }, (_, n) =>
    snapshotOf([ACCOUNT], n + 1, String(n + 6)),
  ).flat(),
];

/** Accounts that one snapshot lists, and that one feed after another leaves out. */
function leftOut(facts: number): Delivery[] {
  const accounts = Array.from({ length: facts / 4 }, (_, n) => accountOf(n));
  const empty = Array.from({ length: (facts * 3) / 8 }, (_, n) => snapshotOf([], n + 1));
  return [...snapshotOf(accounts, 0), ...empty.flat()];
}

/** Every tenth run is followed by the withdrawal of one before it, wherever that lies. */
function withdrawn(facts: number): Delivery[] {
  const random = createRandom(1, "withdrawn");
  return up(Math.ceil((facts * 20) / 21), (n) => n * 1000).flatMap((delivery, n) => {
    if (n % 10 !== 9) return [delivery];
    const run = String(1000 + random.below(n));
    const key = { account: ACCOUNT, run_id: run };
    const about = { event_id: `e${run}`, event_type: "BalanceReported", key, translation: 2 };
    return [delivery, [{ type: "FactWithdrawn", data: about }]];
  });
}

/** Each second run is followed by the withdrawal of the oldest that is left, with its movement. */
const withdrawnOldestFirst = (facts: number): Delivery[] => {
  const runs = up(Math.ceil(facts / 1.5), (n) => n * 1000);
  return runs.flatMap((run, n) =>
    n % 2 === 0 ? [run] : [run, (runs[n >> 1] ?? []).toReversed().map(withdrawalOf)],
  );
};

/** One run of one delivery: all its movements, then the balance after it. */
const oneRun = (facts: number): Delivery[] => {
  const run = { run: 7, change: 1, balance: facts, ms: 0 };
  const movements = Array.from({ length: facts }, (_, n) =>
    movementOf({ ...run, ms: n % 10 }, `m${n}`),
  );
  return [[...movements, reportOf(run)]];
};

/** One run's movements, one after the other, behind its report; each second one is at once said to be otherwise. */
const oneRunOfWhich =
  (amend: (movement: Fact) => Fact) =>
  (facts: number): Delivery[] => {
    const run = { run: 7, change: 1, balance: facts, ms: 0 };
    const movements = Array.from({ length: Math.ceil(facts / 3) }, (_, n) => {
      const [stays, goes] = [2 * n, 2 * n + 1].map((ms) => movementOf({ ...run, ms }, `m${ms}`));
      return [stays, goes, amend(goes as Fact)] as readonly Fact[];
    });
    return factByFact([[reportOf(run)], ...movements]);
  };

const about = ({ type, data: { account, run_id, movement_id } }: Fact) => {
  const key = { account, run_id, movement_id };
  return { event_id: `e${movement_id ?? run_id}`, event_type: type, key, translation: 2 };
};
const withdrawalOf = (fact: Fact): Fact => ({ type: "FactWithdrawn", data: about(fact) });
const toOtherRun = (fact: Fact): Fact => ({
  type: "FactCorrected",
  data: { ...about(fact), data: { ...fact.data, run_id: "8" } },
});

/** The provider's ids are random: of thousands, the first hundred by id are seldom among the oldest. */
const scattered = (n: number): string => (Math.imul(n + 1, 0x9e3779b1) >>> 0).toString(16);

/** Plain traffic: each run on an account of a thousand, a few of each. */
const plainRuns = (facts: number): Delivery[] =>
  Array.from({ length: Math.ceil(facts / 2) }, (_, n) => {
    const [account, before] = [accountOf(n % 1000), Math.floor(n / 1000)];
    return runOf({ run: 1000 + n, change: 1, balance: before + 1, ms: n * 10, account });
  });

/** Five runs a millisecond, of which every other one was lost. */
const burst = (facts: number): Delivery[] =>
  Array.from({ length: Math.ceil(facts / 2) }, (_, n) =>
    runOf({ run: 1000 + 2 * n, change: 1, balance: 2 * n + 1, ms: Math.floor(n / 5) }),
  );

const ACCOUNT_SHAPES: Readonly<Record<string, HotShape["deliveries"]>> = {
  "plain: a thousand accounts": plainRuns,
  "runs a second apart": (facts) => up(facts, (n) => n * 1000),
  "runs 5 ms apart": (facts) => up(facts, (n) => n * 5),
  "runs 5 ms apart, with times that err": (facts) => jittered(facts, 5),
  "runs 1 ms apart, with times that err": (facts) => jittered(facts, 1),
  "runs of one instant": (facts) => up(facts, () => 0),
  "runs of one instant, in any order": (facts) => inAnyOrder(up(facts, () => 0)),
  "runs newest first": (facts) => up(facts, (n) => n * 5).reverse(),
  "runs newest first, with times that err": (facts) => jittered(facts, 5).reverse(),
  "runs in any order": (facts) => inAnyOrder(up(facts, (n) => n * 1000)),
  "runs 1 ms apart, with a gap between each two": (facts) =>
    Array.from({ length: Math.ceil(facts / 2) }, (_, n) =>
      runOf({ run: 1000 + n, change: 1, balance: 2 * n + 2, ms: n }),
    ),
  "runs of a dense burst, every other one lost": (facts) => lateBy(500, burst(facts)),
  "runs of which nobody dated one in ten": (facts) =>
    up(facts, (n) => n * 1000).map((run, n) => (n % 10 === 0 ? run.map(undated) : run)),
  "movements of one run": oneRun,
  "movements of one run, one by one behind its report": (facts) =>
    factByFact(oneRun(facts).map((run) => run.toReversed())),
  "movements of one run, one by one behind its report, each later": (facts) =>
    factByFact([[reportOf({ run: 7, change: 1, balance: facts, ms: 0 })]]).concat(
      Array.from({ length: facts - 1 }, (_, ms) => [
        movementOf({ run: 7, change: 1, balance: facts, ms }, `m${ms}`),
      ]),
    ),
  "runs that each name another id of the provider": (facts) =>
    Array.from({ length: Math.ceil(facts / 2) }, (_, n) =>
      runOf({ run: n, change: 1, balance: n + 1, ms: n * 1000, account_id: scattered(n) }),
    ),
  "accounts that share one id of the provider": (facts) =>
    Array.from({ length: Math.ceil(facts / 2) }, (_, n) =>
      runOf({
        ...{ run: n, change: 1, balance: 1, ms: n * 1000 },
        ...{ account: accountOf(Number.parseInt(scattered(n), 16)), account_id: "a" },
      }),
    ),
  "movements of one run, the latest withdrawn again and again": oneRunOfWhich(withdrawalOf),
  "movements of one run, the latest put into another again and again": oneRunOfWhich(toOtherRun),
  "snapshots of five quiet accounts": quiet,
  "snapshots that each show another balance": standing,
  "snapshots that leave thousands of accounts out": leftOut,
  "runs of which one in ten is withdrawn": withdrawn,
  "runs withdrawn oldest first": withdrawnOldestFirst,
};

/** A movement on one side of a withdrawal, and the balance that its run reports without stating it. */
function sideOf(
  run: string,
  type: string,
  movement: string,
  changes: readonly Fact["data"][],
  ms: number,
) {
  return changes.flatMap(({ side, change }) => {
    const account = accountOf(0, String(side));
    const about = {
      ...RECEIVED,
      account,
      run_id: run,
      run_type: "withdrawal",
      occurred_at: timeAt(ms),
    };
    return [
      {
        type: "MovementRecorded",
        data: { ...about, movement_id: movement, movement_type: type, change },
      },
      { type: "BalanceReported", data: about },
    ];
  });
}

const DAY = 86_400_000;

/** Equal withdrawals, one after the other: held in one run, confirmed and debited in another. */
const withdrawals = (facts: number, apartMs = 120_000, heldMs = 60_000): Delivery[] =>
  Array.from({ length: Math.ceil(facts / 9) }, (_, n) => {
    const at = n * apartMs;
    const held = [
      { side: "available", change: "-5" },
      { side: "collateral", change: "5" },
    ];
    const released = [
      { side: "collateral", change: "-5" },
      { side: "available", change: "5" },
    ];
    const debited = [{ side: "available", change: "-5" }];
    const settling = `${n}c`;
    return [
      sideOf(`${n}p`, "withdrawal_pending", `p${n}`, held, at),
      [
        ...sideOf(settling, "withdrawal_confirmed", `c${n}`, released, at + heldMs),
        ...sideOf(settling, "withdrawal", `d${n}`, debited, at + heldMs).slice(0, 1),
      ],
    ];
  }).flat();

/** Equal withdrawals that one run confirms: a message for each account, and its report at the end. */
function payrollOfOneRun(facts: number, accounts: readonly string[]): Delivery[] {
  const paid = Array.from({ length: Math.ceil(facts / 2) }, (_, n) => n);
  const messages: Readonly<Record<string, Delivery>> = {
    available: paid.flatMap((n) => {
      const debited = [{ side: "available", change: "-5" }];
      return sideOf("r", "withdrawal", `d${n}`, debited, n % 10).slice(0, 1);
    }),
    collateral: paid.flatMap((n) => {
      const released = [{ side: "collateral", change: "-5" }];
      return sideOf("r", "withdrawal_confirmed", `c${n}`, released, n % 10).slice(0, 1);
    }),
  };
  return accounts.map((account) => {
    const report = sideOf("r", "", "", [{ side: account, change: "0" }], 0).slice(1);
    return [...(messages[account] ?? []), ...report];
  });
}

const statuses = (type: string, facts: number, of: (n: number) => object): Delivery[] =>
  Array.from({ length: facts }, (_, n) => {
    const content = n.toString(16).padStart(64, "0");
    return [{ type, data: { ...RECEIVED, content, occurred_at: timeAt(n * 60_000), ...of(n) } }];
  });

/** Equal deposits that one transaction made: a status and a movement each. */
const depositsOfOne = (facts: number): Delivery[] =>
  statuses("DepositStatusReported", facts, (n) => ({
    ...{ deposit_id: `D${n}`, status: "completed", participant_code: "P0" },
    ...{ asset: "BTC", amount: "1", transaction_hash: "aa" },
  })).flatMap((status, n) => {
    if (n % 2 === 1) return [];
    const run = { run: n, change: 1, balance: n, ms: n * 60_000 + 30_000 };
    const { type, data } = movementOf(run);
    const booked = { movement_type: "deposit", deposit_reference_id: "aa" };
    return [status, [{ type, data: { ...data, ...booked } }]];
  });

/** Debits of one request, each in a run of its own, and each second one taken back. */
const debitsOfOne = (facts: number): Delivery[] =>
  Array.from({ length: Math.ceil(facts / 2) }, (_, n) => {
    const changes = [{ side: "available", change: n % 2 ? "5" : "-5" }];
    const run = sideOf(`${n}d`, "withdrawal", `d${n}`, changes, n * 60_000);
    return run.map(({ type, data }) => ({ type, data: { ...data, withdrawal_request_id: "R" } }));
  });

/** Debits of one request, each in a run of its own; behind each second one the oldest left is withdrawn. */
const debitsWithdrawnOldestFirst = (facts: number): Delivery[] =>
  Array.from({ length: Math.ceil(facts / 5) }, (_, n) => [
    debitOf(2 * n),
    debitOf(2 * n + 1),
    debitOf(n).slice(0, 1).map(withdrawalOf),
  ]).flat();

function debitOf(n: number): Delivery {
  const changes = [{ side: "available", change: "-5" }];
  const run = sideOf(`${n}d`, "withdrawal", scattered(n), changes, n * 60_000);
  return run.map(({ type, data }) => ({ type, data: { ...data, withdrawal_request_id: "R" } }));
}

const payments = (facts: number, ids: number): Delivery[] =>
  statuses("PaymentStatusReported", facts, (n) => ({
    payment: `P${n % ids}`,
    status: Math.floor(n / ids) % 2 ? "pending" : "posted",
  }));

const LIFECYCLE_SHAPES: readonly Parameters<typeof shapeOf>[] = [
  ["withdrawals", "plain: payments of four statuses each", (facts) => payments(facts, facts / 4)],
  ["withdrawals", "equal withdrawals, in order", (facts) => withdrawals(facts)],
  [
    "withdrawals",
    "equal withdrawals, facts out of order by up to 500",
    (facts) => lateBy(500, factByFact(withdrawals(facts))),
  ],
  ["withdrawals", "equal withdrawals, newest first", (facts) => withdrawals(facts).reverse()],
  [
    "withdrawals",
    "equal withdrawals, facts in any order",
    (facts) => inAnyOrder(factByFact(withdrawals(facts))),
  ],
  [
    "withdrawals",
    "a payroll of equal withdrawals, held together and confirmed together, in any order",
    (facts) => inAnyOrder(factByFact(withdrawals(facts, 1, DAY))),
  ],
  [
    "withdrawals",
    "a payroll of one run, its debits first",
    (facts) => payrollOfOneRun(facts, ["available", "collateral"]),
    { endsInAll: true },
  ],
  [
    "withdrawals",
    "a payroll of one run, its debits last",
    (facts) => payrollOfOneRun(facts, ["collateral", "available"]),
    { endsInAll: true },
  ],
  [
    "withdrawals",
    "a payroll of one run, one by one behind its reports",
    (facts) =>
      factByFact(
        payrollOfOneRun(facts, ["available", "collateral"]).map((run) => run.toReversed()),
      ),
    { endsInAll: true },
  ],
  ["withdrawals", "debits of one request, taken back and repeated", debitsOfOne],
  ["withdrawals", "debits of one request, withdrawn oldest first", debitsWithdrawnOldestFirst],
  ["withdrawals", "statuses of one payment", (facts) => payments(facts, 1)],
  ["withdrawals", "statuses of one payment, newest first", (facts) => payments(facts, 1).reverse()],
  [
    "deposits",
    "statuses of one deposit",
    (facts) =>
      statuses("DepositStatusReported", facts, () => ({ deposit_id: "D", status: "confirmed" })),
  ],
  [
    "trades",
    "statuses of one trade",
    (facts) =>
      statuses("TradeStatusReported", facts, () => ({
        trade_id: "T",
        status: "active",
        fields: {},
      })),
  ],
  [
    "deposits",
    "equal deposits of one transaction, in any order",
    (facts) => inAnyOrder(depositsOfOne(facts)),
  ],
  [
    "deposits",
    "equal deposits of different transactions",
    (facts) =>
      statuses("DepositStatusReported", facts, (n) => ({
        ...{ deposit_id: `D${n}`, status: "completed", participant_code: "DEF456" },
        ...{ asset: "BTC", amount: "1", transaction_hash: `h${n}` },
      })),
  ],
];

function shapeOf(
  model: ModelName,
  name: string,
  deliveries: HotShape["deliveries"],
  ending: Pick<HotShape, "endsInAll"> = {},
): HotShape {
  const isPlain = name.startsWith("plain:");
  return { name, model, isPlain, deliveries, ...ending };
}

export const HOT_SHAPES: readonly HotShape[] = [
  ...Object.entries(ACCOUNT_SHAPES).map(
    ([name, deliveries]): HotShape => shapeOf("balances", name, deliveries),
  ),
  ...LIFECYCLE_SHAPES.map((shape) => shapeOf(...shape)),
];

/** The facts as events of a stream, in their order. */
export function* hotEvents(deliveries: readonly Delivery[]): Generator<NewEvent> {
  let number = 0;
  for (const [at, facts] of deliveries.entries()) {
    for (const { type, data } of facts) {
      number += 1;
      yield {
        ...{ id: uuid("e", number), type, schema_version: presentVersion(type) },
        ...{ subject: String(data.account ?? "ledger"), occurred_at: null, about: null },
        ...{ causation_id: uuid("d", at), correlation_id: null, data: JSON.stringify(data) },
      };
    }
  }
}

const uuid = (kind: "d" | "e", number: number): string =>
  `${kind}0000000-0000-5000-8000-${number.toString(16).padStart(12, "0")}`;
