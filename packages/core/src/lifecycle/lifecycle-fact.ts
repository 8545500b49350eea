import type {
  DataOf,
  ModelName,
  ProviderFact,
  ProviderFactType,
} from "@counterfoil/contracts/fact";
import { statedTime } from "../balances/effective-time.ts";
import { formatTime, type Nanos } from "../exact/time.ts";
import { factKey } from "../identity.ts";
import { type FactData, type FactState, firstArrivalOf, inForce } from "../ingest/fact-state.ts";
import {
  type Claim,
  type Contradiction,
  earliestFirst,
  type Fields,
  hashNames,
  knownId,
  latestFirst,
  type Ordered,
  type Owner,
  ownerOf,
  type Sums,
  timeText,
} from "./record-fields.ts";
import {
  type HistoryEntry,
  isRetry,
  type Mode,
  type StageRules,
  stageOfWord,
  type Words,
} from "./stages.ts";
import type { MovementSide } from "./withdrawal-movement.ts";

/**
 * A provider fact with the amendments recorded for it later. A lifecycle record is a function of
 * the set of its facts, not of the order in which they arrived.
 */
export type LifecycleFact = Readonly<{
  /** Unique: type and natural key. */
  id: string;
  type: ProviderFactType;
  state: FactState;
}>;

/** A fact with its content in force, the time it is ordered by, and a unique tiebreaker. */
export type DatedFact<Type extends ProviderFactType> = Readonly<{
  type: Type;
  data: DataOf<Type>;
  state: FactState;
  at: Nanos;
  /** Orders facts with equal times, identically on every engine. */
  tie: string;
}>;

export type AnyDatedFact = { [Type in ProviderFactType]: DatedFact<Type> }[ProviderFactType];

/** The content in force of a fact, dated `at` if its run dates it, else by its own time. */
export function datedFact({ type, state }: LifecycleFact, tie: string, at?: Nanos): AnyDatedFact {
  const content = { type, state, data: inForce(state), at: at ?? ownTime(state), tie };
  return content as unknown as AnyDatedFact;
}

/** The time that a fact states, else its first arrival, so that every record can become stuck. */
export function ownTime(state: FactState): Nanos {
  return statedTime(state).at ?? firstArrivalOf(state);
}

/** The id of a fact: its type and the natural key that its event carries. */
export function factIdOf(type: ProviderFactType, data: FactData): string {
  return factIdOfKey(type, factKey({ type, data } as unknown as ProviderFact));
}

/**
 * The id of a fact from an amendment's key, where a movement's run is a hint and not part of the
 * id.
 */
export function factIdOfKey(type: ProviderFactType, key: Readonly<Record<string, string>>): string {
  const parts = type === "MovementRecorded" ? [key.account, key.movement_id] : Object.values(key);
  return JSON.stringify([type, ...parts]);
}

/** The definition of a lifecycle: the facts it reads, its stage rules and its record's fields. */
export type Lifecycle = Readonly<{
  model: ModelName;
  /** Raised whenever the same events may produce different rows. */
  version: number;
  /** The types of facts that it may keep. */
  types: readonly string[];
  isKept: (type: ProviderFactType, data: FactData) => boolean;
  /** Returns null for a fact that only describes other facts. */
  read: (fact: AnyDatedFact) => FactReading | null;
  rules: StageRules;
  /** The stage of a record none of whose entries has a stage. */
  firstStage: string | null;
  /** Stages in which a record may stay for any time; some may still be left (a return, a release). */
  resting: readonly string[];
  /** Whether a record in a resting stage waits all the same: its sums do not agree with its end. */
  isUnfinished?: (stage: string, fields: Fields, sums: Sums) => boolean;
  /** The kinds of names that may identify a record, best first. */
  ids: readonly string[];
  fieldsOf: (fields: Fields, sums: Sums) => object;
  /**
   * The facts that show a stage which follows from all facts of the record, by the claims that name
   * them.
   *
   * @param awaiting the amount of the last confirmation, if its run is not reported yet; else zero
   */
  endsOf?: (fields: Fields, sums: Sums, awaiting: string) => Readonly<Record<string, End>>;
  /** What its facts state and cannot all be true. */
  contradictionsIn?: (fields: Fields, sums: Sums) => readonly Contradiction[];
  /**
   * The parties to a record, from its state; absent where columns of the record name the holder.
   */
  partiesOf?: (state: unknown) => ReadonlySet<string>;
}>;

/** The content of a record by which it waits in a stage. */
type Waiting = Readonly<{ stage: string | null; fields: Fields; sums: Sums }>;

/** The stage of a record if it waits in it, so that it is stuck after some time; null if it may stay. */
export function waitsIn(lifecycle: Lifecycle, { stage, fields, sums }: Waiting): string | null {
  if (stage === null || !lifecycle.resting.includes(stage)) return stage;
  return lifecycle.isUnfinished?.(stage, fields, sums) ? stage : null;
}

/**
 * The entry since which a record waits in a stage: the one that entered it; of one that has ended the last,
 * for it may have ended long before the movement that contradicts its end.
 */
export const waitsSince = <Entry>(
  { resting }: Lifecycle,
  stage: string,
  { last, entered }: Readonly<{ last: Entry; entered: Entry }>,
): Entry => (resting.includes(stage) ? last : entered);

type Reader<Type extends ProviderFactType> = Readonly<{
  /** Whether a fact of the type is kept; all are kept if this is absent. */
  isKept?: (data: DataOf<Type>) => boolean;
  /** Absent for facts that only describe other facts. */
  read?: (fact: DatedFact<Type>) => FactReading;
}>;

/** The stage that a fact shows as the end of its record, and how it counts there. */
export type End = Readonly<{ stage: string | null; mode?: Mode }>;

/** The claims of the facts that may show the end of their record. */
export const SHOWS = {
  lastBooking: "shows:last_booking",
  firstDebit: "shows:first_debit",
  lastDebit: "shows:last_debit",
  lastReversal: "shows:last_reversal",
  lastFreed: "shows:last_freed",
  lastLeg: "shows:last_leg",
} as const;

/** Combines readers of single fact types into the reading part of a lifecycle. */
export function dispatchByType(readers: { readonly [Type in ProviderFactType]?: Reader<Type> }) {
  const readerOf = (type: ProviderFactType) => readers[type] as Reader<never> | undefined;
  return {
    types: Object.keys(readers),
    isKept(type: ProviderFactType, data: FactData): boolean {
      const reader = readerOf(type);
      return reader !== undefined && (reader.isKept?.(data as never) ?? true);
    },
    read(fact: AnyDatedFact): FactReading | null {
      const reading = readerOf(fact.type)?.read?.(fact as never) ?? null;
      const clock = clockClaims(fact);
      return reading === null || clock.length === 0
        ? reading
        : { ...reading, claims: [...reading.claims, ...clock] };
    },
  };
}

/** The claim to a record's impossible time. Those of movements are told by their accounts. */
function clockClaims({ type, state }: AnyDatedFact): readonly Claim[] {
  const impossibleAt = type === "MovementRecorded" ? null : statedTime(state).impossibleAt;
  if (impossibleAt === null) return [];
  const order = timeText(impossibleAt);
  return [{ field: IMPOSSIBLE_TIME, order, value: formatTime(impossibleAt) }];
}

/** The first of the impossible times that a record's facts print; each counts as its arrival. */
export const IMPOSSIBLE_TIME = "impossible_time";

/** Facts of one owner that share a name belong to one record. */
export type Name = Readonly<{ kind: string; name: string }>;

/** What a lifecycle reads from a fact. */
export type FactReading = Readonly<{
  owner: Owner;
  names: readonly Name[];
  /**
   * The name of the record that the fact belongs to, where it does not itself establish that name.
   */
  mentions: Name | null;
  /** Texts besides its names by which the record is found. */
  aliases: readonly string[];
  entries: readonly HistoryEntry[];
  claims: readonly Claim[];
  /** What the fact adds to the sums of its record. */
  sums: Sums;
  /** The side of a movement, if the fact is a step of a withdrawal. */
  side: MovementSide | null;
}>;

export const EMPTY_READING: Omit<FactReading, "owner" | "names" | "entries"> = {
  mentions: null,
  aliases: [],
  claims: [],
  sums: {},
  side: null,
};

type ReportedWord = Readonly<{
  words: Words<string>;
  word: string;
  source: HistoryEntry["source"];
  /** The displayed text, if it differs from the word. */
  shown?: string;
}>;

/** The history entry for a provider's status word. */
export function entryOf(
  { data }: AnyDatedFact,
  { words, word, source, shown = word }: ReportedWord,
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

/** The defined texts without duplicates, sorted. */
export function distinct(texts: readonly (string | null | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => typeof text === "string"))].sort();
}

/** Names of one kind, without duplicates and unknown ids. */
export const namesOf = (kind: string, ...names: (string | undefined)[]): Name[] =>
  distinct(names.map(knownId)).map((name) => ({ kind, name }));

/** Of several ids of one kind, the smallest identifies the record. */
export const idClaims = (names: readonly Name[]): Claim[] =>
  names.map(({ kind, name }) => ({ field: `id:${kind}`, order: name, value: name }));

type Values = Readonly<Record<string, string | null | undefined>>;

/** Fields that identify the holder and the asset, where a fact has them. */
export const HOLDER_FIELDS = [
  ...["participant_code", "account_group", "account_label", "asset", "network", "provider"],
] as const;

/** Copies the named fields of a fact unchanged. */
export function pick(data: object, ...fields: readonly string[]): Values {
  const all = data as Values;
  return Object.fromEntries(fields.map((field) => [field, all[field]]));
}

/** Claims to the fields that have a value; the lowest weight wins, then the earliest fact. */
export function earliestClaims({ at, tie }: AnyDatedFact, weight: number, values: Values): Claim[] {
  return claimsOf(earliestFirst(weight, at, tie), values);
}

/** Claims to the fields that have a value; the lowest weight wins, then the latest fact. */
export function latestClaims({ at, tie }: AnyDatedFact, weight: number, values: Values): Claim[] {
  return claimsOf(latestFirst(weight, at, tie), values);
}

/** Claims to the fields that have a value, with one order for all of them. */
export const claimsOf = (ordered: Ordered, values: Values): Claim[] =>
  Object.entries(values).flatMap(([field, value]) =>
    value === undefined || value === null ? [] : [{ field, ...ordered, value }],
  );

/** Bank payments by direction: an ACH `debit` pulls money in, a `credit` sends it out. */
export function isPayIn({ payment_type }: DataOf<"PaymentStatusReported">): boolean {
  return payment_type?.toLowerCase() === "debit";
}

/** Reads the names and the status of a payment in either direction. */
export function readPayment(
  fact: DatedFact<"PaymentStatusReported">,
  words: Words<string>,
): FactReading {
  const { payment, payment_id, transaction_id, transaction_hash, reference, status } = fact.data;
  return {
    ...EMPTY_READING,
    owner: ownerOf(fact.data),
    names: namesOf("payment", payment, payment_id, transaction_id),
    aliases: distinct([reference, ...hashNames(transaction_hash)]),
    entries: [entryOf(fact, { words, word: status, source: "payment" })],
  };
}

/**
 * How an entry counts in its record's history; null where another fact's entry is shown instead.
 */
export type EntryOutcome = Readonly<{
  /** The stage after the entry, and whether the entry changed it. */
  after: string | null;
  moves: boolean;
  flag: string | null;
  late: boolean;
}> | null;

type JudgedEntry = Readonly<{
  entry: HistoryEntry;
  outcome: NonNullable<EntryOutcome>;
  /** Whether the end of the record follows from its sum with others. */
  isSummed: boolean;
}>;
type Explanation = Readonly<{
  applies: (judged: JudgedEntry) => boolean;
  explain: (judged: JudgedEntry) => string;
}>;

/** Explains what `takeStep` of stages.ts decided about an entry. The first that applies is used. */
const EXPLANATIONS: readonly Explanation[] = [
  {
    applies: ({ outcome: { flag } }) => flag?.startsWith("unknown_word:") ?? false,
    explain: ({ outcome: { after } }) =>
      `is not a known status, so the stage stays ${stageText(after)}`,
  },
  {
    applies: ({ outcome: { flag } }) => flag?.startsWith("illegal_step:") ?? false,
    explain: ({ outcome: { flag, after } }) =>
      `would be the step ${String(flag).slice("illegal_step:".length).replace("->", " → ")}, which no rule allows, so the stage stays ${stageText(after)}`,
  },
  {
    applies: ({ outcome: { moves } }) => moves,
    explain: ({ outcome: { after, late } }) =>
      `brings the stage ${stageText(after)}${late ? ", though it came late" : ""}`,
  },
  {
    applies: ({ isSummed }) => isSummed,
    explain: ({ outcome: { after } }) =>
      `is summed with the record's other movements, and leaves the stage ${stageText(after)}`,
  },
  {
    applies: ({ entry: { stage } }) => stage === null,
    explain: () => "is kept in the history and says nothing of the stage",
  },
  {
    applies: ({ outcome: { late } }) => late,
    explain: ({ outcome: { after } }) =>
      `came late and is placed in the history by its time; the stage was ${stageText(after)} by then`,
  },
  {
    applies: () => true,
    explain: ({ outcome: { after } }) =>
      `says nothing new: the stage is ${stageText(after)} already`,
  },
];

/** Explains a fact to a reader: each of its entries, and how it counts in the record's history. */
export function lifecycleReason(
  reading: FactReading | null,
  outcomes: readonly EntryOutcome[],
): string {
  const isSummed = Object.keys(reading?.sums ?? {}).length > 0;
  const reasons = (reading?.entries ?? []).map((entry, index) =>
    entryReason(entry, outcomes[index] ?? null, isSummed),
  );
  return reasons.length === 0
    ? `says nothing of the stage${claimedFields(reading)}`
    : reasons.join("; ");
}

function entryReason(entry: HistoryEntry, outcome: EntryOutcome, isSummed: boolean): string {
  const word = `${entry.source} "${entry.word}"`;
  if (outcome === null) return `${word} is also stated by another fact, which is shown for both`;
  const judged = { entry, outcome, isSummed };
  return `${word} ${EXPLANATIONS.find(({ applies }) => applies(judged))?.explain(judged)}`;
}

/** Names the fields that a fact without entries contributes to its record. */
function claimedFields(reading: FactReading | null): string {
  const fields = [...new Set((reading?.claims ?? []).map(({ field }) => field.split(":", 1)[0]))];
  return fields.length === 0 ? "" : `, only of: ${fields.join(", ").replaceAll("_", " ")}`;
}

const stageText = (stage: string | null): string => stage ?? "unknown";
