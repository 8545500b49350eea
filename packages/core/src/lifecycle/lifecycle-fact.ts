import type {
  DataOf,
  ModelName,
  ProviderFact,
  ProviderFactType,
} from "@counterfoil/contracts/fact";
import { statedTime } from "../balances/effective-time.ts";
import type { Nanos } from "../exact/time.ts";
import { factKey } from "../identity.ts";
import { type FactData, type FactState, firstArrivalOf, inForce } from "../ingest/fact-state.ts";
import {
  type Claim,
  earliest,
  type Fields,
  hashNames,
  knownId,
  latest,
  type Owner,
  ownerOf,
} from "./record-fields.ts";
import { type HistoryEntry, isRetry, type StageRules, stageOfWord, type Words } from "./stages.ts";
import type { MovementSide } from "./withdrawal-movement.ts";

/**
 * One provider fact, with everything later said of it, that a lifecycle may need. Records are a
 * function of the set of these; the order in which they arrived decides nothing.
 */
export type LifecycleFact = Readonly<{
  /** Unique: type and natural key. */
  id: string;
  type: ProviderFactType;
  state: FactState;
}>;

/** A fact with its content in force, its time, and a short text that tells it from all others. */
export type Known<Type extends ProviderFactType> = Readonly<{
  type: Type;
  data: DataOf<Type>;
  state: FactState;
  /** What it is ordered by. */
  at: Nanos;
  /** Orders facts of one time, on every engine alike. */
  tie: string;
}>;

export type AnyKnown = { [Type in ProviderFactType]: Known<Type> }[ProviderFactType];

/** The content in force of one fact; `at` where its run dates it, else its own time. */
export function known({ type, state }: LifecycleFact, tie: string, at?: Nanos): AnyKnown {
  const content = { type, state, data: inForce(state), at: at ?? ownTime(state), tie };
  return content as unknown as AnyKnown;
}

/** What the fact itself is dated, else its arrival: so it can be stuck, whatever it says. */
export function ownTime(state: FactState): Nanos {
  return statedTime(state).at ?? firstArrivalOf(state);
}

/** A fact is named by its type and natural key, as an event about it has them. */
export function factIdOf(type: ProviderFactType, data: FactData): string {
  return factIdOfKey(type, factKey({ type, data } as unknown as ProviderFact));
}

/** From the key that an amendment carries; a movement's run is a hint there, not part of it. */
export function factIdOfKey(type: ProviderFactType, key: Readonly<Record<string, string>>): string {
  const parts = type === "MovementRecorded" ? [key.account, key.movement_id] : Object.values(key);
  return JSON.stringify([type, ...parts]);
}

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

/** Bank payments by direction: an ACH `debit` pulls money in, a `credit` sends it out. */
export function isPayIn({ payment_type }: DataOf<"PaymentStatusReported">): boolean {
  return payment_type?.toLowerCase() === "debit";
}

/** What a payment is called and how it stands, whichever way it goes. */
export function readPayment(
  fact: Known<"PaymentStatusReported">,
  words: Words<string>,
): FactReading {
  const { payment, payment_id, transaction_id, transaction_hash, reference, status } = fact.data;
  return {
    ...NOTHING_READ,
    owner: ownerOf(fact.data),
    names: called("payment", payment, payment_id, transaction_id),
    aliases: distinct([reference, ...hashNames(transaction_hash)]),
    entries: [entryOf(fact, { words, word: status, source: "payment" })],
  };
}

/** A word as it stands in the history of its record; null where another fact's is shown instead. */
export type Standing = Readonly<{
  /** The stage after it, and whether it brought that stage. */
  after: string | null;
  moves: boolean;
  flag: string | null;
  late: boolean;
}> | null;

type Word = Readonly<{ said: HistoryEntry; standing: NonNullable<Standing> }>;
type Reason = Readonly<{ holds: (word: Word) => boolean; say: (word: Word) => string }>;

/** What `takeStep` of stages.ts decided about a word. The first that holds is said. */
const REASONS: readonly Reason[] = [
  {
    holds: ({ standing: { flag } }) => flag?.startsWith("unknown_word:") ?? false,
    say: ({ standing: { after } }) =>
      `is no word that is known, so the stage stays ${stageText(after)}`,
  },
  {
    holds: ({ standing: { flag } }) => flag?.startsWith("illegal_step:") ?? false,
    say: ({ standing: { flag, after } }) =>
      `would be the step ${String(flag).slice("illegal_step:".length).replace("->", " → ")}, which no rule allows, so the stage stays ${stageText(after)}`,
  },
  {
    holds: ({ standing: { moves } }) => moves,
    say: ({ standing: { after, late } }) =>
      `brings the stage ${stageText(after)}${late ? ", though it came late" : ""}`,
  },
  {
    holds: ({ said: { stage } }) => stage === null,
    say: () => "is kept in the history and says nothing of the stage",
  },
  {
    holds: ({ standing: { late } }) => late,
    say: ({ standing: { after } }) =>
      `came late and fills its place in the history; the stage was ${stageText(after)} by then`,
  },
  {
    holds: () => true,
    say: ({ standing: { after } }) => `says nothing new: the stage is ${stageText(after)} already`,
  },
];

/** What a fact says of its record: each of its words, and what became of it. */
export function lifecycleReason(
  reading: FactReading | null,
  standings: readonly Standing[],
): string {
  const words = (reading?.entries ?? []).map((said, at) => wordReason(said, standings[at] ?? null));
  return words.length === 0 ? `says nothing of the stage${claimed(reading)}` : words.join("; ");
}

function wordReason(said: HistoryEntry, standing: Standing): string {
  const word = `${said.source} "${said.word}"`;
  if (standing === null) return `${word} is said by another fact, which is shown for both`;
  const found = { said, standing };
  return `${word} ${REASONS.find(({ holds }) => holds(found))?.say(found)}`;
}

/** The fields that it gives the record, where it gives nothing else. */
function claimed(reading: FactReading | null): string {
  const fields = [...new Set((reading?.claims ?? []).map(({ field }) => field.split(":", 1)[0]))];
  return fields.length === 0 ? "" : `, only of: ${fields.join(", ").replaceAll("_", " ")}`;
}

const stageText = (stage: string | null): string => stage ?? "unknown";
