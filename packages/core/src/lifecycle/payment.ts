import type { DataOf } from "@counterfoil/contracts/fact";
import { called, distinct, entryOf, type FactReading, NOTHING_READ } from "./fact-reading.ts";
import type { Known } from "./lifecycle-fact.ts";
import { hashNames, ownerOf } from "./owner.ts";
import type { Words } from "./words.ts";

/** Bank payments by direction: an ACH `debit` pulls money in, a `credit` sends it out. */
export function isPayIn({ payment_type }: DataOf<"PaymentStatusReported">): boolean {
  return payment_type?.toLowerCase() === "debit";
}

/** What a payment is called and how it stands, whichever way it goes. */
export function readPayment(
  fact: Known<"PaymentStatusReported">,
  words: Words<string>,
): FactReading {
  const { payment, payment_id, transaction_id, transaction_hash, reference, status } = fact.data;
  return {
    ...NOTHING_READ,
    owner: ownerOf(fact.data),
    names: called("payment", payment, payment_id, transaction_id),
    aliases: distinct([reference, ...hashNames(transaction_hash)]),
    entries: [entryOf(fact, { words, word: status, source: "payment" })],
  };
}
