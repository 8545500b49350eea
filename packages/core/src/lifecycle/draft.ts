/** What a fold makes of its legs: a record without whatever depends on the stream or the clock. */
export type LifecycleDraft<Fields> = Readonly<{
  id: string;
  state: Fields;
  history: readonly HistoryDraft[];
  /** Every text that finds the record, ids that it may have had before included; sorted. */
  identifiers: readonly string[];
  anomalies: readonly AnomalyDraft[];
  /** The legs in it, by id; sorted. */
  legs: readonly string[];
}>;

export type HistoryDraft<Stage extends string = string> = Readonly<{
  /** null where the provider's word has no stage: it stands in the history only. */
  stage: Stage | null;
  provider_status: string;
  /** As the provider printed it. */
  occurred_at: string | null;
  /** Where it stands: `occurred_at`, unless the line of its account moved it. */
  effective_at: string | null;
  /** Whether the record's stage changed with it. */
  moves: boolean;
  source: "movement" | "status" | "payment" | "fund";
  leg: string;
  position: number;
  deliveryId: string | null;
}>;

/** An entry that has not taken its place in a history yet. */
export type EntryDraft<Stage extends string> = Readonly<
  Omit<HistoryDraft<Stage>, "moves"> & {
    /** Its stage counts only where no other stage stands before it. */
    atLeast?: boolean;
  }
>;

export type AnomalyDraft = Readonly<{
  kind: "illegal_step";
  /** `<from>-><to>`; one a record, the earliest. */
  what: string;
  detail: Readonly<Record<string, string | null>>;
  at: string | null;
}>;
