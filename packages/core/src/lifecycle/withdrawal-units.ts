import { type AnyKnown, compareText, compareTimes, type Known, nanosOf } from "./leg.ts";
import { accountTypeOf, movementClass } from "./withdrawal-keys.ts";

export type Movement = Known<"MovementRecorded">;

/** One movement of a withdrawal: its sides are the accounts that one movement_id touched. */
export type Unit = Readonly<{
  kind: UnitKind;
  class: string;
  runId: string;
  movementId: string;
  /** The available side first: that is the account that the customer sees. */
  sides: readonly [Movement, ...Movement[]];
}>;

/** In the order in which one run has them. */
const UNIT_KINDS = ["pending", "confirmed", "debit"] as const;
export type UnitKind = (typeof UNIT_KINDS)[number];

const KIND_OF: Readonly<Record<string, UnitKind>> = {
  withdrawal_pending: "pending",
  withdrawal_confirmed: "confirmed",
  withdrawal: "debit",
};

/** null for what is no part of a withdrawal's way: a `withdrawal` that gives. */
function kindOf({ data }: Movement): UnitKind | null {
  const kind = KIND_OF[data.movement_type ?? ""] ?? null;
  return kind === "debit" && !data.change.startsWith("-") ? null : kind;
}

/** The movements among the facts, both sides of one together. */
export function unitsOf(facts: readonly AnyKnown[]): Unit[] {
  const units = new Map<string, Omit<Unit, "sides"> & { sides: Movement[] }>();
  for (const fact of facts) {
    if (fact.type !== "MovementRecorded") continue;
    const kind = kindOf(fact);
    if (kind === null) continue;
    const { movement_id: movementId, run_id: runId } = fact.data;
    const itsClass = movementClass(fact.data);
    const key = JSON.stringify([kind, itsClass, runId, movementId]);
    const unit = units.get(key);
    if (unit) unit.sides.push(fact);
    else units.set(key, { kind, class: itsClass, runId, movementId, sides: [fact] });
  }
  return [...units.values()].map((unit) => {
    const [first, ...others] = unit.sides.sort(compareSides);
    return { ...unit, sides: [first as Movement, ...others] };
  });
}

const compareSides = (a: Movement, b: Movement): number =>
  Number(isAvailable(b)) - Number(isAvailable(a)) || compareText(a.id, b.id);

const isAvailable = ({ data }: Movement): boolean => accountTypeOf(data.account) === "available";

/** Its side on the account of this type. */
export function sideOn(unit: Unit, accountType: string): Movement | undefined {
  return unit.sides.find(({ data }) => accountTypeOf(data.account) === accountType);
}

/** By kind, then time, then movement_id: where no account's order decides. */
export function compareUnits(a: Unit, b: Unit): number {
  const [left, right] = [a.sides[0].data.occurred_at, b.sides[0].data.occurred_at];
  return (
    UNIT_KINDS.indexOf(a.kind) - UNIT_KINDS.indexOf(b.kind) ||
    compareTimes(nanosOf(left), nanosOf(right)) ||
    compareText(a.movementId, b.movementId)
  );
}
