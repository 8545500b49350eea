/**
 * Types of which a ledger has millions: reading them alone means reading all. Every other type is
 * found by an index of its own, which these do not pay for. Part of every engine's format 1, since
 * such an index holds what was no bulk type when it was made.
 */
export const BULK_TYPES: ReadonlySet<string> = new Set([
  "DeliveryReceived",
  "RunRecorded",
  "MovementRecorded",
  "BalanceReported",
  "FundsReported",
]);

/** The condition of a partial index; a query must repeat it word for word to be served by it. */
export const IS_INDEXED_TYPE = `type NOT IN (${[...BULK_TYPES].map((type) => `'${type}'`).join(", ")})`;
