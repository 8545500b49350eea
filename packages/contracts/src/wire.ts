import { z } from "zod";

/**
 * A field of a provider's payload. The exact JSON parser gives every number as its printed text, so
 * `85693` and `"85693"` are equal and no digit is lost. Absent, null and `""` all mean unknown.
 */
export const text = z
  .string()
  .nullish()
  .transform((value) => (value === null || value === "" ? undefined : value));

const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/** An id: the nil UUID means unknown. */
const identifier = text.transform((value) => (value === NIL_UUID ? undefined : value));

/** A required part of an identity. */
export const key = z.string().min(1);

/** `true`, `"true"`, `"TRUE"` (typed "string" but sent as boolean). */
export const flag = z
  .union([z.boolean(), z.string()])
  .nullish()
  .transform((value) => {
    if (typeof value === "boolean") return value;
    const word = value?.toLowerCase();
    return word === "true" ? true : word === "false" ? false : undefined;
  });

/** One reason as text, or several in a list (reject_reasons). */
export const reasons = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .transform((value) => (Array.isArray(value) ? value.join("; ") : value) || undefined);

// Zero Hash's payloads, read as leniently as its documentation requires: unknown fields are allowed (the
// bytes are kept), known ones are read under every documented name.

/** A movement inside a run (provider-docs: balances feed, account balance webhook). */
const zeroHashMovement = z.looseObject({
  movement_id: key,
  movement_type: text,
  movement_timestamp: text,
  change: key,
  account_id: text,
  deposit_reference_id: text,
  withdrawal_request_id: text,
  trade_id: text,
  transfer_request_id: text,
  transfer_type: text,
  client_transfer_id: text,
  parent_link_id: text,
  order_id: text,
  origin: text,
});
export type ZeroHashMovement = z.infer<typeof zeroHashMovement>;

/**
 * The state of one account, alone or after a run: the body of `balance-updated`, a row of
 * `initial-balance`, the body of the `account_balance.changed` webhook. The feed has
 * `run_timestamp`, the webhook `timestamp`; the feed of 2020 had `account_owner`,
 * `account_subtype`, `new_balance` and `updated`. `updated` is not used: it dates the last change of
 * an account in a snapshot, and a snapshot counts from its arrival.
 */
export const zeroHashBalance = z.looseObject({
  account_id: text,
  participant_code: text,
  account_owner: text,
  account_group: key,
  account_label: key,
  account_type: text,
  account_subtype: text,
  asset: key,
  balance: text,
  new_balance: text,
  run_id: text,
  run_type: text,
  run_timestamp: text,
  timestamp: text,
  updated: text,
  client_transfer_id: text,
  movements: z.array(zeroHashMovement).nullish(),
});
export type ZeroHashBalance = z.infer<typeof zeroHashBalance>;

/** The documentation has `messageType` in every example and `message_type` in its text. */
export const zeroHashFrame = z.looseObject({
  messageType: text,
  message_type: text,
  body: z.unknown().optional(),
});

/** `deposit.status_changed`. Its `account_id` is `participant.label`, not a UUID. */
export const zeroHashDeposit = z.looseObject({
  deposit_id: key,
  state: text,
  status: text,
  account_id: text,
  participant_code: text,
  account_label: text,
  asset: text,
  network: text,
  amount: text,
  transaction_hash: text,
  source_address: text,
  received_address: text,
  state_reason: reasons,
  timestamp: text,
});

const participant = z
  .looseObject({ participant_code: text, account_group: text, account_label: text })
  .nullish();
const paymentDetails = z
  .looseObject({
    withdrawal_request_id: identifier,
    trade_id: identifier,
    on_chain_transaction_id: text,
    network_fee_quantity: text,
    network_fee_amount: text,
    network_fee_asset: text,
    destination_address: text,
  })
  .nullish();

/** `payment_status_changed`: the bank shape and the crypto shape under one name. */
export const zeroHashPayment = z.looseObject({
  payment_id: identifier,
  transaction_id: identifier,
  payment_status: text,
  status: text,
  timestamp: text,
  created_at: text,
  updated_at: text,
  payment_type: text,
  type: text,
  participant_code: text,
  account_group: text,
  account_label: text,
  obo_participant: participant,
  payment_details: paymentDetails,
  asset: text,
  network: text,
  amount: text,
  quantity: text,
  total: text,
  quoted_currency: text,
  reference_id: text,
  reason_code: text,
  reason_description: text,
  reject_reasons: reasons,
});

/**
 * `payout.status_updated`: the payor, the payee and the payment. `resources.payment` has no id until
 * the payment exists.
 */
export const zeroHashPayout = z.looseObject({
  idempotency_key: text,
  sub_status: text,
  failure_reason: text,
  timestamp: text,
  created_at: text,
  updated_at: text,
  resources: z
    .looseObject({
      payor: z.looseObject({ participant_code: text, payor: participant }).nullish(),
      beneficiary: z
        .looseObject({
          participant_code: text,
          external_account: z.looseObject({ crypto_address: text }).nullish(),
        })
        .nullish(),
      payment: z
        .looseObject({
          payment_id: identifier,
          status: text,
          asset: text,
          network: text,
          destination_amount: text,
          total: text,
          quoted_asset: text,
          on_chain_transaction_id: text,
          payment_details: paymentDetails,
        })
        .nullish(),
    })
    .nullish(),
});

/** `deposit_fund_complete` and `crypto_pay_status_changed`. */
export const zeroHashFund = z.looseObject({
  fund_id: identifier,
  participant_code: text,
  account_label: text,
  fund_asset: text,
  asset: text,
  network: text,
  quantity: text,
  rate: text,
  notional: text,
  quoted_currency: text,
  deposit_address: text,
  source_address: text,
  transaction_id: text,
  fund_timestamp: text,
  deposit_timestamp: text,
  success: flag,
  status_reason: text,
  reason: text,
  status_reason_code: text,
  reason_code: text,
});

/** `trade.status_changed`, also `trade_status_changed`. */
export const zeroHashTrade = z.looseObject({
  trade_id: key,
  trade_state: text,
  state: text,
  status: text,
  timestamp: text,
});

/** Listed types that are not about balances, deposits, withdrawals or trades. */
export const zeroHashNotification = z.looseObject({
  participant_code: text,
  external_account_id: text,
  payout_id: text,
  external_account_status: text,
  participant_status: text,
  sub_status: text,
  status: text,
  timestamp: text,
});

/**
 * The envelope of Layer1's payloads. Its documentation uses null and a missing key alike. A treasury
 * notice is flat: it has `eventType` and no `data`.
 */
export const layer1Envelope = z.looseObject({
  event: text,
  eventType: text,
  timestamp: text,
  data: z.unknown().optional(),
});

const layer1Side = z.looseObject({ amount: text, address: text, asset: text });

const layer1NetworkDetail = z
  .looseObject({
    fee: z.looseObject({ asset: text, amount: text }).nullish(),
    block: z.looseObject({ number: text, timestamp: text }).nullish(),
  })
  .nullish();

const layer1Address = z
  .looseObject({ address: text, network: text, reference: text, customerId: text })
  .nullish();

const layer1Metadata = z
  .looseObject({ failure: z.looseObject({ reason: text, message: text }).nullish() })
  .nullish();

/** One leg of a transfer: the amount, or the fee. */
export const layer1Transfer = z.looseObject({
  id: key,
  status: key,
  type: text,
  asset: text,
  amount: text,
  hash: text,
  reference: text,
  address: layer1Address,
  sources: z.array(layer1Side).nullish(),
  destinations: z.array(layer1Side).nullish(),
  networkDetail: layer1NetworkDetail,
  metadata: layer1Metadata,
  createdAt: text,
  updatedAt: text,
});

/** Three funds of one asset at one address. */
export const layer1Balance = z.looseObject({
  reference: text,
  address: key,
  asset: key,
  funds: z.array(z.looseObject({ type: key, balance: key, delta: text })).min(1),
});

export const layer1Notification = z.looseObject({
  id: text,
  status: text,
  state: text,
  eventType: text,
});
