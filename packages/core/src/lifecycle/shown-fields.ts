import type { DepositRecord, WithdrawalRecord } from "@counterfoil/contracts/record";
import { splitAsset } from "./owner.ts";
import { type Fields, said } from "./record-fields.ts";

/** A record but for its id, its link, what its history says, and what depends on the stream. */
export type OwnFields<Record extends WithdrawalRecord | DepositRecord> = Omit<
  Record,
  | "id"
  | "link"
  | "stage"
  | "provider_status"
  | "opened_at"
  | "updated_at"
  | "stuck"
  | "position"
  | "history"
  | "history_length"
>;

/** Whose it is, and in what. */
export function holderFields(fields: Fields) {
  const asset = said(fields, "asset");
  return {
    provider: providerOf(fields),
    participant_code: said(fields, "participant_code"),
    account_group: said(fields, "account_group"),
    account_label: said(fields, "account_label"),
    asset,
    network: said(fields, "network") ?? splitAsset(asset ?? "").network ?? null,
  };
}

export const providerOf = (fields: Fields): "layer1" | "zerohash" =>
  said(fields, "provider") === "layer1" ? "layer1" : "zerohash";

type Fee = Readonly<{ fee?: string | undefined; fee_asset?: string | undefined }>;

/** A fee and its asset are one saying. */
export const feeText = ({ fee, fee_asset }: Fee): string | undefined =>
  fee === undefined ? undefined : JSON.stringify([fee, fee_asset ?? null]);

/** The fee of `feeText`. */
export function paidFee(fields: Fields) {
  const [fee, fee_asset] = JSON.parse(said(fields, "paid_fee") ?? "[null,null]");
  return { fee, fee_asset } as Readonly<{ fee: string | null; fee_asset: string | null }>;
}
