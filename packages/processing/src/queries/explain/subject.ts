import type { ModelName } from "@counterfoil/contracts/fact";
import type { View } from "@counterfoil/core/ingest/fact-role";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import type { ColumnType, Row, Rows, Value } from "../../ports/model-store.ts";

/** A fact of a subject, as stored in its model. */
export type ListedFact = Readonly<{
  /** The id of its event. */
  id: string;
  /** Describes what the rules decided about it. */
  reason: (state: FactState) => string | Promise<string>;
  /** Whether later facts state the same. */
  isOvertaken: boolean;
  /** The entry of an account that it belongs to. */
  entry: Row | null;
  /** The key after which the list continues. */
  key: readonly Value[];
}>;

/** The thing to be explained, found in its model. */
export type Subject = Readonly<{
  model: ModelName;
  /** Its own id, even if it was found by another identifier. */
  id: string;
  /** Its record at the moment, as the caller may see it. */
  shown: Readonly<Record<string, unknown>> | null;
  /** The owners of the facts that it depends on; facts of others do not affect it. */
  concerns: Concerns;
  /** The result of `view` at that moment; undefined if it depends on the fact. */
  expected: View | null | undefined;
  /** Its record for comparison, without what no fact decides; if it has parts, the fact's part. */
  view: (rows: Rows, fact?: ListedFact) => Promise<View | null>;
  /** The account whose gaps count for the role of a fact; null if none do. */
  accountOf: (fact: ListedFact) => string | null;
  key: readonly ColumnType[];
  /** Its facts after a key, the newest first. */
  facts: (rows: Rows, beyond: readonly Value[] | null) => AsyncIterable<ListedFact>;
}>;

/** Accounts, or a record with its participant's others: records may compete for the same links. */
type Concerns =
  | Readonly<{ accounts: readonly string[] }>
  | Readonly<{ record: string; participant: string | null }>;

/** A view of a record, with its fields divided into `values`, `status` and all others. */
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
  const pick = (isPicked: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(record).filter(([name]) => isPicked(name)));
  return {
    values: pick((name) => values.includes(name)),
    status: pick((name) => status.includes(name)),
    also: pick((name) => ![...values, ...status, ...hidden].includes(name)),
  };
}
