/**
 * Which type of Zero Hash a body shows by itself. No signature covers the header that names the type,
 * so a body counts for a type only where one of that type's marks stands in it: a key, be it empty,
 * that every printed body of the type has and no other type's. Two types of funds share one shape.
 */
const BODY_TYPES: readonly Readonly<{
  /** Spellings of one type. */
  spellings: readonly string[];
  marks: readonly string[];
}>[] = [
  { spellings: ["account_balance.changed"], marks: ["run_id"] },
  { spellings: ["deposit.status_changed"], marks: ["deposit_id"] },
  {
    spellings: ["payment_status_changed"],
    marks: ["payment_id", "payment_status", "payment_type", "payment_details"],
  },
  { spellings: ["deposit_fund_complete"], marks: ["fund_id", "fund_asset", "fund_timestamp"] },
  { spellings: ["crypto_pay_status_changed"], marks: ["fund_id", "fund_asset", "fund_timestamp"] },
  { spellings: ["trade.status_changed", "trade_status_changed"], marks: ["trade_id"] },
];

/** The marks of which one is missing; null where one is there, or the type has none. */
export function missingMarks(value: unknown, payloadType: string): readonly string[] | null {
  const type = BODY_TYPES.find(({ spellings }) => spellings.includes(payloadType));
  return type === undefined || isMarked(value, type.marks) ? null : type.marks;
}

/**
 * The types, other than the one that it came as, that a body could be of. Types that no model folds
 * are not among them: their bodies are not described well enough to be told from others.
 */
export function otherTypes(value: unknown, payloadType: string): readonly string[] {
  return BODY_TYPES.filter(
    ({ spellings, marks }) => !spellings.includes(payloadType) && isMarked(value, marks),
  ).flatMap(({ spellings }) => spellings);
}

const isMarked = (value: unknown, marks: readonly string[]): boolean =>
  typeof value === "object" && value !== null && marks.some((mark) => Object.hasOwn(value, mark));
