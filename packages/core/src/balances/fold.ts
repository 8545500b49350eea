import type { DataOf } from "@counterfoil/contracts/fact";
import type { Connection } from "../feed-lines.ts";
import {
  type Amendment,
  evolveFactState,
  type FactData,
  type FactState,
  initialFactState,
} from "../ingest/fact-state.ts";
import type { Anomaly } from "./anomaly.ts";
import { type EntryChange, evolveBook, type OutOfReach } from "./book.ts";
import { type BookEffects, NO_EFFECTS } from "./book-effects.ts";
import type { Book } from "./book-window.ts";
import { type Entry, entryId } from "./entry.ts";

/** An event of the stream, its data parsed. */
export type StreamEvent = Readonly<{
  id: string;
  type: string;
  position: number;
  deliveryId: string | null;
  data: FactData;
}>;

/** Which entry of which account an event is about, and which of the entry's facts. */
export type Target = Readonly<{
  account: string;
  kind: Entry["kind"];
  key: string;
  slot: EntryChange["slot"];
}>;

type Key = Readonly<Record<string, string>>;

const TARGETS: Readonly<Record<string, (key: Key) => Target>> = {
  MovementRecorded: ({ account = "", run_id = "", movement_id = "" }) => ({
    account,
    kind: "run",
    key: run_id,
    slot: { movement: movement_id },
  }),
  BalanceReported: ({ account = "", run_id, connection, frame }) =>
    run_id === undefined
      ? { account, kind: "snapshot", key: `${connection}:${frame}`, slot: { report: true } }
      : { account, kind: "run", key: run_id, slot: { report: true } },
  FundsReported: ({ account = "", occurred_at = "" }) => ({
    account,
    kind: "run",
    key: occurred_at,
    slot: { report: true },
  }),
};

/** The entries that an event touches: one, or two where a correction moves a movement to another run. */
export function targetsOf({ type, data }: Pick<StreamEvent, "type" | "data">): readonly Target[] {
  const direct = Object.hasOwn(TARGETS, type) ? TARGETS[type] : undefined;
  if (direct) return [direct(flatKey(data))];
  const { event_type, key } = data as Partial<DataOf<"FactCorrected">>;
  const target = event_type && Object.hasOwn(TARGETS, event_type) ? TARGETS[event_type] : undefined;
  if (target === undefined || key === undefined) return [];
  const before = target(key);
  if (type !== "FactCorrected") return [before];
  const after = target(flatKey(data.data as FactData));
  return after.key === before.key ? [before] : [before, after];
}

/** A snapshot's place is part of its key; everything else that a key needs lies flat. */
function flatKey(data: FactData): Key {
  const place = data.place as DataOf<"BalanceReported">["place"];
  const key = data as Record<string, string>;
  return place ? { ...key, connection: place.connection, frame: String(place.frame) } : key;
}

/**
 * Folds one event into the book of its account. The caller has brought every target's entry into
 * the window where it exists.
 */
export function foldEvent(
  book: Book,
  event: StreamEvent,
  connections: ReadonlyMap<string, Connection>,
): BookEffects | OutOfReach {
  const [target, moved] = targetsOf(event);
  if (target === undefined) return NO_EFFECTS;
  const state = nextState(stateIn(book, target), event);
  if (state === undefined) return NO_EFFECTS;
  const { position } = event;
  const first = { ...target, position, state: moved ? null : state };
  if (!moved) return evolveBook(book, first, connections);
  return move(book, first, { ...moved, position, state }, connections);
}

function stateIn(book: Book, target: Target): FactState | undefined {
  const facts = book.byId.get(entryId(target))?.facts;
  if ("report" in target.slot) return facts?.report ?? undefined;
  return facts?.movements.get(target.slot.movement);
}

/** undefined where the event amends a fact whose entry went when all its facts were withdrawn. */
function nextState(state: FactState | undefined, event: StreamEvent): FactState | undefined {
  const { type, data, position, deliveryId } = event;
  if (Object.hasOwn(TARGETS, type)) return initialFactState(data, position, deliveryId);
  const amendment = event as unknown as Amendment;
  if (state !== undefined) return evolveFactState(state, amendment);
  if (amendment.type !== "FactCorrected") return undefined;
  return initialFactState(amendment.data.data, position, deliveryId);
}

function move(
  book: Book,
  from: EntryChange,
  to: EntryChange,
  connections: ReadonlyMap<string, Connection>,
): BookEffects | OutOfReach {
  if (!book.complete) return { outcome: "out_of_reach" };
  const left = evolveBook(book, from, connections);
  if (left.outcome === "out_of_reach" || !book.complete) return { outcome: "out_of_reach" };
  const entered = evolveBook(book, to, connections);
  if (entered.outcome === "out_of_reach") return entered;
  return {
    outcome: "changed",
    entries: [...new Set([...left.entries, ...entered.entries])],
    removed: left.removed.filter((id) => !book.byId.has(id)),
    ...bothWays(left, entered),
  };
}

/** What leaving and entering change of the anomalies together: one undoes what the other did. */
function bothWays(left: BookEffects, entered: BookEffects) {
  const without = (anomalies: readonly Anomaly[], others: readonly Anomaly[]) =>
    anomalies.filter(({ id }) => !others.some((other) => other.id === id));
  const reopened = entered.opened.filter(({ id }) => left.closed.some((other) => other.id === id));
  return {
    opened: [...without(left.opened, entered.closed), ...without(entered.opened, left.closed)],
    altered: [...without(left.altered, entered.closed), ...entered.altered, ...reopened],
    closed: [...without(left.closed, entered.opened), ...without(entered.closed, left.opened)],
  };
}
