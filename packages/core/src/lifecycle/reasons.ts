import type { FactReading } from "./fact-reading.ts";
import type { HistoryEntry } from "./stage-history.ts";

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

/** What `takeStep` of stage-history.ts decided about a word. The first that holds is said. */
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
