import { type Amount, formatAmount } from "../../decimal.ts";
import { isoTime } from "../../time.ts";
import type { HistoryMessage, Layer1Funds, Layer1Report } from "../history.ts";
import type { Layer1Address } from "../layer1-accounts.ts";

/** Layer1 prints at least two decimals. */
const DECIMALS_MIN = 2;

export function layer1BalanceMessage(report: Layer1Report, reference: string): HistoryMessage {
  const fund = (type: string, key: keyof Layer1Funds) => ({
    type,
    balance: formatAmount(report.funds[key], DECIMALS_MIN),
    delta: formatAmount(report.deltas[key], DECIMALS_MIN),
  });
  return {
    provider: "layer1",
    layer1Report: report,
    get webhook() {
      return layer1Webhook("layer1:digital:balance:updated", report.atNs, {
        reference,
        address: report.address,
        asset: report.asset,
        funds: [
          fund("AVAILABLE", "available"),
          fund("BLOCKCHAIN", "blockchain"),
          fund("RESERVED", "reserved"),
        ],
      });
    },
  };
}

export type Layer1TransferFacts = Readonly<{
  kind: "deposit" | "withdrawal";
  /** As some page of the provider spells the event of this transfer. */
  event: string;
  transferId: string;
  address: Layer1Address;
  asset: string;
  amount: Amount;
  fee: Amount | null;
  hash: string;
  otherAddress: string;
  reference: string | null;
  createdAtNs: bigint;
}>;

export type Layer1Progress = Readonly<{
  status: string;
  atNs: bigint;
  /** From the broadcast on. */
  hasHash: boolean;
  /** From the first block on. */
  inBlock: boolean;
  failure?: Readonly<{ reason: string; message: string }>;
}>;

/** One leg of a transfer: `o`utput for deposits, `i`nput and `f`ee for withdrawals, as hex ASCII. */
export type Leg = "6f" | "69" | "66";

export function layer1StatusMessage(
  transfer: Layer1TransferFacts,
  leg: Leg,
  progress: Layer1Progress,
): HistoryMessage {
  return {
    provider: "layer1",
    get webhook() {
      return layer1Webhook(transfer.event, progress.atNs, dataOf(transfer, leg, progress));
    },
  };
}

function dataOf(transfer: Layer1TransferFacts, leg: Leg, progress: Layer1Progress) {
  const { address, asset, amount, fee } = transfer;
  const { customerId, ...addressFields } = address;
  const isDeposit = transfer.kind === "deposit";
  return {
    id: `${transfer.transferId}${address.id.replaceAll("-", "")}${leg}`,
    hash: progress.hasHash ? transfer.hash : null,
    type: isDeposit ? "DEPOSIT" : "WITHDRAWAL",
    asset,
    amount: formatAmount(leg === "66" ? (fee ?? 0n) : amount, DECIMALS_MIN),
    status: progress.status,
    address: customerId === null ? addressFields : { ...addressFields, customerId },
    // Deposits without a reference lack the key, as on one page; withdrawals print theirs.
    ...(isDeposit ? {} : { reference: transfer.reference }),
    sources: sourcesOf(transfer, progress),
    destinations: isDeposit
      ? [{ amount: formatAmount(amount, DECIMALS_MIN), address: address.address }]
      : null,
    ...networkDetailOf(transfer, progress),
    metadata: progress.failure === undefined ? null : { failure: progress.failure },
    createdAt: isoTime(transfer.createdAtNs, 3),
    updatedAt: isoTime(progress.atNs, 6),
  };
}

/** Once in a block, a deposit's source shows amount and fee in one sum. */
function sourcesOf(transfer: Layer1TransferFacts, { inBlock }: Layer1Progress) {
  const { amount, fee, otherAddress, address } = transfer;
  const print = (value: Amount) => formatAmount(value, DECIMALS_MIN);
  if (transfer.kind === "deposit") {
    return [{ amount: print(inBlock ? amount + (fee ?? 0n) : amount), address: otherAddress }];
  }
  const amountSource = { address: address.address, amount: print(amount) };
  return fee === null
    ? [amountSource]
    : [{ address: address.address, amount: print(fee) }, amountSource];
}

function networkDetailOf({ fee, asset }: Layer1TransferFacts, progress: Layer1Progress) {
  if (!progress.inBlock || fee === null) return {};
  const block = {
    number: 6_046_664 + Number((progress.atNs / 12_000_000_000n) % 1_000_000n),
    timestamp: `${isoTime(progress.atNs, 3).slice(0, 19)}Z`,
  };
  return { networkDetail: { fee: { asset, amount: formatAmount(fee, DECIMALS_MIN) }, block } };
}

function layer1Webhook(event: string, atNs: bigint, data: object) {
  return {
    payloadType: event,
    body: JSON.stringify({ event, timestamp: isoTime(atNs, 9), data }),
  };
}
