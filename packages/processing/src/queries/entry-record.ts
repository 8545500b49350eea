import type { EntryRecord } from "@counterfoil/contracts/record";
import type { FactState, Place } from "@counterfoil/core/ingest/fact-state";
import { reportFrom } from "../models/balances/entry-row.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { positionIn, textIn, timeIn } from "./cell.ts";
import { movementRecords, readMovements } from "./movement-record.ts";

/** The run's id; Layer1: its message's time. */
export const runIdOf = ({ id }: Row): string => String(id).slice("run:".length);

/** An entry as its account's history shows it, with what is shown around it but for the gaps. */
export type ShownEntry = Readonly<{
  opening: EntryRecord | null;
  entry: EntryRecord;
  contradictions: readonly EntryRecord[];
}>;

type StoredFacts = Readonly<{ report: FactState | null; movements: readonly FactState[] }>;

export async function shownEntry(rows: Rows, row: Row): Promise<ShownEntry> {
  const facts = { report: reportFrom(row), movements: await readMovements(rows, row) };
  const entry = row.kind === "run" ? runEntry(row, facts) : snapshotEntry(row, facts);
  return { opening: openingBefore(row), entry, contradictions: contradictionsOf(row, facts) };
}

function placeOf(row: Row) {
  return {
    occurred_at: timeIn(row.occurred_at),
    effective_at: timeIn(row.effective_at),
    delivery_id: textIn(row.delivery_id),
    position: positionIn(row.position),
  };
}

/** A run that reports no balance shows the one that its movements lead to. */
function runEntry(row: Row, { movements }: StoredFacts): EntryRecord {
  return {
    kind: "run",
    run_id: runIdOf(row),
    run_type: textIn(row.run_type),
    change: textIn(row.change),
    balance: textIn(row.running),
    late: row.late === 1,
    movements: movementRecords(movements),
    movement_count: Number(row.movements),
    ...placeOf(row),
  };
}

function snapshotEntry(row: Row, { report }: StoredFacts): EntryRecord {
  const place = report?.data.place as Place | undefined;
  return {
    kind: "snapshot",
    run_id: null,
    connection: place?.connection ?? null,
    frame: place?.frame ?? null,
    change: null,
    balance: textIn(row.balance),
    late: row.late === 1,
    ...placeOf(row),
  };
}

/** What the account held before its first report, where that was not zero. */
function openingBefore(row: Row): EntryRecord | null {
  const balance = textIn(row.opening);
  if (balance === null) return null;
  return {
    kind: "opening",
    before_run_id: runIdOf(row),
    balance,
    effective_at: timeIn(row.effective_at),
    position: positionIn(row.position),
  };
}

type Contradiction = Extract<EntryRecord, { kind: "contradiction" }>;

function contradictionsOf(row: Row, { report, movements }: StoredFacts): Contradiction[] {
  const states = report === null ? movements : [report, ...movements];
  return states
    .filter(({ withdrawn }) => !withdrawn)
    .flatMap((state) => state.contradicted.map((second) => contradiction(row, state, second)));
}

function contradiction(
  row: Row,
  { data }: FactState,
  { contradicts, position, deliveryId }: FactState["contradicted"][number],
): Contradiction {
  const names = Object.keys(contradicts);
  const stated = Object.fromEntries(names.map((name) => [name, data[name] ?? null]));
  return {
    kind: "contradiction",
    run_id: row.kind === "run" ? runIdOf(row) : null,
    stated: stated as Contradiction["stated"],
    contradicted_by: contradicts as Contradiction["contradicted_by"],
    ...placeOf(row),
    delivery_id: deliveryId,
    position: String(position),
  };
}
