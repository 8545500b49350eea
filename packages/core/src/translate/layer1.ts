import type { ProviderFact } from "@counterfoil/contracts/fact";
import {
  layer1Balance,
  layer1Envelope,
  layer1Notification,
  layer1Transfer,
} from "@counterfoil/contracts/wire";
import { layer1AccountId } from "../account.ts";
import { add, formatMoney, moneyOf } from "../exact/money.ts";
import {
  compact,
  readAmount,
  readShape,
  readTime,
  type Stamp,
  stampFields,
  Unreadable,
} from "./translation.ts";

type Layer1Envelope = Readonly<{ event: string; at: string | undefined; data: unknown }>;

/**
 * Reads `{ event, timestamp, data }`. Only treasury notices are flat and do not name their event:
 * their `eventType` is `TREASURY_OPERATIONS_QUEUED` and the like.
 */
export function readEnvelope(value: unknown): Layer1Envelope {
  const envelope = readShape(layer1Envelope, value, "envelope");
  const printed = envelope.event ?? (envelope.eventType && "layer1:treasury:notice");
  if (printed === undefined) throw new Unreadable("shape", "event is missing");
  const at = readTime(envelope.timestamp, "timestamp");
  return { event: layer1Event(printed), at, data: envelope.data ?? value };
}

/** Gives all spellings of an event the same name, such as `layer1:digital:deposit:statusChange`. */
export function layer1Event(printed: string): string {
  return printed
    .replace(/^layer1:digital:/, "layer1:crypto:")
    .replace(/:statusChange$/, ":status-change")
    .replace(/:stateChanged$/, ":state-changed")
    .replace(/:voteRequired$/, ":vote-required")
    .replace(/:statusChanged$/, ":status-changed");
}

/** 32 hex digits of the transfer, 32 of the address, 2 of the leg's letter. */
const TRANSFER_ID = /^([0-9a-f]{32})[0-9a-f]{32}([0-9a-f]{2})$/i;
const FEE_LEG = "66";

const transferOf = (id: string): string => TRANSFER_ID.exec(id)?.[1]?.toLowerCase() ?? id;

function readTransfer(data: unknown) {
  const transfer = readShape(layer1Transfer, data, "transfer");
  const fee = transfer.networkDetail?.fee;
  const failure = transfer.metadata?.failure;
  return {
    transfer,
    common: {
      provider: "layer1" as const,
      leg_id: transfer.id,
      status: transfer.status,
      asset: transfer.asset,
      network: transfer.address?.network,
      amount: readAmount(transfer.amount, "amount"),
      fee: readAmount(fee?.amount, "networkDetail.fee.amount"),
      fee_asset: fee?.asset,
      transaction_hash: transfer.hash,
      reference: transfer.reference,
      reason: failure?.message,
      reason_code: failure?.reason,
    },
  };
}

const timeOf = (at: string | undefined, updatedAt: string | undefined): string | undefined =>
  at ?? readTime(updatedAt, "updatedAt");

export function readLayer1Deposit({ at, data }: Layer1Envelope, stamp: Stamp): ProviderFact {
  const { transfer, common } = readTransfer(data);
  return {
    type: "DepositStatusReported",
    data: compact({
      ...common,
      deposit_id: transferOf(transfer.id),
      occurred_at: timeOf(at, transfer.updatedAt),
      source_address: transfer.sources?.find((source) => source.address)?.address,
      received_address: transfer.address?.address,
      ...stampFields(stamp),
    }),
  };
}

export function readLayer1Withdrawal({ at, data }: Layer1Envelope, stamp: Stamp): ProviderFact {
  const { transfer, common } = readTransfer(data);
  const isFee = TRANSFER_ID.exec(transfer.id)?.[2] === FEE_LEG;
  return {
    type: "WithdrawalStatusReported",
    data: compact({
      ...common,
      withdrawal_id: transferOf(transfer.id),
      leg: isFee ? ("fee" as const) : ("amount" as const),
      occurred_at: timeOf(at, transfer.updatedAt),
      source_address: transfer.address?.address,
      destination_address: transfer.destinations?.find((to) => to.address)?.address,
      ...stampFields(stamp),
    }),
  };
}

/** One fact per fund: AVAILABLE, RESERVED and BLOCKCHAIN are separate accounts. */
export function readLayer1Balance({ at, data }: Layer1Envelope, stamp: Stamp): ProviderFact[] {
  const message = readShape(layer1Balance, data, "balance");
  if (at === undefined) throw new Unreadable("shape", "timestamp is missing");
  const funds = message.funds.map((fund) => ({
    type: fund.type.toUpperCase(),
    balance: readAmount(fund.balance, "balance"),
    change: readAmount(fund.delta, "delta"),
  }));
  const balanceOf = (type: string) => funds.find((fund) => fund.type === type)?.balance;
  const [available, reserved] = [balanceOf("AVAILABLE"), balanceOf("RESERVED")];
  const total =
    available === undefined || reserved === undefined
      ? undefined
      : formatMoney(add(moneyOf(available), moneyOf(reserved)));
  return funds.map((fund) => ({
    type: "FundsReported",
    data: compact({
      provider: "layer1" as const,
      account: layer1AccountId(message.address, message.asset, fund.type),
      reference: message.reference,
      balance: fund.balance,
      change: fund.change,
      expected_balance: fund.type === "BLOCKCHAIN" ? total : undefined,
      occurred_at: at,
      received_at: stamp.received_at,
      translation: stamp.translation,
    }),
  }));
}

export function readLayer1Notification(envelope: Layer1Envelope, stamp: Stamp): ProviderFact {
  const notification = readShape(layer1Notification, envelope.data, "notification");
  return {
    type: "NotificationRecorded",
    data: compact({
      provider: "layer1" as const,
      payload_type: envelope.event,
      status: notification.status ?? notification.state ?? notification.eventType,
      about: notification.id,
      occurred_at: envelope.at,
      ...stampFields(stamp),
    }),
  };
}
