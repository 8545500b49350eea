// Step 8: the arithmetic of an account. Facts form entries (a run of the provider, or an unconfirmed
// snapshot). Entries have an order; each changes the balance before it to the balance after it.
import {
  aligned,
  amount,
  isGiven,
  least,
  magnitude,
  minus,
  most,
  need,
  plus,
  printed,
  SECOND,
  time,
  wrong,
  ZERO,
} from "./exact.mjs";
import { dataOf } from "./facts.mjs";

/**
 * Checks that the stated entries are exactly those that the facts form, that before + change = after for each
 * of them with every gap, that the balance is the one after the last entry, that each snapshot is judged as the
 * rules say, and that the order does not contradict the provider's two clocks where these agree.
 */
export function checkArithmetic(proof, facts, events) {
  const made = entriesOf(facts, openingsIn(events));
  const isEqual = equalityOf(proof.account);
  const placed = placeEntries(proof.entries, made, isEqual);
  checkSnapshots(proof.snapshots, { made, placed, isEqual });
  const isPlaced = new Set(placed.map(({ id }) => id));
  for (const { id, isRun } of made.values()) {
    need(!isRun || isPlaced.has(id), `left out: ${id} is not among the entries`);
  }
  const balance = printed(placed.at(-1)?.after ?? null);
  const isStated = proof.balance === balance;
  need(isStated, `arithmetic: the balance is ${balance}, and ${proof.balance} is stated`);
  checkOrder(placed.filter(({ isRun }) => isRun));
  checkPlaces(placed);
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

/** The position at which each feed's connection was opened. */
function openingsIn(events) {
  const openings = events.filter(({ type }) => type === "FeedOpened");
  return new Map(openings.map((event) => [dataOf(event).connection, event.place]));
}

/** The entries that the facts form, by id, without an order. */
function entriesOf(facts, openings) {
  const byEntry = Map.groupBy(facts, entryId);
  const entries = [...byEntry].map(([id, its]) => [id, entryOf(id, its, openings)]);
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
function entryOf(id, facts, openings) {
  const counted = facts.filter(({ isWithdrawn }) => !isWithdrawn);
  const moves = counted.filter(({ type }) => type === "MovementRecorded");
  const report = counted.findLast(({ type }) => type !== "MovementRecorded") ?? null;
  if (moves.length === 0 && report === null) return null;
  const run = runOf(facts[0]);
  const isRun = run !== undefined;
  const balance = amountOf(report, "balance");
  const change = isRun && moves.length === 0 ? amountOf(report, "change") : sumOf(moves);
  const isEdge = isRun && balance !== null && change !== null;
  const arrived = least(facts.map((fact) => fact.arrived));
  return {
    ...{ id, isRun, balance, change },
    /** A run that states balance and change implies the balance before it. A snapshot has no change. */
    isEdge,
    before: balance !== null && (isEdge || !isRun) ? minus(balance, change) : null,
    /** The provider's two clocks: the printed time, and the counter of runs as sortable text. */
    ...timesOf(isRun ? moves : [], isRun ? report : null, arrived),
    counter: isRun ? counterOf(run) : "",
    arrived,
    heldFrom: Math.min(...facts.map(({ heldFrom }) => heldFrom)),
    /** Everything recorded before a snapshot's feed was opened is in the snapshot. */
    opened: isRun ? null : openingOf(facts[0], openings),
  };
}

function openingOf({ place, value }, openings) {
  const { connection } = value("place");
  return (
    openings.get(connection) ??
    wrong(`left out: the opening of feed ${connection}, whose snapshot stands at position ${place}`)
  );
}

function amountOf(report, name) {
  const text = report?.value(name);
  return isGiven(text) ? amount(text) : null;
}

const sumOf = (moves) => moves.map(({ value }) => amount(value("change"))).reduce(plus, ZERO);

/**
 * The time of the last movement, else of the report, else of the arrival (`own`); it took effect no sooner
 * than `not_before` (`at`).
 */
function timesOf(moves, report, arrived) {
  const stated = most(moves.flatMap(({ at }) => at ?? [])) ?? report?.at ?? null;
  const own = stated ?? arrived;
  const notBefore = report?.notBefore ?? null;
  const isMoved = notBefore !== null && notBefore > own;
  return { own, at: isMoved ? notBefore : own, isUndated: stated === null && !isMoved };
}

/** No fact is dated later. */
const YEAR_2201 = 7_289_654_400_000_000_000n;

function counterOf(run) {
  const moment = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(run) ? time(run) : null;
  if (moment !== null && moment >= 0n && moment < YEAR_2201)
    return String(moment).padStart(20, "0");
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
/** Each entry is compared with this many others on a side. */
const NEIGHBOURS = 256;

/** A time in whole seconds may be any moment of its second. */
const isWhole = ({ at }) => at % SECOND === 0n;
const apartFrom = (run) => (isWhole(run) ? APART + SECOND : APART);

/** Checks that the order of runs does not contradict what the printed time and the counter of runs agree on. */
function checkOrder(runs) {
  const edges = runs.filter(({ isEdge }) => isEdge);
  /** The latest ones so far: of all, of those with a time, of edges. */
  let [last, dated, edge] = [null, null, null];
  let edgesBefore = 0;
  for (const [at, run] of runs.entries()) {
    if (!run.isUndated && dated !== null && dated.at - run.at > apartFrom(run)) {
      checkFarBefore(runs, at, dated);
    }
    if (run.isEdge) {
      if (edge !== null && edge.at > run.at) checkNear(edges, edgesBefore);
      edgesBefore += 1;
      edge = laterOf(edge, run);
    } else if (last !== null && laterOf(run, last) === last) early(last, run);
    if (!run.isUndated) dated = laterOf(dated, run);
    last = laterOf(last, run);
  }
}

function laterOf(a, b) {
  if (a === null) return b;
  return a.at > b.at || (a.at === b.at && a.counter > b.counter) ? a : b;
}

/**
 * A run stands behind the one dated latest so far, further than times err. Only an edge without a time beside
 * it may be the reason: it arrived after the one, and its number is lower than the other's.
 */
function checkFarBefore(runs, at, latest) {
  const run = runs[at];
  const start = Math.max(0, at - NEIGHBOURS);
  const near = runs.slice(start, at + NEIGHBOURS);
  const reasons = near.filter((one) => one.isUndated && one.isEdge && one.counter < run.counter);
  const reach = most([run.at + apartFrom(run), ...reasons.map((one) => one.at)]);
  for (const other of [latest, ...near.slice(0, at - start)]) {
    if (!other.isUndated && other.at > reach) early(other, run);
  }
}

/** Checks an edge that stands behind one that is later by time: then its number is greater, or the times are vague. */
function checkNear(edges, at) {
  const run = edges[at];
  const start = Math.max(0, at - NEIGHBOURS);
  for (const other of edges.slice(start, at)) {
    if (other.at <= run.at || other.counter <= run.counter) continue;
    const isVague = run.isUndated || isWhole(run);
    const near = isVague ? edges.slice(start, at + NEIGHBOURS) : [];
    // Its number may contradict its time beside a third one, and then the rules choose.
    const isChosen = near.some((one) => one.at > other.at && one.counter < run.counter);
    need(isChosen, `order: ${other.id} stands before ${run.id}, and both clocks say otherwise`);
  }
}

const early = (other, run) =>
  wrong(`order: ${other.id} stands before ${run.id}, which took effect before it`);

/** Checks that each snapshot that is an entry stands behind the last run that comes before it, and no further. */
function checkPlaces(placed) {
  let [nextHeld, nextAt] = [Number.POSITIVE_INFINITY, null];
  for (const one of placed.toReversed()) {
    if (one.isRun) {
      nextHeld = Math.min(nextHeld, one.heldFrom);
      nextAt = least(nextAt === null ? [one.at] : [nextAt, one.at]);
    } else if (nextHeld < one.opened || (nextAt !== null && nextAt <= one.arrived)) {
      const run = placed.slice(one.order).find((other) => other.isRun && isBehind(one, other));
      wrong(`order: ${one.id} stands before ${run.id}, which comes before it`);
    }
  }
  for (const [at, one] of placed.entries()) {
    const before = placed[at - 1];
    if (one.isRun || before === undefined) continue;
    // Snapshots behind the same run stand there as they arrived.
    const isPlaced = before.isRun ? isBehind(one, before) : isEarlier(before, one);
    need(isPlaced, `order: ${one.id} stands behind ${before.id}, which comes after it`);
  }
}

/** Whether a snapshot stands behind a run: it certainly includes it, or arrived when that had taken effect. */
const isBehind = (snapshot, run) => run.heldFrom < snapshot.opened || run.at <= snapshot.arrived;

const isEarlier = (a, b) => a.arrived < b.arrived || (a.arrived === b.arrived && a.id < b.id);

// Snapshots

/** Checks that each snapshot's statement is either an entry, or confirmed by the entry that the rules say. */
function checkSnapshots(snapshots, { made, placed, isEqual }) {
  const confirmedBy = new Map(
    snapshots.map((one) => [`snapshot:${one.connection}:${one.frame}`, one.confirmed_by]),
  );
  const isOnce = confirmedBy.size === snapshots.length;
  need(isOnce, "arithmetic: a snapshot stands there twice");
  for (const id of confirmedBy.keys()) need(made.has(id), `arithmetic: ${id} follows from no fact`);
  const ids = new Set(placed.map(({ id }) => id));
  for (const snapshot of made.values()) {
    if (snapshot.isRun) continue;
    const { id } = snapshot;
    const by = confirmedBy.get(id);
    need(by !== undefined, `left out: ${id} is not among the snapshots`);
    const isOneOfBoth = (by === "") === ids.has(id);
    need(isOneOfBoth, `arithmetic: ${id} stands as an entry, or is confirmed by one`);
    const isNamed = by === "" || by === "=" || ids.has(by);
    need(isNamed, `arithmetic: ${by}, which is said to confirm ${id}, is no entry`);
    const what = whatConfirms(snapshot, placed, isEqual);
    if (by === "" ? what.length === 0 : what.includes(by)) continue;
    if (by === "") wrong(`arithmetic: ${id} stands although it only confirms`);
    if (by === "=") wrong(`arithmetic: ${id} is not what the account held then`);
    wrong(`arithmetic: ${by} does not confirm ${id}`);
  }
}

/** A run dated later than this after a snapshot's arrival is not in the snapshot. */
const RECEIVER_ERROR = 5_000_000_000n;

/** @returns what may confirm a snapshot: "=" for the last entry that is certainly in it, or the ids of later ones */
function whatConfirms({ id, balance, arrived, opened }, placed, isEqual) {
  const isOfThen = (one) => one.isRun || isEarlier(one, { id, arrived });
  const sure = placed.findLast((one) => one.heldFrom < opened && isOfThen(one));
  const isWhat = (held) => held !== null && isEqual(held, balance);
  if (balance === null || (sure !== undefined && isWhat(sure.held))) return ["="];
  const first = (sure?.order ?? -1) + 1;
  const later = placed.slice(first, first + NEIGHBOURS).filter(isOfThen);
  // A run without a time may be in it.
  const isOut = (one) => !(one.isRun && one.isUndated) && one.own - RECEIVER_ERROR > arrived;
  const end = later.findIndex(isOut);
  return later
    .slice(0, end < 0 ? later.length : end)
    .filter((one) => isWhat(one.before) || isWhat(one.held))
    .map((one) => one.id);
}
