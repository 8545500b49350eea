import type { DataOf } from "@counterfoil/contracts/fact";
import type { Nanos } from "../exact/time.ts";
import {
  type Amendment,
  amendedState,
  type FactData,
  type FactState,
  initialFactState,
} from "../ingest/fact-state.ts";

/** An event of the stream with its data parsed. */
export type StreamEvent = Readonly<{
  id: string;
  type: string;
  position: number;
  deliveryId: string | null;
  recordedAt: Nanos;
  data: FactData;
}>;

/** The fact of an account that an event records or amends. */
export type Target = Readonly<{ account: string }> &
  (
    | Readonly<{ kind: "report"; key: string }>
    | Readonly<{ kind: "movement"; key: string; movement: string }>
    | Readonly<{ kind: "statement"; connection: string; frame: number }>
  );

type Key = Readonly<Record<string, string>>;

const TARGETS: Readonly<Record<string, (key: Key) => Target>> = {
  MovementRecorded: ({ account = "", run_id = "", movement_id = "" }) => ({
    account,
    kind: "movement",
    key: run_id,
    movement: movement_id,
  }),
  BalanceReported: ({ account = "", run_id, connection = "", frame }) =>
    run_id === undefined
      ? { account, kind: "statement", connection, frame: Number(frame) }
      : { account, kind: "report", key: run_id },
  FundsReported: ({ account = "", occurred_at = "" }) => ({
    account,
    kind: "report",
    key: occurred_at,
  }),
};

/** Whether the model keeps facts of this type and their amendments. */
export const isBalanceFact = (type: string): boolean => Object.hasOwn(TARGETS, type);

/** The facts that an event changes: one, or two if a correction moves a movement to another run. */
export function targetsOf({ type, data }: Pick<StreamEvent, "type" | "data">): readonly Target[] {
  const direct = isBalanceFact(type) ? TARGETS[type] : undefined;
  if (direct) return [direct(flatKey(data))];
  const { event_type, key } = data as Partial<DataOf<"FactCorrected">>;
  const target = event_type && isBalanceFact(event_type) ? TARGETS[event_type] : undefined;
  if (target === undefined || key === undefined) return [];
  const before = target(key);
  if (type !== "FactCorrected") return [before];
  const after = target(flatKey(data.data as FactData));
  return isSameTarget(before, after) ? [before] : [before, after];
}

const isSameTarget = (a: Target, b: Target): boolean =>
  a.kind === "statement" || b.kind === "statement" ? a.kind === b.kind : a.key === b.key;

/** The fields of a key in one object: only a snapshot's place is nested. */
function flatKey(data: FactData): Key {
  const place = data.place as DataOf<"BalanceReported">["place"];
  const key = data as Record<string, string>;
  return place ? { ...key, connection: place.connection, frame: String(place.frame) } : key;
}

/**
 * The fact after an event that records or amends it.
 *
 * @returns null if the event amends a fact that is no longer known
 */
export function nextFact(known: FactState | null, event: StreamEvent): FactState | null {
  const { type, data, position, deliveryId } = event;
  if (isBalanceFact(type)) return initialFactState(data, position, deliveryId);
  return amendedState(known, event as unknown as Amendment);
}
