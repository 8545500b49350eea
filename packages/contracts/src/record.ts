import { z } from "zod";
import { amount, growing, instant, json, position, provider, sha256, uuid } from "./scalar.ts";

/**
 * The records that readers get, in the same shape over HTTP, on Kafka and from commands. An
 * absent value is null. Fields may be added; removing or retyping one breaks readers.
 */
const text = z.string().nullable();
const time = instant.nullable();
const money = amount.nullable();

const balanceStatus = z.enum(["continuous", "gap_open", "contradicted", "unlisted"]);

export const balanceRecord = z
  .object({
    id: z.string(),
    provider,
    account_id: text.meta({ description: "The provider's id, as last reported" }),
    account_ids: z
      .array(z.string())
      .meta({ description: "The ids reported, sorted: the first 32 of them" }),
    participant_code: text,
    account_group: text,
    account_label: text,
    account_type: z.string(),
    asset: z.string(),
    address: text.meta({ description: "Layer1: the blockchain address" }),
    balance: money.meta({ description: "null while no report ever stated one" }),
    status: balanceStatus,
    open_gaps: z.int().nonnegative(),
    last_run_id: text,
    updated_at: time.meta({ description: "Effective time of the last report" }),
    position,
  })
  .meta({ id: "Balance" });
export type BalanceRecord = z.infer<typeof balanceRecord>;

/** The total of a group of accounts: of one asset, and of equal values of the fields grouped by. */
export const totalRecord = z
  .object({
    asset: z.string(),
    account_type: z.string().optional().meta({ description: "Where it is grouped by" }),
    account_group: text
      .optional()
      .meta({ description: "Where it is grouped by; null: Layer1 has none" }),
    provider: provider.optional().meta({ description: "Where it is grouped by" }),
    total: amount.meta({ description: "Of all known balances" }),
    accounts: z
      .int()
      .positive()
      .meta({ description: "Including accounts without a known balance" }),
    accounts_with_gaps: z.int().nonnegative(),
    accounts_uncertain: z.int().nonnegative().nullable().meta({
      description:
        "Accounts with another status than `continuous`: the total is as uncertain as their balances. Null until a model that counts them is built",
    }),
  })
  .meta({ id: "Total" });
export type TotalRecord = z.infer<typeof totalRecord>;

/** Corrections are made by a newer translation that reads the delivery again. */
const corrected = z
  .boolean()
  .meta({ description: "Whether it was corrected after it was first recorded" });

const movementRecord = z
  .object({
    movement_id: z.string(),
    movement_type: text,
    change: amount,
    occurred_at: time,
    deposit_reference_id: text,
    withdrawal_request_id: text,
    trade_id: text,
    transfer_request_id: text,
    transfer_type: text,
    client_transfer_id: text,
    corrected,
  })
  .meta({ id: "Movement" });
export type MovementRecord = z.infer<typeof movementRecord>;

const entryPlace = {
  occurred_at: time,
  effective_at: time,
  delivery_id: uuid.nullable(),
  position,
};

export const entryRecord = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("opening"),
      before_run_id: text,
      balance: amount,
      effective_at: time,
      position,
    }),
    z.object({
      kind: z.literal("run"),
      run_id: z.string(),
      run_type: text,
      change: money,
      balance: money,
      late: z.boolean(),
      corrected: corrected.meta({
        description:
          "Whether it, or one of its movements, was corrected after it was first recorded",
      }),
      movements: z.array(movementRecord).meta({ description: "The first of them, by id" }),
      movement_count: z.int().nonnegative(),
      ...entryPlace,
    }),
    z.object({
      kind: z.literal("snapshot"),
      run_id: z.null(),
      connection: text,
      frame: z.int().nullable(),
      change: z.null(),
      balance: money,
      late: z.boolean(),
      corrected,
      ...entryPlace,
    }),
    z.object({
      kind: z.literal("gap"),
      missing_amount: amount,
      after_run_id: text,
      before_run_id: text,
      opened_at: time,
      position,
      closed_position: position.nullable(),
    }),
    z.object({
      kind: z.literal("contradiction"),
      run_id: text,
      stated: z.record(z.string(), json),
      contradicted_by: z.record(z.string(), json),
      ...entryPlace,
    }),
  ])
  .meta({ id: "Entry" });
export type EntryRecord = z.infer<typeof entryRecord>;

export const runRecord = z
  .object({
    run_id: z.string(),
    provider,
    run_type: text,
    occurred_at: time,
    accounts: z.array(
      z.object({
        account: z.string(),
        change: money,
        balance: money,
        effective_at: time,
        movements: z.array(movementRecord).meta({ description: "The first of them, by id" }),
        movement_count: z.int().nonnegative(),
        position,
      }),
    ),
    position,
  })
  .meta({ id: "Run" });
export type RunRecord = z.infer<typeof runRecord>;

export const historyRecord = z
  .object({
    stage: text.meta({ description: "null: kept in the history only" }),
    provider_status: z.string(),
    occurred_at: time.meta({ description: "As the provider states it" }),
    effective_at: time.meta({ description: "What it is ordered by" }),
    seconds_in_stage: text,
    late: z.boolean(),
    source: growing(["movement", "status", "payment", "fund", "relink"]),
    delivery_id: uuid.nullable(),
    position,
  })
  .meta({ id: "HistoryEntry" });
export type HistoryRecord = z.infer<typeof historyRecord>;

/** The number of entries that a record carries; its history has all of them. */
export const HISTORY_SHOWN = 100;

const history = z
  .array(historyRecord)
  .meta({ description: `The newest ${HISTORY_SHOWN} entries, in order` });
const history_length = z.int().nonnegative().meta({ description: "Entries of the whole history" });

const lifecycle = {
  id: z.string(),
  provider,
  provider_status: text,
  link: z.enum(["stated", "inferred", "unmatched"]),
  participant_code: text,
  account_group: text,
  account_label: text,
  asset: text,
  network: text,
  amount: money,
  fee: money,
  fee_asset: text,
  opened_at: time,
  updated_at: time,
  stuck: z
    .boolean()
    .nullable()
    .meta({ description: "By the clock, at query time; null elsewhere" }),
  position,
  history,
  history_length,
};

export const WITHDRAWAL_STAGES = [
  "requested",
  "pending",
  "approved",
  "broadcast",
  "confirmed",
  "settled",
  "failed",
  "rejected",
  "returned",
] as const;
const withdrawalStage = z.enum(WITHDRAWAL_STAGES);
export type WithdrawalStage = z.infer<typeof withdrawalStage>;

export const withdrawalRecord = z
  .object({
    ...lifecycle,
    stage: withdrawalStage,
    identifiers: z.object({
      withdrawal_request_id: text,
      payment_id: text,
      transaction_hash: text,
      transfer_id: text,
      movement_ids: z.array(z.string()),
    }),
    settled_amount: money.meta({ description: "What was taken; less than the amount by its fees" }),
    total: money.meta({ description: "In the quoted currency" }),
    quoted_currency: text,
    beneficiary: text.meta({ description: "The payee, where it is not the owner" }),
    destination_address: text,
    reason: text,
    reason_code: text,
  })
  .meta({ id: "Withdrawal" });
export type WithdrawalRecord = z.infer<typeof withdrawalRecord>;

export const DEPOSIT_STAGES = [
  "detected",
  "unconfirmed",
  "confirmed",
  "screening",
  "held",
  "credited",
  "failed",
  "rejected",
  "quarantined",
  "returned",
] as const;
const depositStage = z.enum(DEPOSIT_STAGES);
export type DepositStage = z.infer<typeof depositStage>;

export const depositRecord = z
  .object({
    ...lifecycle,
    stage: depositStage,
    identifiers: z.object({
      deposit_id: text,
      payment_id: text,
      transaction_hash: text,
      transfer_id: text,
      movement_ids: z.array(z.string()),
      fund_id: text,
    }),
    credited_amount: money.meta({
      description: "What was booked, less what was taken back; null where no booking is known",
    }),
    source_address: text,
    received_address: text,
    reference: text,
    reason: text,
    reason_code: text,
    fund: z
      .object({
        fund_id: text,
        success: z.boolean().nullable(),
        reason: text,
        reason_code: text,
        rate: money,
        notional: money,
        quoted_currency: text,
      })
      .nullable(),
  })
  .meta({ id: "Deposit" });
export type DepositRecord = z.infer<typeof depositRecord>;

export const TRADE_STAGES = ["accepted", "active", "terminated"] as const;
const tradeStage = z.enum(TRADE_STAGES);
export type TradeStage = z.infer<typeof tradeStage>;

export const tradeRecord = z
  .object({
    id: z.string(),
    trade_id: z.string(),
    provider,
    stage: tradeStage.nullable(),
    provider_status: text,
    opened_at: time,
    updated_at: time,
    stuck: z.boolean().nullable(),
    fields: z
      .record(z.string(), json)
      .meta({ description: "The provider's fields, as last reported" }),
    position,
    history,
    history_length,
  })
  .meta({ id: "Trade" });
export type TradeRecord = z.infer<typeof tradeRecord>;

export const eventRecord = z
  .object({
    position,
    id: uuid,
    type: z.string(),
    schema_version: z.int().positive().meta({ description: "In which version data is written" }),
    subject: z.string(),
    occurred_at: time,
    recorded_at: instant,
    causation_id: uuid.nullable(),
    correlation_id: text,
    data: z.record(z.string(), json).meta({ description: "As stored" }),
    hash: sha256,
  })
  .meta({ id: "Event" });
export type EventRecord = z.infer<typeof eventRecord>;

/** The models whose records have stages. */
export const LIFECYCLE_MODELS = ["withdrawals", "deposits", "trades"] as const;
export type LifecycleModel = (typeof LIFECYCLE_MODELS)[number];

export function isLifecycle(model: string): model is LifecycleModel {
  return LIFECYCLE_MODELS.some((name) => name === model);
}

export const STAGES = {
  withdrawals: WITHDRAWAL_STAGES,
  deposits: DEPOSIT_STAGES,
  trades: TRADE_STAGES,
} as const;
