/** The severity of a status word, shown as its colour. */
export type Tone = "good" | "warn" | "bad" | "quiet" | "busy";

const TONES: Readonly<Record<string, Tone>> = {
  // accounts
  continuous: "good",
  gap_open: "bad",
  contradicted: "bad",
  unlisted: "warn",
  // lifecycles
  settled: "good",
  credited: "good",
  terminated: "good",
  failed: "bad",
  rejected: "bad",
  returned: "warn",
  quarantined: "bad",
  held: "warn",
  stuck: "warn",
  // entries
  late: "warn",
  corrected: "warn",
  gap: "bad",
  contradiction: "bad",
  // models, feed
  live: "good",
  subscribed: "good",
  connected: "busy",
  catching_up: "busy",
  waiting: "busy",
  building: "busy",
  comparing: "busy",
  activated: "good",
  stopped: "bad",
  forked: "bad",
  unreadable: "bad",
  refused: "bad",
  disconnected: "bad",
};

const toneOf = (word: string | null): Tone => TONES[word ?? ""] ?? "quiet";

/** A status word of the ledger with its tone; the text alone is sufficient. */
export function Badge({ word, tone }: Readonly<{ word: string | null; tone?: Tone }>) {
  return (
    <span class={`badge ${tone ?? toneOf(word)}`}>{(word ?? "unknown").replaceAll("_", " ")}</span>
  );
}
