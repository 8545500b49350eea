import { z } from "zod";
import {
  account,
  amount,
  BYTES_MAX,
  growing,
  ID_BYTES_MAX,
  id,
  instant,
  json,
  position,
  provider,
  sha256,
} from "./scalar.ts";
import {
  ApiKeyCreated,
  ApiKeyRevoked,
  actor,
  BodyErased,
  DeliveryCompleted,
  DeliveryDivided,
  DeliveryQuarantined,
  DeliveryReceived,
  FactContradicted,
  FactCorrected,
  FactSeen,
  FactWithdrawn,
  FeedClosed,
  FeedOpened,
  ForeignEvent,
  HeadKeyRotated,
  note,
  OperatorActed,
  place,
  QuarantineDismissed,
  QuarantineRetried,
  SnapshotCompleted,
  SocketOrderRecorded,
  stamp,
  translation,
} from "./service-fact.ts";

/**
 * The facts of the stream, `schema_version` 1. Keys without a value are omitted, so that the stored
 * bytes stay small. Amounts are normalised, times ISO; the delivery's body holds them as printed. A
 * changed shape needs a new schema version: see core/stream/read-event.ts.
 */

/** The position of the delivery, for a fact that was read in it later. */
const delivered_at = position.optional();

const LedgerOpened = z.object({ name: z.string(), format: z.literal(1), environment: z.string() });

const RunRecorded = z.object({
  provider,
  run_id: id,
  run_type: id.optional(),
  occurred_at: instant.optional(),
  translation,
});

export const MOVEMENT_REFERENCES = [
  "deposit_reference_id",
  "withdrawal_request_id",
  "trade_id",
  "transfer_request_id",
  "transfer_type",
  "client_transfer_id",
  "parent_link_id",
  "order_id",
  "origin",
] as const;

const movementReferences = z.object(
  Object.fromEntries(MOVEMENT_REFERENCES.map((name) => [name, id.optional()])) as Record<
    (typeof MOVEMENT_REFERENCES)[number],
    z.ZodOptional<typeof id>
  >,
);

const MovementRecorded = z.object({
  provider,
  account,
  account_id: id.optional(),
  movement_id: id,
  movement_type: id.optional(),
  change: amount,
  run_id: id,
  run_type: id.optional(),
  occurred_at: instant.optional(),
  ...movementReferences.shape,
  delivered_at,
  ...stamp,
});

const BalanceReported = z.object({
  provider,
  account,
  account_id: id.optional(),
  /** The run after which the balance is reported; absent in a snapshot. */
  run_id: id.optional(),
  run_type: id.optional(),
  /** Absent where the provider printed "" (unknown). */
  balance: amount.optional(),
  /** The run's time. */
  occurred_at: instant.optional(),
  /** Only where the feed stated it; in a snapshot part of the identity. */
  place: place.optional(),
  /**
   * The run took effect no earlier than this, whatever times the provider printed, because a socket
   * delivers in order. Only for a run of the feed that is dated no later than the one before it.
   */
  not_before: instant.optional(),
  /** The account's run before it on the socket, where times alone do not show the order. */
  follows: id.optional(),
  delivered_at,
  ...stamp,
});

const FundsReported = z.object({
  provider,
  account,
  reference: z.string().optional(),
  balance: amount,
  change: amount.optional(),
  /** On BLOCKCHAIN only: AVAILABLE + RESERVED of the same message. */
  expected_balance: amount.optional(),
  /** The envelope's time. */
  occurred_at: instant,
  delivered_at,
  ...stamp,
});

/** SHA-256 of the provider's object in RFC 8785 form, numbers as printed: part of the identity. */
const content = sha256;

/** The delivery's notification: part of the identity, only if the body has no time of its own. */
const notification_id = id.optional();

/** Fields that statuses have in common. */
const owner = {
  participant_code: id.optional(),
  account_group: id.optional(),
  account_label: id.optional(),
};
const coin = { asset: id.optional(), network: id.optional() };
const fees = { fee: amount.optional(), fee_asset: id.optional() };
const why = { reason: z.string().optional(), reason_code: z.string().optional() };

const DepositStatusReported = z.object({
  provider,
  deposit_id: id,
  leg_id: id.optional(),
  status: id,
  content,
  notification_id,
  occurred_at: instant.optional(),
  account_id: id.optional(),
  participant_code: id.optional(),
  account_label: id.optional(),
  ...coin,
  amount: amount.optional(),
  ...fees,
  transaction_hash: id.optional(),
  source_address: id.optional(),
  received_address: id.optional(),
  reference: id.optional(),
  ...why,
  ...stamp,
});

const WithdrawalStatusReported = z.object({
  provider,
  withdrawal_id: id,
  leg_id: id.optional(),
  /** Layer1 reports the amount and the fee of a transfer separately. */
  leg: z.enum(["amount", "fee"]).optional(),
  status: id,
  on_chain_status: id.optional(),
  content,
  occurred_at: instant.optional(),
  ...owner,
  ...coin,
  amount: amount.optional(),
  settled_amount: amount.optional(),
  ...fees,
  transaction_hash: id.optional(),
  source_address: id.optional(),
  destination_address: id.optional(),
  client_withdrawal_request_id: id.optional(),
  reference: id.optional(),
  ...why,
  ...stamp,
});

const PaymentStatusReported = z.object({
  provider,
  /**
   * The payment_id, a bank payment's transaction_id, or (without either) the digest of the body.
   */
  payment: id,
  payment_id: id.optional(),
  transaction_id: id.optional(),
  status: id,
  content,
  notification_id,
  occurred_at: instant.optional(),
  payment_type: id.optional(),
  withdrawal_request_id: id.optional(),
  trade_id: id.optional(),
  /** The owner of the money. */
  ...owner,
  /** The payee, where it is not the owner. */
  beneficiary_code: id.optional(),
  beneficiary_group: id.optional(),
  beneficiary_label: id.optional(),
  ...coin,
  /** In the asset. */
  amount: amount.optional(),
  /** In the quoted currency. */
  total: amount.optional(),
  quoted_currency: id.optional(),
  ...fees,
  transaction_hash: id.optional(),
  destination_address: id.optional(),
  reference: id.optional(),
  ...why,
  ...stamp,
});

const FundReported = z.object({
  provider,
  /** The fund_id, or (without it) the digest of the body. */
  fund: id,
  fund_id: id.optional(),
  success: z.boolean().optional(),
  content,
  notification_id,
  occurred_at: instant.optional(),
  /** When the money arrived, if the provider states it. */
  deposited_at: instant.optional(),
  participant_code: id.optional(),
  account_label: id.optional(),
  ...coin,
  quantity: amount.optional(),
  rate: amount.optional(),
  notional: amount.optional(),
  quoted_currency: id.optional(),
  transaction_hash: id.optional(),
  deposit_address: id.optional(),
  source_address: id.optional(),
  ...why,
  ...stamp,
});

const TradeStatusReported = z.object({
  provider,
  trade_id: id,
  status: id,
  content,
  notification_id,
  occurred_at: instant.optional(),
  /** The provider's other fields as printed; numbers as strings. */
  fields: z.record(z.string(), json),
  ...stamp,
});

const NotificationRecorded = z.object({
  provider,
  payload_type: z.string(),
  content,
  status: z.string().optional(),
  about: id.optional(),
  occurred_at: instant.optional(),
  ...stamp,
});

export const modelName = growing(["balances", "withdrawals", "deposits", "trades"]);
export type ModelName = z.infer<typeof modelName>;

const ModelActivated = z.object({
  model: modelName,
  generation: z.int().positive(),
  model_version: z.int().positive(),
  build: z.string(),
  compared_at: position,
  digest: sha256,
  state_digest: sha256,
  duration_ms: z.int().nonnegative(),
  cause: growing(["rebuild", "rollback", "upgrade"]),
  forced: z.boolean().optional(),
});

const AnomalyAcknowledged = z.object({
  anomaly_id: z.string(),
  model: modelName,
  /** The position at which the person saw it; later changes are not acknowledged. */
  as_of: position,
  note,
  actor,
});
/** Every type of event on the stream, with the schema of its `data`. */
export const FACTS = {
  LedgerOpened,
  DeliveryReceived,
  DeliveryDivided,
  DeliveryCompleted,
  DeliveryQuarantined,
  QuarantineRetried,
  RunRecorded,
  MovementRecorded,
  BalanceReported,
  FundsReported,
  DepositStatusReported,
  WithdrawalStatusReported,
  PaymentStatusReported,
  FundReported,
  TradeStatusReported,
  NotificationRecorded,
  FeedOpened,
  FeedClosed,
  SnapshotCompleted,
  SocketOrderRecorded,
  FactSeen,
  FactContradicted,
  FactCorrected,
  FactWithdrawn,
  ModelActivated,
  OperatorActed,
  AnomalyAcknowledged,
  QuarantineDismissed,
  BodyErased,
  ApiKeyCreated,
  ApiKeyRevoked,
  HeadKeyRotated,
  ForeignEvent,
} as const;

export type FactType = keyof typeof FACTS;

export type DataOf<Type extends FactType> = z.infer<(typeof FACTS)[Type]>;

/** A fact of any type; `type` determines `data`. */
export type Fact = { [Type in FactType]: Readonly<{ type: Type; data: DataOf<Type> }> }[FactType];

export type FactOf<Type extends FactType> = Extract<Fact, { type: Type }>;

/** The types of facts that a translation finds in deliveries. */
export const PROVIDER_FACTS = [
  "RunRecorded",
  "MovementRecorded",
  "BalanceReported",
  "FundsReported",
  "DepositStatusReported",
  "WithdrawalStatusReported",
  "PaymentStatusReported",
  "FundReported",
  "TradeStatusReported",
  "NotificationRecorded",
] as const;

export type ProviderFact = FactOf<(typeof PROVIDER_FACTS)[number]>;
export type ProviderFactType = ProviderFact["type"];

/** The maximum length of each field that becomes part of a key, by type of fact. */
export const FIELD_BYTES_MAX = Object.fromEntries(
  PROVIDER_FACTS.map((type) => [
    type,
    Object.entries(FACTS[type].shape).flatMap(([field, schema]) => {
      const bytesMax = bytesMaxOf(schema);
      return bytesMax === null ? [] : [[field, bytesMax] as const];
    }),
  ]),
) as unknown as Readonly<
  Record<ProviderFactType, readonly (readonly [field: string, bytesMax: number])[]>
>;

function bytesMaxOf(schema: z.ZodType): number | null {
  const stated = schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema;
  // Facts are looked up by a stated amount.
  if (stated === amount) return ID_BYTES_MAX;
  const bytesMax = stated.meta()?.[BYTES_MAX];
  return typeof bytesMax === "number" ? bytesMax : null;
}
