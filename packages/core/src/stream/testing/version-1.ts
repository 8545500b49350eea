import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { AMENDMENTS } from "../../ingest/fact-state.ts";

/**
 * The events that the first release stored. These files never change: however the facts change, a
 * ledger with these bytes must open.
 */
const FOLDER = join(import.meta.dirname, "version-1");

/** For each type one event with all its keys and one with only the required ones. */
export const FACTS_FILE = join(FOLDER, "facts.jsonl");
/** A complete ledger named `default` with every type and its hash chain. */
export const LEDGER_FILE = join(FOLDER, "ledger.jsonl");
export const LEDGER_NAME = "default";

type StoredFact = Pick<RecordedEvent, "type" | "schema_version" | "data">;

export function versionOneFacts(): readonly StoredFact[] {
  return linesOf(FACTS_FILE) as readonly StoredFact[];
}

export function versionOneLedger(): readonly RecordedEvent[] {
  return linesOf(LEDGER_FILE).map((line) => {
    const { occurred_at, recorded_at, ...event } = line as StoredEvent;
    return {
      ...event,
      occurred_at: occurred_at === null ? null : BigInt(occurred_at),
      recorded_at: BigInt(recorded_at),
    };
  });
}

type StoredEvent = Omit<RecordedEvent, "occurred_at" | "recorded_at"> &
  Readonly<{ occurred_at: string | null; recorded_at: string }>;

const linesOf = (file: string): readonly unknown[] =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** The event as it was before it was sealed. */
export function unsealed(event: RecordedEvent): NewEvent {
  const { position: _p, recorded_at: _r, hash: _h, ...stored } = event;
  if (!AMENDMENTS.has(event.type)) return { ...stored, about: null };
  const { amends, event_id } = JSON.parse(event.data) as DataOf<"FactWithdrawn">;
  return { ...stored, about: amends ?? event_id };
}
