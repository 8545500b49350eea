import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import {
  type FactData,
  type FactState,
  initialFactState,
} from "@counterfoil/core/ingest/fact-state";
import { isPresent, readData } from "@counterfoil/core/stream/read-event";

/**
 * Fact states as models keep them. The stored bytes of the event go in as they are: to print them
 * again would cost more than everything else about a row. The text hangs at the data itself, where
 * no copy of the data takes it along; a WeakMap keeps what it holds alive through young collections.
 */
const PRINTED = Symbol("printed");

type Printed = FactData & { [PRINTED]?: string };

/**
 * The data of an event, parsed once; its text is remembered for `factStateText`.
 *
 * @throws SchemaTooNew, which stops the event's subject as any fault of a fold does
 */
export function parseData(event: RecordedEvent): FactData {
  const data = readData(event);
  return isPresent(event) ? Object.defineProperty(data, PRINTED, { value: event.data }) : data;
}

export function factStateText(state: FactState): string {
  const { data, position, deliveryId, seen, contradicted, withdrawn } = state;
  const text = (data as Printed)[PRINTED] ?? JSON.stringify(data);
  const head = `{"data":${text},"position":${position},"deliveryId":${JSON.stringify(deliveryId)}`;
  if (seen.length === 0 && contradicted.length === 0 && !withdrawn) return `${head}}`;
  return `${head},"seen":${JSON.stringify(seen)},"contradicted":${JSON.stringify(contradicted)},"withdrawn":${withdrawn}}`;
}

/** The state that `factStateText` printed, from its parsed JSON. */
export function factStateFrom(parsed: FactData): FactState {
  const { data, position, deliveryId, ...amended } = parsed as Partial<FactState>;
  return { ...initialFactState(data ?? {}, position ?? 0, deliveryId ?? null), ...amended };
}
