import {
  type FactData,
  type FactState,
  initialFactState,
} from "@counterfoil/core/ingest/fact-state";

/**
 * Fact states as models keep them. The stored bytes of the event go in as they are: to print them
 * again would cost more than everything else about a row.
 */
const printed = new WeakMap<FactData, string>();

/** The data of an event, parsed once; its text is remembered for `factStateText`. */
export function parseData(text: string): FactData {
  const data = JSON.parse(text) as FactData;
  printed.set(data, text);
  return data;
}

export function factStateText(state: FactState): string {
  const { data, position, deliveryId, seen, contradicted, withdrawn } = state;
  const text = printed.get(data) ?? JSON.stringify(data);
  const head = `{"data":${text},"position":${position},"deliveryId":${JSON.stringify(deliveryId)}`;
  if (seen.length === 0 && contradicted.length === 0 && !withdrawn) return `${head}}`;
  return `${head},"seen":${JSON.stringify(seen)},"contradicted":${JSON.stringify(contradicted)},"withdrawn":${withdrawn}}`;
}

/** The state that `factStateText` printed, from its parsed JSON. */
export function factStateFrom(parsed: FactData): FactState {
  const { data, position, deliveryId, ...amended } = parsed as Partial<FactState>;
  return { ...initialFactState(data ?? {}, position ?? 0, deliveryId ?? null), ...amended };
}
