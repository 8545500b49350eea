import { createRandom, shuffled } from "@counterfoil/simulator/random";
import { describe, expect, test } from "@jest/globals";
import type { BalanceLedger } from "./balance-ledger.ts";
import { balanceBody } from "./messages.ts";

/**
 * Bursts, snapshots and clocks that are hard to read. Each case was once shown wrong: a false gap,
 * or a loss that nobody was told of. They hold on every engine, and through a running service.
 */
type BalanceCase = (ledger: BalanceLedger) => Promise<void>;
type BalanceCases = Readonly<Record<string, BalanceCase>>;

/** A run: its id, its change, the balance after it, and its printed time in ms after the start. */
type Run = readonly [run: number, change: number, balance: number, at: number];

const bodyOf = ({ account, runsFrom, startMs }: BalanceLedger, [run, change, balance, at]: Run) =>
  balanceBody({
    run: runsFrom + run,
    change: String(change),
    balance: String(balance),
    at: startMs + at,
    account,
  });

const hear = (ledger: BalanceLedger, run: Run) => ledger.webhook(bodyOf(ledger, run));

const update = (body: object) => ({ messageType: "balance-updated", body });

const frameOf = (ledger: BalanceLedger, run: Run) => update(bodyOf(ledger, run));

type Times = Readonly<{ run: number; movement: number }>;

/** A run whose own time and whose movement's are printed as so many milliseconds after 1970. */
function datedBody(ledger: BalanceLedger, run: Run, printed: Partial<Times>) {
  const body = bodyOf(ledger, run);
  const { run: timestamp = body.timestamp, movement } = printed;
  const movements = body.movements.map((one) =>
    movement === undefined ? one : { ...one, movement_timestamp: movement },
  );
  return { ...body, timestamp, movements };
}

type Listed = Readonly<Record<string, string>>;

/** A frame of a snapshot. What a listed account does not say is as the case's own says. */
const snapshotOf = ({ account }: BalanceLedger, ...listed: readonly Listed[]) => ({
  messageType: "initial-balance",
  body: listed.map((one) => ({ ...account, ...one })),
});

/** Of the same participant, and never empty: it says that a snapshot covers the participant. */
const otherOf = ({ account }: BalanceLedger): Listed => ({
  asset: "ETH",
  account_id: `${account.account_id}-eth`,
  balance: "1",
});

const gapOf = (amount: number) => ["gap_open", `gap ${amount}`];
const UNLISTED = ["unlisted", "unlisted"];

/** 100 each, 5 ms apart, the last two dated the wrong way round by 3 ms. */
const NINE: readonly Run[] = Array.from({ length: 9 }, (_, n): Run => {
  const at = n === 7 ? 40 : n === 8 ? 37 : 5 * n;
  return [101 + n, 100, 100 * (n + 1), at];
});

const nineInOrder =
  (seed: number): BalanceCase =>
  async (ledger) => {
    ledger.pass(1_000);
    for (const run of seed === 0 ? NINE : shuffled(NINE, createRandom(seed, "burst"))) {
      await hear(ledger, run);
      if (seed > 1) await ledger.shown();
    }
    expect(await ledger.shown()).toEqual(["900", "continuous"]);
  };

/** Of 1, 2, (−1 lost) and a run that adds nothing at 1; runs are so many ms apart. */
const lostInBurst =
  (apart: number): BalanceCase =>
  async (ledger) => {
    ledger.pass(1_000);
    await hear(ledger, [1, 1, 1, 0]);
    await hear(ledger, [2, 1, 2, apart]);
    await hear(ledger, [4, 0, 1, 3 * apart]);
    expect(await ledger.shown()).toEqual(["1", ...gapOf(-1)]);
    await hear(ledger, [5, 5, 6, 3 * apart + 100]);
    expect(await ledger.shown()).toEqual(["6", ...gapOf(-1)]);
    await hear(ledger, [3, -1, 1, 2 * apart]);
    expect(await ledger.shown()).toEqual(["6", "continuous"]);
  };

/** A hold and its release, the first runs of an account, with times the wrong way round. */
const firstRuns =
  (amount: number, apart: number): BalanceCase =>
  async (ledger) => {
    ledger.pass(1_000);
    await hear(ledger, [101, amount, amount, apart]);
    await hear(ledger, [102, -amount, 0, 0]);
    expect(await ledger.shown()).toEqual(["0", "continuous"]);
  };

const BURSTS: BalanceCases = {
  "the first two runs of an account, dated the wrong way round by 1 ms: it began at zero":
    firstRuns(2, 1),
  "the same by 15 ms": firstRuns(500, 15),
  "a first burst does not begin at another balance to hide a loss after it": async (ledger) => {
    ledger.pass(1_000);
    await hear(ledger, [101, 500, 500, 0]);
    await hear(ledger, [102, -500, 0, 0]);
    await hear(ledger, [104, -500, 0, 600]);
    expect(await ledger.shown()).toEqual(["0", ...gapOf(500)]);
    await hear(ledger, [103, 500, 500, 300]);
    expect(await ledger.shown()).toEqual(["0", "continuous"]);
  },
  "two bursts of an account that began at zero, where nothing is lost: no gap": async (ledger) => {
    ledger.pass(2_000);
    const runs: readonly Run[] = [
      [101, 1, 1, 1],
      [102, -1, 0, 0],
      [103, 1, 1, 1_002],
      [104, -0.25, 0.75, 1_002],
    ];
    for (const run of shuffled(runs, createRandom(3, "burst"))) await hear(ledger, run);
    expect(await ledger.shown()).toEqual(["0.75", "continuous"]);
  },
  "an account that began at another balance has its runs in the order of the clocks": async (
    ledger,
  ) => {
    ledger.pass(1_000);
    await hear(ledger, [101, -5, 0, 0]);
    await hear(ledger, [102, 5, 5, 0]);
    expect(await ledger.shown()).toEqual(["5", "continuous"]);
  },
  "nine runs 5 ms apart, the last two dated the wrong way round: no gap": nineInOrder(0),
  "the same nine in another order": nineInOrder(1),
  "the same nine in a third order, looked at after each": nineInOrder(2),
  "the same nine on a socket: no gap": async (ledger) => {
    ledger.pass(1_000);
    const feed = await ledger.connect();
    for (const run of NINE) await feed.send(frameOf(ledger, run));
    expect(await ledger.shown()).toEqual(["900", "continuous"]);
  },
  "a debit lost before a confirmation of 0 is a gap until it comes": async (ledger) => {
    ledger.pass(1_000);
    await hear(ledger, [1, 100, 100, 0]);
    await hear(ledger, [2, 50, 150, 5]);
    await hear(ledger, [4, 0, 100, 15]);
    expect(await ledger.shown()).toEqual(["100", ...gapOf(-50)]);
    await hear(ledger, [3, -50, 100, 10]);
    expect(await ledger.shown()).toEqual(["100", "continuous"]);
  },
  "a debit that a socket lost is a gap until a webhook brings it": async (ledger) => {
    ledger.pass(1_000);
    const feed = await ledger.connect();
    await feed.send(frameOf(ledger, [1, 100, 100, 0]));
    await feed.send(frameOf(ledger, [2, 50, 150, 5]));
    await feed.send(frameOf(ledger, [4, 0, 100, 15]));
    expect(await ledger.shown()).toEqual(["100", ...gapOf(-50)]);
    await hear(ledger, [3, -50, 100, 10]);
    expect(await ledger.shown()).toEqual(["100", "continuous"]);
  },
  "a burst without a debit: no run is put where it surely is not": async (ledger) => {
    // 100 → 150 → (−50 lost) → 100 → 150 → 100, and a confirmation that is numbered before all
    // and dated behind all, so that the four are one cluster. Run 6 would fill the place of the
    // lost one and hide it, but both clocks put it behind run 5.
    ledger.pass(1_000);
    await hear(ledger, [1, 100, 100, -1_000]);
    await hear(ledger, [3, 50, 150, 0]);
    await hear(ledger, [5, 50, 150, 5]);
    await hear(ledger, [6, -50, 100, 10]);
    await hear(ledger, [2, 0, 100, 15]);
    expect(await ledger.shown()).toEqual(["100", ...gapOf(-50)]);
    await hear(ledger, [4, -50, 100, 3]);
    expect(await ledger.shown()).toEqual(["100", "continuous"]);
  },
  "a run lost of one instant is a gap, whatever would connect the others": lostInBurst(0),
  "the same a millisecond apart": lostInBurst(1),
  "an error of the counter that only one loss explains as well is shown when more comes": async (
    ledger,
  ) => {
    ledger.pass(1_000);
    await hear(ledger, [1, 1, 1, 0]);
    await hear(ledger, [3, 1, 2, 0]);
    await hear(ledger, [4, 0, 1, 0]);
    expect(await ledger.shown()).toEqual(["1", ...gapOf(-1)]);
    await hear(ledger, [5, 5, 7, 100]);
    expect(await ledger.shown()).toEqual(["7", "continuous"]);
  },
  "ten runs of one instant: the balances decide, not the run ids": async (ledger) => {
    const ids = [7, 3, 9, 1, 10, 5, 2, 8, 6, 4];
    const runs = ids.map((id, n): Run => [id, n + 1, ((n + 1) * (n + 2)) / 2, 0]);
    ledger.pass(1_000);
    for (const run of shuffled(runs, createRandom(5, "instant"))) await hear(ledger, run);
    expect(await ledger.shown()).toEqual(["55", "continuous"]);
  },
};

const undated =
  (zero: number, channel: "webhook" | "socket"): BalanceCase =>
  async (ledger) => {
    ledger.pass(1_000);
    await hear(ledger, [1, 10, 10, 0]);
    ledger.pass(10_000);
    const body = datedBody(ledger, [2, 5, 15, 0], { run: zero, movement: zero });
    if (channel === "webhook") await ledger.webhook(body);
    else await (await ledger.connect()).send(update(body));
    expect(await ledger.shown()).toEqual(["15", "continuous", "clock"]);
    ledger.pass(20_000);
    await hear(ledger, [3, 5, 20, ledger.now()]);
    expect(await ledger.shown()).toEqual(["20", "continuous", "clock"]);
  };

const TIMES: BalanceCases = {
  "a run dated 0 stands where it arrived": undated(0, "webhook"),
  "a run dated 0 on a socket stands where it arrived": undated(0, "socket"),
  "a run dated a minute after 1970 stands where it arrived": undated(60_000, "webhook"),
  "only the movement's time is 0: the run's own counts": async (ledger) => {
    ledger.pass(60_000);
    await hear(ledger, [1, 10, 10, 50_000]);
    await ledger.webhook(datedBody(ledger, [2, 5, 15, 40_000], { movement: 0 }));
    // Dated before the other by its run: so it is told, and so it does not connect.
    expect(await ledger.shown()).toEqual(["10", "gap_open", "clock", "gap -15"]);
  },
  "only the run's time is 0: its movement's counts": async (ledger) => {
    ledger.pass(60_000);
    await hear(ledger, [1, 10, 10, 50_000]);
    await ledger.webhook(datedBody(ledger, [2, 5, 15, 55_000], { run: 0 }));
    expect((await ledger.shown()).slice(0, 2)).toEqual(["15", "continuous"]);
  },
  "without any time, however late: the run's number decides": async (ledger) => {
    const runs: Run[] = [
      [1, 10, 10, 0],
      [3, 5, 17, 0],
      [4, 5, 22, 0],
      [2, 2, 12, 0],
    ];
    for (const run of runs) {
      ledger.pass(60_000 * (run[0] === 2 ? 10 : run[0]));
      await ledger.webhook(datedBody(ledger, run, { run: 0, movement: 0 }));
    }
    expect((await ledger.shown()).slice(0, 2)).toEqual(["22", "continuous"]);
  },
};

/** The snapshot and the run raced each other: the provider sent first what happened last. */
const followed =
  (dated: "before it" | "behind it"): BalanceCase =>
  async (ledger) => {
    await hear(ledger, [1, 100, 100, 0]);
    ledger.pass(5_000);
    const feed = await ledger.connect();
    ledger.pass(5_400);
    await feed.send(snapshotOf(ledger, { balance: "130" }));
    const at = dated === "before it" ? 5_300 : ledger.now() + 1_000;
    ledger.pass(5_450);
    await feed.send(frameOf(ledger, [2, 30, 130, at]));
    expect(await ledger.shown()).toEqual(["130", "continuous"]);
  };

const emptied =
  (how: "a restart" | "a reconnect"): BalanceCase =>
  async (ledger) => {
    const first = await ledger.connect();
    await first.send(snapshotOf(ledger, otherOf(ledger)));
    ledger.pass(1_000);
    // Born on the feed, now: no snapshot ever listed it, and its date does not say that one should.
    const born = ledger.now() - 100;
    await first.send(frameOf(ledger, [1, 40, 40, born]));
    expect(await ledger.shown()).toEqual(["40", "continuous"]);
    await first.close();
    if (how === "a restart") await ledger.restart();
    ledger.pass(60_000);
    const second = await ledger.connect();
    ledger.pass(60_100);
    await second.send(snapshotOf(ledger, otherOf(ledger)));
    await second.snapshotEnds();
    expect(await ledger.shown()).toEqual(["40", ...UNLISTED]);
    // An older run that comes late says nothing of it: 5 before the 40, of which 5 then went.
    await hear(ledger, [0, 5, 5, born - 60_000]);
    expect(await ledger.shown()).toEqual(["40", "gap_open", "gap -5", "unlisted"]);
    await hear(ledger, [2, -40, 0, born + 30_000]);
    expect(await ledger.shown()).toEqual(["0", ...gapOf(-5)]);
  };

/** At 40, and left out while the feed was down. What comes late is dated long before that. */
const leftOutAtForty =
  (
    late: readonly Run[],
    expected: readonly (string | null)[],
    order: "after it" | "before it" = "after it",
  ): BalanceCase =>
  async (ledger) => {
    const hour = 3_600_000;
    ledger.pass(1_000);
    const first = await ledger.connect();
    await first.send(snapshotOf(ledger, otherOf(ledger)));
    await hear(ledger, [1, 40, 40, -2 * hour]);
    await first.close();
    ledger.pass(60_000);
    const second = await ledger.connect();
    if (order === "before it") for (const run of late) await hear(ledger, run);
    await second.send(snapshotOf(ledger, otherOf(ledger)));
    await second.snapshotEnds();
    if (order === "after it") for (const run of late) await hear(ledger, run);
    expect(await ledger.shown()).toEqual(expected);
    // What is surely later confirms the balance.
    await hear(ledger, [9, 5, Number(expected[0]) + 5, ledger.now() + 20_000]);
    expect(await ledger.shown()).toEqual([`${Number(expected[0]) + 5}`, "continuous"]);
  };

const EMPTIED_AND_FILLED: readonly Run[] = [
  [2, -40, 0, -3_600_000],
  [3, 45, 45, -1_800_000],
];

const listsNobody =
  (body: null | readonly []): BalanceCase =>
  async (ledger) => {
    const first = await ledger.connect();
    await first.send(snapshotOf(ledger, { balance: "40" }));
    await first.close();
    ledger.pass(60_000);
    const second = await ledger.connect();
    await second.send({ messageType: "initial-balance", body });
    await second.close();
    expect(await ledger.shown()).toEqual(["40", ...UNLISTED]);
    expect(await ledger.countEvents("DeliveryQuarantined")).toBe(0);
    ledger.pass(120_000);
    const third = await ledger.connect();
    await third.send(snapshotOf(ledger, { balance: "40" }));
    expect(await ledger.shown()).toEqual(["40", "continuous"]);
  };

const SNAPSHOTS: BalanceCases = {
  "that shows a loss while the feed was down is a gap; so is the next": async (ledger) => {
    const first = await ledger.connect();
    await first.send(frameOf(ledger, [1, 100, 100, 0]));
    await first.breakDown();
    ledger.pass(2_000);
    await hear(ledger, [2, 50, 150, 1_000]);
    ledger.pass(3_000);
    const second = await ledger.connect();
    await second.send(snapshotOf(ledger, { balance: "100" }));
    expect(await ledger.shown()).toEqual(["100", ...gapOf(-50)]);
    await second.breakDown();
    ledger.pass(10_000);
    const third = await ledger.connect();
    await third.send(snapshotOf(ledger, { balance: "100" }));
    expect(await ledger.shown()).toEqual(["100", ...gapOf(-50)]);
    // The debit comes after all, in its place.
    await hear(ledger, [3, -50, 100, 2_000]);
    expect(await ledger.shown()).toEqual(["100", "continuous"]);
  },
  "holds a run that follows it on the socket: no gap": followed("before it"),
  "holds a run that follows it, dated by a clock that is ahead: no gap": followed("behind it"),
  "leaves out an account emptied during a restart: unlisted": emptied("a restart"),
  "leaves out an account emptied during a reconnect: unlisted": emptied("a reconnect"),
  "leaves out an account of which an older run comes late: unlisted": leftOutAtForty(
    [[2, 5, 45, -3_600_000]],
    ["45", ...UNLISTED],
  ),
  "leaves out an account of which an older run comes before it: unlisted": leftOutAtForty(
    [[2, 5, 45, -3_600_000]],
    ["45", ...UNLISTED],
    "before it",
  ),
  "leaves out an account that was emptied and filled long before: unlisted": leftOutAtForty(
    EMPTIED_AND_FILLED,
    ["45", ...UNLISTED],
  ),
  "leaves out an account that was emptied, as a late run says": leftOutAtForty(
    EMPTIED_AND_FILLED.slice(0, 1),
    ["0", "continuous"],
  ),
  "of two frames leaves nobody out who is in the other": async (ledger) => {
    const first = await ledger.connect();
    await first.send(snapshotOf(ledger, { balance: "40" }, otherOf(ledger)));
    await first.close();
    ledger.pass(60_000);
    const second = await ledger.connect();
    await second.send(snapshotOf(ledger, otherOf(ledger)));
    await second.send(snapshotOf(ledger, { balance: "40" }));
    await second.snapshotEnds();
    expect(await ledger.shown()).toEqual(["40", "continuous"]);
  },
  "with a body of null lists nobody": listsNobody(null),
  "with a body of [] lists nobody": listsNobody([]),
  "covers other participants of a group that it lists": async (ledger) => {
    const { account_id } = ledger.account;
    const other = { participant_code: "OTHER1", account_id: `${account_id}-o`, balance: "7" };
    const first = await ledger.connect();
    await first.send(snapshotOf(ledger, other));
    await first.close();
    await hear(ledger, [1, 40, 40, 0]);
    ledger.pass(60_000);
    const second = await ledger.connect();
    await second.send(snapshotOf(ledger, other));
    await second.close();
    expect(await ledger.shown()).toEqual(["40", ...UNLISTED]);
  },
};

const WEEK_MS = 604_800_000;

/** As in the provider's own example of a withdrawal. */
const confirmedAWeekBefore =
  (how: "at once" | "after a webhook" | "after a reconnect"): BalanceCase =>
  async (ledger) => {
    ledger.pass(WEEK_MS + 1_000);
    let feed = await ledger.connect();
    await feed.send(frameOf(ledger, [94087, -10, 35, WEEK_MS]));
    ledger.pass(WEEK_MS + 2_000);
    const confirming: Run = [85693, 0, 35, 0];
    if (how === "after a webhook") await hear(ledger, confirming);
    if (how === "after a reconnect") {
      await feed.breakDown();
      feed = await ledger.connect();
    }
    await feed.send(frameOf(ledger, confirming));
    expect(await ledger.shown()).toEqual(["35", "continuous", "clock"]);
  };

const SOCKET_ORDER: BalanceCases = {
  "puts a confirmation dated a week before behind what it confirms":
    confirmedAWeekBefore("at once"),
  "puts it there too where a webhook told of it first": confirmedAWeekBefore("after a webhook"),
  "puts it there too on the connection that continues": confirmedAWeekBefore("after a reconnect"),
  "says nothing of a run that is stated once more after a reconnect": async (ledger) => {
    const first = await ledger.connect();
    await first.send(frameOf(ledger, [1, 10, 10, 0]));
    await first.send(frameOf(ledger, [2, 10, 20, 100]));
    await first.breakDown();
    ledger.pass(5_000);
    const second = await ledger.connect();
    await second.send(frameOf(ledger, [1, 10, 10, 0]));
    expect(await ledger.shown()).toEqual(["20", "continuous"]);
    expect(await ledger.countEvents("FactSeen")).toBe(0);
  },
};

const GROUPS: Readonly<Record<string, BalanceCases>> = {
  "a burst on one account": BURSTS,
  "times that cannot be": TIMES,
  "a snapshot": SNAPSHOTS,
  "the order of a socket": SOCKET_ORDER,
};

/** All of them as tests, each on a ledger that `open` gives it. */
export function defineBalanceCases(open: () => Promise<BalanceLedger>): void {
  describe.each(Object.entries(GROUPS))("%s", (_, cases) => {
    test.each(Object.entries(cases))("%s", async (_name, play) => {
      const ledger = await open();
      try {
        await play(ledger);
        await ledger.verify();
      } finally {
        await ledger.close();
      }
    });
  });
}
