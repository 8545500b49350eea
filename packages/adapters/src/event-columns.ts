/** Columns of an event as the SQL engines store it, in the order in which rows are read and written. */
export const EVENT_COLUMNS: readonly string[] = [
  "position",
  "id",
  "type",
  "schema_version",
  "subject",
  "occurred_at",
  "recorded_at",
  "causation_id",
  "correlation_id",
  "hash",
  "data",
];

export const OF_EVENT = EVENT_COLUMNS.map((column) => `e.${column}`).join(", ");
