import type { DataOf, ModelName, ProviderFactType } from "@counterfoil/contracts/fact";
import type { FactData } from "../ingest/fact-state.ts";
import type { AnyKnown, Known } from "./lifecycle-fact.ts";
import { knownId, type Owner } from "./owner.ts";
import { type Claim, earliest, type Fields, latest } from "./record-fields.ts";
import type { HistoryEntry, StageRules } from "./stage-history.ts";
import type { MovementSide } from "./withdrawal-movement.ts";
import { isRetry, stageOfWord, type Words } from "./words.ts";

/** What tells one lifecycle from another. */
export type Lifecycle = Readonly<{
  model: ModelName;
  /** Raised whenever the same events may give other rows. */
  version: number;
  /** Types of facts that it may keep. */
  types: readonly string[];
  isKept: (type: ProviderFactType, data: FactData) => boolean;
  /** null for a fact that only says something of others. */
  read: (fact: AnyKnown) => FactReading | null;
  rules: StageRules;
  /** The stage of a record whose only words say nothing of it. */
  firstStage: string | null;
  /** Kinds of names that a record may be called by, the best first. */
  ids: readonly string[];
  /** @param taken by debits, less what came back of it; null where there is no debit */
  fieldsOf: (fields: Fields, taken: string | null) => object;
  /** Who has a part in a record, by its shown state; missing where columns of the record say whose it is. */
  partiesOf?: (state: unknown) => ReadonlySet<string>;
}>;

type Reader<Type extends ProviderFactType> = Readonly<{
  /** Which facts of the type are kept; all of them where this is missing. */
  isKept?: (data: DataOf<Type>) => boolean;
  /** Missing for facts that only say something of others. */
  read?: (fact: Known<Type>) => FactReading;
}>;

/** A lifecycle reads facts by their type. */
export function readingBy(readers: { readonly [Type in ProviderFactType]?: Reader<Type> }) {
  const readerOf = (type: ProviderFactType) => readers[type] as Reader<never> | undefined;
  return {
    types: Object.keys(readers),
    isKept(type: ProviderFactType, data: FactData): boolean {
      const reader = readerOf(type);
      return reader !== undefined && (reader.isKept?.(data as never) ?? true);
    },
    read: (fact: AnyKnown): FactReading | null =>
      readerOf(fact.type)?.read?.(fact as never) ?? null,
  };
}

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
  claims: readonly Claim[];
  /** Its side of a movement that a withdrawal goes through. */
  side: MovementSide | null;
}>;

export const NOTHING_READ: Omit<FactReading, "owner" | "names" | "entries"> = {
  mentions: null,
  aliases: [],
  claims: [],
  side: null,
};

type Printed = Readonly<{
  words: Words<string>;
  word: string;
  source: HistoryEntry["source"];
  /** As shown, where that is not the word itself. */
  shown?: string;
}>;

/** The entry of a provider's word. */
export function entryOf(
  { data }: AnyKnown,
  { words, word, source, shown = word }: Printed,
): HistoryEntry {
  const stage = stageOfWord(words, word);
  return {
    stage: stage ?? null,
    word: shown,
    source,
    occurred_at: data.occurred_at ?? null,
    mode: stage === undefined ? "unknown" : isRetry(word) ? "retries" : null,
  };
}

/** Texts that are known, each once, in order. */
export function distinct(texts: readonly (string | null | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => typeof text === "string"))].sort();
}

export const called = (kind: string, ...names: (string | undefined)[]): Name[] =>
  distinct(names.map(knownId)).map((name) => ({ kind, name }));

/** Of several ids of one kind the least names the record. */
export const idClaims = (names: readonly Name[]): Claim[] =>
  names.map(({ kind, name }) => ({ field: `id:${kind}`, order: name, value: name }));

type Values = Readonly<Record<string, string | null | undefined>>;

/** Fields that tell whose it is, and in what, wherever a fact has them. */
export const HOLDER = [
  ...["participant_code", "account_group", "account_label", "asset", "network", "provider"],
] as const;

/** Fields of a fact as they stand. */
export function pick(data: object, ...fields: readonly string[]): Values {
  const all = data as Values;
  return Object.fromEntries(fields.map((field) => [field, all[field]]));
}

/** What is known of these fields; the earliest fact of the least weight counts. */
export function firstSaid({ at, tie }: AnyKnown, weight: number, values: Values): Claim[] {
  return claimsOf(earliest(weight, at, tie), values);
}

/** What is known of these fields; the latest fact of the least weight counts. */
export function lastSaid({ at, tie }: AnyKnown, weight: number, values: Values): Claim[] {
  return claimsOf(latest(weight, at, tie), values);
}

export const claimsOf = (order: string, values: Values): Claim[] =>
  Object.entries(values).flatMap(([field, value]) =>
    value === undefined || value === null ? [] : [{ field, order, value }],
  );
