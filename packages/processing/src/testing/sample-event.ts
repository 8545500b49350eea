import type { NewEvent } from "@counterfoil/contracts/recorded-event";

/** A UUID that names a number, so that a failing test says which event it means. */
export function sampleId(number: number): string {
  return `00000000-0000-5000-8000-${String(number).padStart(12, "0")}`;
}

export function sampleEvent(number: number, overrides: Partial<NewEvent> = {}): NewEvent {
  return {
    id: sampleId(number),
    type: "MovementRecorded",
    schema_version: 1,
    subject: "zerohash:DEF456:ABC123:general:available:BTC",
    occurred_at: 1_638_189_426_534_066_001n + BigInt(number),
    causation_id: sampleId(900_000 + number),
    correlation_id: null,
    about: null,
    data: `{"movement_id":"m${number}","change":"-0.1"}`,
    ...overrides,
  };
}

/** Events `first` to `last`. */
export function sampleEvents(first: number, last: number): readonly NewEvent[] {
  return Array.from({ length: last - first + 1 }, (_, at) => sampleEvent(first + at));
}
