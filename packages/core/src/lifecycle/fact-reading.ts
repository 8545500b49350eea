import type { AnyKnown } from "./lifecycle-fact.ts";
import { knownId, type Owner } from "./owner.ts";
import { earliest, latest, type Saying } from "./record-fields.ts";
import type { HistoryEntry } from "./stage-history.ts";
import { isRetry, stageOfWord, type Words } from "./words.ts";

/** Facts of one owner that share a name are one record. */
export type Name = Readonly<{ kind: string; name: string }>;

/** What a lifecycle reads in one fact. */
export type FactReading = Readonly<{
  owner: Owner;
  names: readonly Name[];
  /** It belongs to whoever owns this name, and makes nobody its owner. */
  mentions: Name | null;
  /** Texts beside its names that find the record. */
  aliases: readonly string[];
  entries: readonly HistoryEntry[];
  sayings: readonly Saying[];
  /** The movement of the record's way that it states. */
  movementId: string | null;
  /** Its side of a movement that a withdrawal goes through. */
  side: MovementSide | null;
  /** What it takes from an available account for good. */
  debit: string | null;
}>;

/** One movement is stated on up to two accounts: the available one and the collateral. */
export type MovementSide = Readonly<{
  kind: MovementKind;
  /** Movements of one class may be one withdrawal: all the same but the account's type. */
  class: string;
  amount: string;
  account: string;
  accountType: string;
  /** The run on all accounts of this holder. */
  run: string;
  runType: string | undefined;
  /** Whether it takes from the account. */
  takes: boolean;
  movementId: string;
  word: string;
  occurred_at: string | null;
}>;

/** In the order in which one run has them. */
export const MOVEMENT_KINDS = ["pending", "confirmed", "released", "debit"] as const;
export type MovementKind = (typeof MOVEMENT_KINDS)[number];

export const NOTHING_READ: Omit<FactReading, "owner" | "names" | "entries"> = {
  mentions: null,
  aliases: [],
  sayings: [],
  movementId: null,
  side: null,
  debit: null,
};

type Said = Readonly<{
  words: Words<string>;
  word: string;
  source: HistoryEntry["source"];
  /** As shown, where that is not the word itself. */
  shown?: string;
}>;

/** The entry of a provider's word. */
export function entryOf(
  { data }: AnyKnown,
  { words, word, source, shown = word }: Said,
): HistoryEntry {
  const stage = stageOfWord(words, word);
  return {
    stage: stage ?? null,
    word: shown,
    source,
    occurred_at: data.occurred_at ?? null,
    ...(stage === undefined ? { isUnknown: true } : {}),
    ...(isRetry(word) ? { retries: true } : {}),
  };
}

/** Texts that are known, each once, in order. */
export function distinct(texts: readonly (string | null | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => typeof text === "string"))].sort();
}

export const called = (kind: string, ...names: (string | undefined)[]): Name[] =>
  distinct(names.map(knownId)).map((name) => ({ kind, name }));

/** Of several ids of one kind the least names the record. */
export const idSayings = (names: readonly Name[]): Saying[] =>
  names.map(({ kind, name }) => ({ field: `id:${kind}`, order: name, value: name }));

type Values = Readonly<Record<string, string | undefined>>;

/** What is known of these fields; the earliest fact of the least weight counts. */
export function firstSaid({ at, tie }: AnyKnown, weight: number, values: Values): Saying[] {
  return sayings(earliest(weight, at, tie), values);
}

/** What is known of these fields; the latest fact of the least weight counts. */
export function lastSaid({ at, tie }: AnyKnown, weight: number, values: Values): Saying[] {
  return sayings(latest(weight, at, tie), values);
}

const sayings = (order: string, values: Values): Saying[] =>
  Object.entries(values).flatMap(([field, value]) =>
    value === undefined ? [] : [{ field, order, value }],
  );
