import type { WithdrawalRecord } from "@counterfoil/contracts/record";
import type { FeedLines } from "../feed-lines.ts";
import { groupByKeys } from "./groups.ts";
import type { AnyKnown } from "./leg.ts";
import { requestOf, statedKeys } from "./withdrawal-keys.ts";
import { type Nodes, nodesOf, placesOfRuns, sequenceOf } from "./withdrawal-order.ts";
import { compareUnits, sideOn, type Unit, unitsOf } from "./withdrawal-units.ts";

/** The legs of one withdrawal. */
export type Joined = Readonly<{
  facts: readonly AnyKnown[];
  units: readonly Unit[];
  link: WithdrawalRecord["link"];
}>;

export type Joins = Readonly<{
  withdrawals: readonly Joined[];
  nodes: Nodes;
}>;

type Group = {
  facts: AnyKnown[];
  units: Unit[];
  requests: Set<string>;
  inferred: boolean;
};

/**
 * First everything that is stated to be one withdrawal: equal movement, request, payment or
 * transfer ids. Then the final debit beside its confirmation in one run. Then confirmations that
 * are left look for their pendings.
 */
export function joinWithdrawals(facts: readonly AnyKnown[], lines: FeedLines): Joins {
  const nodes = nodesOf(facts);
  const told = facts.filter(({ type }) => type !== "BalanceReported");
  const groups = groupByKeys(told, statedKeys).map(groupOf);
  const groupOfUnit = new Map(groups.flatMap((group) => group.units.map((unit) => [unit, group])));
  for (const units of Map.groupBy(groupOfUnit.keys(), (unit) => unit.class).values()) {
    for (const run of Map.groupBy(units, ({ runId }) => runId).values()) {
      joinDebits(run, groupOfUnit);
    }
    if (!mayPair(units, groupOfUnit)) continue;
    joinPendings(sequenceOf(units, placesOfRuns(units, nodes, lines)), groupOfUnit);
  }
  const withdrawals = groups.filter(({ facts }) => facts.length > 0).map(joinedOf);
  return { withdrawals, nodes };
}

function groupOf(facts: AnyKnown[]): Group {
  const requests = facts.flatMap((fact) => requestOf(fact) ?? []);
  return { facts, units: unitsOf(facts), requests: new Set(requests), inferred: false };
}

function joinedOf({ facts, units, inferred }: Group): Joined {
  const isUnmatched = has(units, "confirmed") && !has(units, "pending");
  return { facts, units, link: isUnmatched ? "unmatched" : inferred ? "inferred" : "stated" };
}

type GroupOfUnit = Map<Unit, Group>;

/** A confirmation and the debit of its amount in one run on the available account. */
function joinDebits(run: readonly Unit[], groupOfUnit: GroupOfUnit): void {
  const isAlone = (unit: Unit, other: Unit["kind"]): boolean =>
    !run.some((peer) => peer.kind === other && groupOfUnit.get(peer) === groupOfUnit.get(unit));
  const confirmed = run.filter((unit) => unit.kind === "confirmed" && isAlone(unit, "debit"));
  const debits = run.filter(
    (unit) =>
      unit.kind === "debit" &&
      sideOn(unit, "available") !== undefined &&
      isAlone(unit, "confirmed"),
  );
  takeFirst(confirmed.sort(compareUnits), debits.sort(compareUnits), groupOfUnit);
}

function takeFirst(takers: readonly Unit[], free: readonly Unit[], groupOfUnit: GroupOfUnit): void {
  const left = [...free];
  for (const taker of takers) {
    const at = left.findIndex((unit) => agree(taker, unit, groupOfUnit));
    for (const unit of at < 0 ? [] : left.splice(at, 1)) unite(taker, unit, groupOfUnit);
  }
}

/** Whether anything is left to pair: only then is the order of the class worth its while. */
function mayPair(units: readonly Unit[], groupOfUnit: GroupOfUnit): boolean {
  const isLeft = (kind: Unit["kind"], other: Unit["kind"]): boolean =>
    units.some((unit) => unit.kind === kind && isFree(unit, other, groupOfUnit));
  return isLeft("confirmed", "pending") && isLeft("pending", "confirmed");
}

/** Each confirmation that is left takes the first free pending before it. */
function joinPendings(sequence: readonly Unit[], groupOfUnit: GroupOfUnit): void {
  const waiting: Unit[] = [];
  for (const unit of sequence) {
    if (unit.kind === "pending" && isFree(unit, "confirmed", groupOfUnit)) waiting.push(unit);
    if (unit.kind !== "confirmed" || !isFree(unit, "pending", groupOfUnit)) continue;
    const at = waiting.findIndex(
      (pending) => isFree(pending, "confirmed", groupOfUnit) && agree(unit, pending, groupOfUnit),
    );
    for (const pending of at < 0 ? [] : waiting.splice(at, 1)) {
      unite(unit, pending, groupOfUnit).inferred = true;
    }
  }
}

const isFree = (unit: Unit, other: Unit["kind"], groupOfUnit: GroupOfUnit): boolean =>
  !has(groupOfUnit.get(unit)?.units ?? [], other);

const has = (units: readonly Unit[], kind: Unit["kind"]): boolean =>
  units.some((unit) => unit.kind === kind);

/** Equal request ids were joined before: two groups that both name one name different ones. */
function agree(a: Unit, b: Unit, groupOfUnit: GroupOfUnit): boolean {
  const [left, right] = [groupOfUnit.get(a), groupOfUnit.get(b)];
  return left !== right && (left?.requests.size === 0 || right?.requests.size === 0);
}

function unite(a: Unit, b: Unit, groupOfUnit: GroupOfUnit): Group {
  const [into, from] = [groupOfUnit.get(a), groupOfUnit.get(b)];
  if (!into || !from) throw new RangeError("a unit belongs to a group");
  into.facts.push(...from.facts.splice(0));
  into.units.push(...from.units);
  into.inferred ||= from.inferred;
  for (const request of from.requests) into.requests.add(request);
  for (const unit of from.units.splice(0)) groupOfUnit.set(unit, into);
  return into;
}
