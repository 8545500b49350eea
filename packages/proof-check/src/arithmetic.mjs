// Step 8: the arithmetic of an account. Facts form entries (a run of the provider, or an unconfirmed
// snapshot). Entries have an order; each changes the balance before it to the balance after it.
import {
  aligned,
  amount,
  isGiven,
  magnitude,
  minus,
  most,
  need,
  plus,
  printed,
  time,
  wrong,
  ZERO,
} from "./exact.mjs";
import { dataOf } from "./facts.mjs";

/**
 * Checks that the stated entries are exactly those that the facts form, that before + change = after for each
 * of them with every gap, that the balance is the one after the last entry, that snapshots agree with them,
 * and that their order does not contradict the provider's two clocks where these agree.
 */
export function checkArithmetic(proof, facts, events) {
  const made = entriesOf(facts);
  const isEqual = equalityOf(proof.account);
  const placed = placeEntries(proof.entries, made, isEqual);
  checkSnapshots(proof.snapshots, { made, placed, events, isEqual });
  const isPlaced = new Set(placed.map(({ id }) => id));
  for (const { id, isRun } of made.values()) {
    need(!isRun || isPlaced.has(id), `left out: ${id} is not among the entries`);
  }
  const balance = printed(placed.at(-1)?.after ?? null);
  const isStated = proof.balance === balance;
  need(isStated, `arithmetic: the balance is ${balance}, and ${proof.balance} is stated`);
  checkOrder(placed.filter(({ isEdge, at }) => isEdge && at !== null));
}

/** Layer1 computes with more digits than it prints: the last digit may differ by one. */
function equalityOf(account) {
  const tolerance = { units: account.startsWith("layer1:") ? 1n : 0n, scale: 18 };
  return (a, b) => {
    const [difference, allowed] = aligned(minus(a, b), tolerance);
    return magnitude(difference) <= allowed;
  };
}

// Entries

/** The entries that the facts form, by id, without an order. */
function entriesOf(facts) {
  const byEntry = Map.groupBy(facts, entryId);
  const entries = [...byEntry].map(([id, its]) => [id, entryOf(id, its)]);
  return new Map(entries.filter(([, entry]) => entry !== null));
}

/** A run's facts form one entry; a snapshot's statement, which names no run, forms a separate one. */
function entryId(fact) {
  const run = runOf(fact);
  if (run !== undefined) return `run:${run}`;
  const { connection, frame } =
    fact.value("place") ?? wrong(`form: data at position ${fact.place}: expected run_id or place`);
  return `snapshot:${connection}:${frame}`;
}

function runOf({ type, data, value }) {
  if (type === "FundsReported") return value("occurred_at");
  return type === "MovementRecorded" ? data.run_id : value("run_id");
}

/** @returns null if all its facts were withdrawn */
function entryOf(id, facts) {
  const counted = facts.filter(({ isWithdrawn }) => !isWithdrawn);
  const moves = counted.filter(({ type }) => type === "MovementRecorded");
  const report = counted.findLast(({ type }) => type !== "MovementRecorded") ?? null;
  if (moves.length === 0 && report === null) return null;
  const run = runOf(facts[0]);
  const isRun = run !== undefined;
  const balance = amountOf(report, "balance");
  const change = isRun && moves.length === 0 ? amountOf(report, "change") : sumOf(moves);
  const isEdge = isRun && balance !== null && change !== null;
  return {
    ...{ id, isRun, balance, change },
    /** A run that states balance and change implies the balance before it. A snapshot has no change. */
    isEdge,
    before: balance !== null && (isEdge || !isRun) ? minus(balance, change) : null,
    /** The provider's two clocks: the printed time, and the counter of runs as sortable text. */
    at: timeOf(moves, report),
    counter: isRun ? counterOf(run) : "",
    arrived: report?.arrived,
    heldFrom: Math.min(...facts.map(({ heldFrom }) => heldFrom)),
    firstPlace: facts[0].place,
    connection: facts[0].value("place")?.connection,
  };
}

function amountOf(report, name) {
  const text = report?.value(name);
  return isGiven(text) ? amount(text) : null;
}

const sumOf = (moves) => moves.map(({ value }) => amount(value("change"))).reduce(plus, ZERO);

/** The time of the last movement, else of the report; at least `not_before`. */
function timeOf(moves, report) {
  const own = most(moves.flatMap(({ at }) => at ?? [])) ?? report?.at ?? null;
  const notBefore = report?.notBefore ?? null;
  return notBefore !== null && (own === null || notBefore > own) ? notBefore : own;
}

function counterOf(run) {
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(run)) return String(time(run)).padStart(20, "0");
  const plain = /^[\x21-\x7e]*$/.test(run) ? run : encodeURIComponent(run);
  return String(run.length).padStart(4, "0") + plain;
}

// Before + change = after

/**
 * Recomputes the stated entries in the stated order.
 *
 * @returns the entries with the balance after each, and their places
 */
function placeEntries(stated, made, isEqual) {
  const placed = [];
  const seen = new Set();
  // `held` is the balance from runs alone; snapshots are compared with it.
  let [before, held] = [null, null];
  for (const [order, line] of stated.entries()) {
    const entry = made.get(line.id) ?? wrong(`arithmetic: ${line.id} follows from no fact`);
    need(!seen.has(entry), `arithmetic: ${line.id} stands there twice`);
    seen.add(entry);
    const after = afterwards(before, entry);
    checkLine(line, { before, after, entry, isFirst: order === 0, isEqual });
    if (entry.isRun) held = afterwards(held, entry);
    placed.push({ ...entry, order, after, held: entry.isRun ? held : after });
    before = after;
  }
  return placed;
}

/** The balance after an entry: the stated one, else the previous balance plus the change. */
function afterwards(before, { balance, change }) {
  if (balance !== null) return balance;
  return before !== null && change !== null ? plus(before, change) : before;
}

function checkLine(line, { before, after, entry, isFirst, isEqual }) {
  const hasGap = before !== null && entry.before !== null && !isEqual(before, entry.before);
  // Before the first run there is no gap: its balance before is the account's opening balance.
  const opens = isFirst && entry.isRun && entry.before !== null && entry.before.units !== 0n;
  const expected = {
    before: printed(before),
    change: printed(entry.change),
    after: printed(after),
    missing: hasGap ? printed(minus(entry.before, before)) : null,
    opening: opens ? printed(entry.before) : null,
  };
  for (const [name, value] of Object.entries(expected)) {
    const isStated = line[name] === value;
    need(isStated, `arithmetic: ${name} of ${line.id} is ${value}, and ${line[name]} is stated`);
  }
}

// Order

/** Printed times that differ by more than this many nanoseconds have a certain order. */
const APART = 20_000_000n;
/** Each entry is compared with this many previous ones. */
const NEIGHBOURS = 256;

/** Checks that the order does not contradict both clocks of the provider: the printed time and the counter of runs. */
function checkOrder(entries) {
  let latest = null;
  for (const [at, entry] of entries.entries()) {
    if (latest !== null && latest.at - entry.at > APART) misplaced(latest, entry);
    const isLater = latest !== null && latest.at > entry.at;
    for (const other of isLater ? entries.slice(Math.max(0, at - NEIGHBOURS), at) : []) {
      if (other.at > entry.at && other.counter > entry.counter) misplaced(other, entry);
    }
    if (latest === null || entry.at > latest.at) latest = entry;
  }
}

const misplaced = (other, entry) =>
  wrong(`order: ${other.id} stands before ${entry.id}, and both clocks say otherwise`);

// Snapshots

/** Checks that each snapshot's statement is either an entry, or equals the balance at that moment. */
function checkSnapshots(snapshots, { made, placed, events, isEqual }) {
  const openings = events.filter(({ type }) => type === "FeedOpened");
  const openedAt = new Map(openings.map((event) => [dataOf(event).connection, event.place]));
  const confirmedBy = new Map(
    snapshots.map((one) => [`snapshot:${one.connection}:${one.frame}`, one.confirmed_by]),
  );
  const isOnce = confirmedBy.size === snapshots.length;
  need(isOnce, "arithmetic: a snapshot stands there twice");
  for (const id of confirmedBy.keys()) need(made.has(id), `arithmetic: ${id} follows from no fact`);
  const byId = new Map(placed.map((entry) => [entry.id, entry]));
  for (const snapshot of made.values()) {
    if (snapshot.isRun) continue;
    const by = confirmedBy.get(snapshot.id);
    need(by !== undefined, `left out: ${snapshot.id} is not among the snapshots`);
    const opened = openedAt.get(snapshot.connection) ?? snapshot.firstPlace;
    checkSnapshot(snapshot, { by, opened, placed, byId, isEqual });
  }
}

/** @param by the entry that confirms it; "" if it is an entry itself, "=" if the last certain entry confirms it */
function checkSnapshot(snapshot, { by, opened, placed, byId, isEqual }) {
  const { id, balance } = snapshot;
  need(
    (by === "") === byId.has(id),
    `arithmetic: ${id} stands as an entry, or is confirmed by one`,
  );
  // The last entry that is certainly in the snapshot: recorded before its feed was opened.
  const sure = placed.findLast(
    (one) =>
      one.id !== id && (one.isRun || one.arrived < snapshot.arrived) && one.heldFrom < opened,
  );
  const isWhat = (held) =>
    balance === null || (held !== null && held !== undefined && isEqual(held, balance));
  if (by === "") {
    need(!isWhat(sure?.held), `arithmetic: ${id} stands although it only confirms`);
  } else if (by === "=") {
    need(isWhat(sure?.held), `arithmetic: ${id} is not what the account held then`);
  } else {
    const one =
      byId.get(by) ?? wrong(`arithmetic: ${by}, which is said to confirm ${id}, is no entry`);
    const isAfter = one.order > (sure?.order ?? -1);
    const confirms = isAfter && (isWhat(one.before) || isWhat(one.held));
    need(confirms, `arithmetic: ${by} does not confirm ${id}`);
  }
}
