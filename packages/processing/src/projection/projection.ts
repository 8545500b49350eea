import type { ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import type { StoppedSubjects } from "../models/stopped.ts";
import type { Checkpoint, ModelStore } from "../ports/model-store.ts";
import type { Table } from "../ports/table.ts";

/** A read model: its tables, and how events change them. The same for live folding and rebuilds. */
export interface Projection {
  readonly model: ModelName;
  /** Raised whenever the same events may give other rows. */
  readonly version: number;
  readonly tables: readonly Table[];
  /** Types of events that may change it; the others only move its checkpoint. */
  readonly types: ReadonlySet<string>;
  open(store: ModelStore, hashing: Hashing): Promise<ProjectionSession>;
}

/**
 * Done already, or still to be waited for. Nearly every event meets what is in memory, and a million
 * promises that wait for nothing would cost a third of a rebuild.
 */
export type Work = undefined | Promise<void>;

/** One generation of a model being folded, by the one holder of its lock. */
export interface ProjectionSession {
  /** The last commit. */
  readonly checkpoint: Checkpoint;
  readonly stopped: StoppedSubjects;
  /** Folds one event in memory. Events come in order, each when the one before it is done. */
  apply(event: RecordedEvent): Work;
  /** Goes past an event without folding it. */
  pass(event: RecordedEvent): void;
  /** Makes everything applied durable. */
  commit(): Promise<Checkpoint>;
}
