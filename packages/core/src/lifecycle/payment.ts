import type { DataOf } from "@counterfoil/contracts/fact";

/** Bank payments by direction: an ACH `debit` pulls money in, a `credit` sends it out. */
export function isPayIn({ payment_type }: DataOf<"PaymentStatusReported">): boolean {
  return payment_type?.toLowerCase() === "debit";
}
