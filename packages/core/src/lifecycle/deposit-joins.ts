import type { DepositRecord } from "@counterfoil/contracts/record";
import type { Nanos } from "../exact/time.ts";
import { classOf, type DepositClass, statedKey } from "./deposit-keys.ts";
import { groupByKeys } from "./groups.ts";
import { type AnyKnown, compareText, compareTimes, nanosOf } from "./leg.ts";

/** The legs of one deposit. */
export type JoinedDeposit = Readonly<{
  facts: readonly AnyKnown[];
  link: DepositRecord["link"];
}>;

/** A status's deposit, a movement or a fund event: what the provider states to be one thing. */
type Part = Readonly<{
  kind: AnyKnown["type"];
  facts: readonly AnyKnown[];
  at: Nanos | null;
  classes: ReadonlyMap<string, DepositClass>;
}>;

type Group = { parts: Part[]; inferred: boolean };

/**
 * Where a class has one part of each kind, they are one deposit and nothing else can be meant:
 * `stated`. Where it has several of a kind they pair in time order: `inferred`.
 */
export function joinDeposits(facts: readonly AnyKnown[]): JoinedDeposit[] {
  const parts = groupByKeys(facts, (fact) => [statedKey(fact)]).map(partOf);
  const groups = new Map(
    parts.map((part): [Part, Group] => [part, { parts: [part], inferred: false }]),
  );
  for (const key of classesOf(parts)) {
    joinClass(key, parts.filter(({ classes }) => classes.has(key)).sort(compareParts), groups);
  }
  return [...new Set(groups.values())].map((group) => ({
    facts: group.parts.flatMap((part) => part.facts),
    link: group.inferred ? "inferred" : "stated",
  }));
}

function partOf(facts: readonly AnyKnown[]): Part {
  const times = facts.map(({ data }) => nanosOf(data.occurred_at)).sort(compareTimes);
  const classes = facts.flatMap((fact) => classOf(fact) ?? []);
  return {
    kind: facts[0]?.type ?? "DepositStatusReported",
    facts,
    at: times[0] ?? null,
    classes: new Map(classes.map((itsClass) => [itsClass.key, itsClass])),
  };
}

const classesOf = (parts: readonly Part[]): string[] =>
  [...new Set(parts.flatMap(({ classes }) => [...classes.keys()]))].sort();

const compareParts = (a: Part, b: Part): number =>
  compareTimes(a.at, b.at) || compareText(a.facts[0]?.id ?? "", b.facts[0]?.id ?? "");

/** In this order parts of later kinds join the first part of an earlier one that lacks them. */
const KINDS = ["DepositStatusReported", "MovementRecorded", "FundReported"] as const;

function joinClass(key: string, parts: readonly Part[], groups: Map<Part, Group>): void {
  const kinds = new Set(parts.map(({ kind }) => kind));
  const isAmbiguous = parts.length > kinds.size;
  const bases: Part[] = [];
  for (const kind of KINDS) {
    const added = parts.filter((part) => part.kind === kind);
    for (const part of added) {
      const base = bases.find((other) => mayJoin(other, part, key, groups));
      if (base) unite(base, part, groups).inferred ||= isAmbiguous;
    }
    bases.push(...added);
  }
}

function mayJoin(base: Part, part: Part, key: string, groups: Map<Part, Group>): boolean {
  const [into, from] = [groups.get(base), groups.get(part)];
  if (!into || !from || into === from) return false;
  const kinds = new Set(into.parts.map(({ kind }) => kind));
  if (from.parts.some(({ kind }) => kinds.has(kind))) return false;
  return into.parts.every((a) => from.parts.every((b) => agreeInNetwork(a, b, key)));
}

function agreeInNetwork(a: Part, b: Part, key: string): boolean {
  const [left, right] = [a.classes.get(key)?.network, b.classes.get(key)?.network];
  return left === undefined || right === undefined || left === right;
}

function unite(a: Part, b: Part, groups: Map<Part, Group>): Group {
  const [into, from] = [groups.get(a), groups.get(b)];
  if (!into || !from) throw new RangeError("a part belongs to a group");
  into.parts.push(...from.parts);
  into.inferred ||= from.inferred;
  for (const part of from.parts) groups.set(part, into);
  return into;
}
