import type { ModelName } from "@counterfoil/contracts/fact";
import type { View } from "@counterfoil/core/ingest/fact-role";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import type { ColumnType, Row, Rows, Value } from "../../ports/model-store.ts";

/** A fact that something is shown by, as its model keeps it. */
export type ListedFact = Readonly<{
  /** The id of its event. */
  id: string;
  /** What the rules decided about it. */
  reason: (state: FactState) => string | Promise<string>;
  /** Later facts state what it stated. */
  isOvertaken: boolean;
  /** The entry of an account that it is part of. */
  entry: Row | null;
  /** Where the list goes on behind it. */
  key: readonly Value[];
}>;

/** What is to be explained, found in its model. */
export type Subject = Readonly<{
  model: ModelName;
  /** Its own id, whatever it was asked for by. */
  id: string;
  /** As it is shown to whoever asks, at the moment that is asked about. */
  shown: Readonly<Record<string, unknown>> | null;
  /** Whose facts it follows from: what was recorded of others changes nothing of it. */
  concerns: Concerns;
  /** What `view` shows at that moment; undefined where it differs from fact to fact. */
  expected: View | null | undefined;
  /** The same for comparing, without what no fact decides; where they differ, of a fact's own part. */
  view: (rows: Rows, fact?: ListedFact) => Promise<View | null>;
  /** Whose gaps count. */
  accountOf: (fact: ListedFact) => string | null;
  key: readonly ColumnType[];
  /** Its facts, the newest first, behind a key. */
  facts: (rows: Rows, beyond: readonly Value[] | null) => AsyncIterable<ListedFact>;
}>;

/** Accounts, or a record with the others of its participant: they may take each other's partners. */
export type Concerns =
  | Readonly<{ accounts: readonly string[] }>
  | Readonly<{ record: string; participant: string | null }>;

/** A view of a record: `status` how it stands, `values` what it is asked for, the others beside. */
export function viewOf(
  record: Readonly<Record<string, unknown>> | null,
  parts: Readonly<{
    values: readonly string[];
    status: readonly string[];
    hidden?: readonly string[];
  }>,
): View | null {
  if (record === null) return null;
  const { values, status, hidden = [] } = parts;
  const pick = (isMeant: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(record).filter(([name]) => isMeant(name)));
  return {
    values: pick((name) => values.includes(name)),
    status: pick((name) => status.includes(name)),
    also: pick((name) => ![...values, ...status, ...hidden].includes(name)),
  };
}
