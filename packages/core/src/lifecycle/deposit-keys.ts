import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import { accountParts } from "../account.ts";
import type { FactData } from "../ingest/fact-state.ts";
import { normalHash, splitAsset } from "./facets.ts";
import { type AnyKnown, known, type Leg } from "./leg.ts";

/** The movement by which a deposit is booked. */
export const DEPOSIT_MOVEMENT = "deposit";

/** Whether the deposits model keeps this fact. */
export function isDepositLeg(type: ProviderFactType, data: FactData): boolean {
  if (type === "MovementRecorded") {
    const { provider, movement_type, change } = data as DataOf<"MovementRecorded">;
    // A `deposit` that takes is a correction of the balance, no deposit.
    return provider === "zerohash" && movement_type === DEPOSIT_MOVEMENT && isPositive(change);
  }
  return type === "DepositStatusReported" || type === "FundReported";
}

const isPositive = (change: string): boolean => change !== "0" && !change.startsWith("-");

/**
 * Legs that share one of these lie in one cluster: enough for `depositsOf` to see it whole. Ids
 * that a record may have are keys as they are, so that no two clusters give one id away twice.
 */
export function depositKeys(leg: Leg): string[] {
  const fact = known(leg);
  const name = nameOf(fact);
  const itsClass = classOf(fact)?.key;
  const stated = name.kind === "deposit" ? `id:${name.id}` : `id:${name.kind}:${name.id}`;
  return itsClass === undefined ? [stated] : [stated, itsClass];
}

/** Legs that share this are stated to be one deposit. */
export function statedKey(fact: AnyKnown): string {
  const { kind, id } = nameOf(fact);
  // A deposit_id and a transfer are ids of two providers.
  return kind === "deposit" ? `deposit:${fact.data.provider}:${id}` : `${kind}:${id}`;
}

type Name = Readonly<{ kind: "deposit" | "movement" | "fund" | "leg"; id: string }>;

function nameOf(fact: AnyKnown): Name {
  switch (fact.type) {
    case "DepositStatusReported":
      return { kind: "deposit", id: fact.data.deposit_id };
    case "MovementRecorded":
      return { kind: "movement", id: fact.data.movement_id };
    case "FundReported":
      return { kind: "fund", id: fact.data.fund };
    default:
      return { kind: "leg", id: fact.id };
  }
}

/** What two reports of one deposit agree in; the network only where both know it. */
export type DepositClass = Readonly<{ key: string; network: string | undefined }>;

/** null where the leg does not say enough: without a hash, or without an amount, nothing joins. */
export function classOf(fact: AnyKnown): DepositClass | null {
  const said = sayingOf(fact);
  if (said === null) return null;
  const { participant, label, asset, amount, hash } = said;
  if (!participant || !asset || !amount || !hash) return null;
  const { base, network } = splitAsset(asset);
  const parts = [participant, label ?? "general", base, amount, normalHash(hash)];
  return { key: `class:${JSON.stringify(parts)}`, network: said.network ?? network };
}

type Saying = Readonly<
  Record<"participant" | "label" | "asset" | "network" | "amount" | "hash", string | undefined>
>;

function sayingOf(fact: AnyKnown): Saying | null {
  if (fact.data.provider !== "zerohash") return null;
  switch (fact.type) {
    case "MovementRecorded":
      return movementSaying(fact.data);
    case "DepositStatusReported": {
      const { participant_code, account_label, asset, network, amount } = fact.data;
      const hash = fact.data.transaction_hash;
      return { participant: participant_code, label: account_label, asset, network, amount, hash };
    }
    case "FundReported": {
      const { participant_code, account_label, asset, network, quantity } = fact.data;
      const hash = fact.data.transaction_hash;
      return {
        participant: participant_code,
        label: account_label,
        asset,
        network,
        amount: quantity,
        hash,
      };
    }
    default:
      return null;
  }
}

function movementSaying({
  account,
  change,
  deposit_reference_id,
}: DataOf<"MovementRecorded">): Saying {
  const { participant_code, account_label, asset } = accountParts(account);
  return {
    participant: participant_code ?? undefined,
    label: account_label ?? undefined,
    asset,
    network: undefined,
    amount: change,
    hash: deposit_reference_id,
  };
}
