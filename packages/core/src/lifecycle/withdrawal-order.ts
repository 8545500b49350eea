import type { FeedLines } from "../feed-lines.ts";
import { type AnyKnown, compareText, type Known } from "./leg.ts";
import { orderRuns, type RunOnAccount, type RunPlace } from "./run-order.ts";
import { accountTypeOf, nodeKey } from "./withdrawal-keys.ts";
import { compareUnits, type Movement, sideOn, type Unit } from "./withdrawal-units.ts";

export type Nodes = ReadonlyMap<string, RunOnAccount>;

/** What the legs tell of each run on each account. */
export function nodesOf(facts: readonly AnyKnown[]): Nodes {
  const nodes = new Map<string, Node>();
  for (const fact of facts) {
    if (fact.type !== "MovementRecorded" && fact.type !== "BalanceReported") continue;
    const { account, run_id: runId } = fact.data;
    if (runId === undefined) continue;
    const key = nodeKey(account, runId);
    const node = nodes.get(key) ?? { runId, movements: [], report: null };
    if (fact.type === "BalanceReported") node.report = fact;
    else node.movements.push(fact);
    nodes.set(key, node);
  }
  return nodes;
}

type Node = { runId: string; movements: Movement[]; report: Known<"BalanceReported"> | null };

/** Where runs stand, each on its account; by node. */
export type RunPlaces = ReadonlyMap<string, RunPlace>;

/**
 * The places of the runs of these units among one another. Other runs have no part in it: so the
 * answer does not depend on what else is at hand, and a line orders the runs that it states anyway.
 */
export function placesOfRuns(units: readonly Unit[], nodes: Nodes, lines: FeedLines): RunPlaces {
  const runsOn = new Map<string, Map<string, RunOnAccount>>();
  for (const { data } of units.flatMap(({ sides }) => sides)) {
    const key = nodeKey(data.account, data.run_id);
    const node = nodes.get(key);
    if (!node) continue;
    const runs = runsOn.get(data.account) ?? new Map<string, RunOnAccount>();
    runsOn.set(data.account, runs.set(data.run_id, node));
  }
  const places = new Map<string, RunPlace>();
  for (const [account, runs] of runsOn) {
    for (const [runId, place] of orderRuns([...runs.values()], lines)) {
      places.set(nodeKey(account, runId), place);
    }
  }
  return places;
}

/**
 * The units of a class in the collateral account's order. Those that are not known there stand
 * among them by the available account's, or by time where nothing else is common to both.
 */
export function sequenceOf(units: readonly Unit[], places: RunPlaces): Unit[] {
  const types = new Set(units.map(mainType));
  const lists = [...types]
    .sort(compareTypes)
    .map((type) =>
      units
        .filter((unit) => mainType(unit) === type)
        .sort((a, b) => compareOn(type, places)(a, b) || compareUnits(a, b)),
    );
  return lists.reduce<Unit[]>((merged, list) => merge(merged, list, places), []);
}

const ORDERING = ["collateral", "available"];

function compareTypes(a: string, b: string): number {
  const [left, right] = [ORDERING.indexOf(a), ORDERING.indexOf(b)];
  return left === right ? compareText(a, b) : (left < 0 ? 2 : left) - (right < 0 ? 2 : right);
}

function mainType(unit: Unit): string {
  const types = unit.sides.map(({ data }) => accountTypeOf(data.account));
  return types.sort(compareTypes)[0] ?? "";
}

function placeOn(unit: Unit, type: string, places: RunPlaces): RunPlace | undefined {
  const side = sideOn(unit, type);
  return side && places.get(nodeKey(side.data.account, side.data.run_id));
}

const compareOn =
  (type: string, places: RunPlaces) =>
  (a: Unit, b: Unit): number =>
    (placeOn(a, type, places)?.rank ?? 0) - (placeOn(b, type, places)?.rank ?? 0);

/** Two ordered lists into one that keeps the order of each. */
function merge(main: readonly Unit[], added: readonly Unit[], places: RunPlaces): Unit[] {
  const merged: Unit[] = [];
  let next = 0;
  for (const unit of main) {
    for (let other = added[next]; other && stands(other, unit, places); other = added[next]) {
      merged.push(other);
      next += 1;
    }
    merged.push(unit);
  }
  return [...merged, ...added.slice(next)];
}

/** Whether `a` stands before `b`, by an account that knows both, else by time. */
function stands(a: Unit, b: Unit, places: RunPlaces): boolean {
  const type = mainType(a);
  const [left, right] = [placeOn(a, type, places), placeOn(b, type, places)];
  if (left && right && left.rank !== right.rank) return left.rank < right.rank;
  const [at, other] = [left?.effectiveAt ?? 0n, placeOn(b, mainType(b), places)?.effectiveAt ?? 0n];
  return at === other ? compareUnits(a, b) < 0 : at < other;
}
