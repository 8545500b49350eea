import type { RawMessage } from "../message.ts";

export const COMMON_HEADERS = {
  ce_specversion: "1.0",
  ce_source: "/counterfoil/books",
  ce_time: "2026-01-02T03:04:05Z",
  "content-type": "application/json",
  counterfoil_ledger: "books",
};

export const EVENT = {
  position: "7",
  id: "00000000-0000-5000-8000-000000000001",
  type: "MovementRecorded",
  schema_version: 1,
  subject: "a",
  occurred_at: null,
  recorded_at: "2026-01-02T03:04:05Z",
  causation_id: null,
  correlation_id: null,
  data: { anything: [1, "2", null] },
  hash: "0".repeat(64),
};

/** A message of the topic of facts. */
export function factMessage(
  key: string,
  sequence: number,
  changed: Partial<RawMessage> = {},
): RawMessage {
  return {
    topic: "events",
    partition: 2,
    offset: "40",
    key,
    value: JSON.stringify({ ...EVENT, subject: key }),
    headers: {
      ...COMMON_HEADERS,
      ce_id: EVENT.id,
      ce_type: EVENT.type,
      ce_subject: key,
      counterfoil_position: "7",
      counterfoil_key_sequence: String(sequence),
    },
    ...changed,
  };
}
