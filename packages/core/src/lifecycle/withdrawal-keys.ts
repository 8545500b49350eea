import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import type { FactData } from "../ingest/fact-state.ts";
import { type AnyKnown, known, type Leg } from "./leg.ts";
import { WITHDRAWAL_MOVEMENT } from "./words.ts";

type Movement = DataOf<"MovementRecorded">;

/**
 * Whether the withdrawals model keeps this fact. Reports make no record: they give runs their
 * order and say that a run's movements on an account are complete.
 */
export function isWithdrawalLeg(type: ProviderFactType, data: FactData): boolean {
  switch (type) {
    case "MovementRecorded": {
      const { provider, movement_type } = data as Movement;
      return (
        provider === "zerohash" &&
        movement_type !== undefined &&
        Object.hasOwn(WITHDRAWAL_MOVEMENT, movement_type)
      );
    }
    case "BalanceReported":
      return isWithdrawalReport(data as DataOf<"BalanceReported">);
    case "WithdrawalStatusReported":
    case "PaymentStatusReported":
      // Payments of both directions: what the provider calls a debit is the case in which a
      // settled payment comes back, and no other model would show it (DOMAIN 4.3).
      return true;
    default:
      return false;
  }
}

function isWithdrawalReport(report: DataOf<"BalanceReported">): boolean {
  if (report.provider !== "zerohash" || report.run_id === undefined) return false;
  if (report.run_type === undefined || report.run_type === WITHDRAWAL_RUN) return true;
  return accountTypeOf(report.account) === "collateral";
}

const WITHDRAWAL_RUN = "withdrawal";

/** Whether the report that follows this movement would be kept as a leg. */
export function isReportKept({ run_type }: Movement): boolean {
  return run_type === undefined || run_type === WITHDRAWAL_RUN;
}

/**
 * Legs that share one of these lie in one cluster: enough for `withdrawalsOf` to see it whole. Ids
 * that a record may have are keys as they are, so that no two clusters give one id away twice.
 */
export function withdrawalKeys(leg: Leg): string[] {
  const fact = known(leg);
  if (fact.type === "BalanceReported") {
    return fact.data.run_id === undefined ? [] : [nodeKey(fact.data.account, fact.data.run_id)];
  }
  const keys = namesOf(fact).map(({ kind, name }) =>
    kind === "movement" ? `id:movement:${name}` : `id:${name}`,
  );
  if (fact.type === "MovementRecorded") {
    keys.push(movementClass(fact.data), nodeKey(fact.data.account, fact.data.run_id));
  }
  return [...new Set(keys)];
}

/** Legs that share one of these are stated to be one withdrawal. */
export function statedKeys(fact: AnyKnown): string[] {
  return namesOf(fact).map(({ kind, name }) => `${kind}:${name}`);
}

type Name = Readonly<{ kind: "movement" | "request" | "payment" | "transfer"; name: string }>;

/** What a leg calls the withdrawal. */
function namesOf(fact: AnyKnown): Name[] {
  const request = called("request", requestOf(fact));
  switch (fact.type) {
    case "MovementRecorded":
      return [...called("movement", fact.data.movement_id), ...request];
    case "WithdrawalStatusReported":
      return request.length > 0 ? request : called("transfer", fact.data.withdrawal_id);
    case "PaymentStatusReported": {
      const { payment, payment_id, transaction_id } = fact.data;
      return [...called("payment", payment, payment_id, transaction_id), ...request];
    }
    default:
      return [];
  }
}

function called(kind: Name["kind"], ...names: (string | undefined)[]): Name[] {
  return names.flatMap((name) => (name === undefined ? [] : { kind, name }));
}

/** The request that a leg names, if any; Layer1 has transfers. */
export function requestOf(fact: AnyKnown): string | undefined {
  switch (fact.type) {
    case "MovementRecorded":
    case "PaymentStatusReported":
      return fact.data.withdrawal_request_id;
    case "WithdrawalStatusReported":
      return fact.data.provider === "layer1" ? undefined : fact.data.withdrawal_id;
    default:
      return undefined;
  }
}

/** Movements of one class may be one withdrawal: all the same but the account's type. */
export function movementClass({ account, change }: Movement): string {
  const [, participant, group, label, , asset] = account.split(":");
  return `class:${participant}:${group}:${label}:${asset}:${change.replace(/^-/, "")}`;
}

/** A run on one account: what one message tells. */
export function nodeKey(account: string, runId: string): string {
  return `node:${account}:${runId}`;
}

/** Its account's fourth part; ids are escaped, so they split at their colons. */
export function accountTypeOf(account: string): string {
  return account.split(":")[4] ?? "";
}
