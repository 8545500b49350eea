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

/** Legs that share one of these lie in one cluster: enough for `withdrawalsOf` to see it whole. */
export function withdrawalKeys(leg: Leg): string[] {
  const fact = known(leg);
  if (fact.type === "BalanceReported") {
    return fact.data.run_id === undefined ? [] : [nodeKey(fact.data.account, fact.data.run_id)];
  }
  const keys = namesOf(fact).map(({ kind, name }) =>
    kind === "movement" ? `movement:${name}` : `id:${name}`,
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

/** What a leg calls the withdrawal. Clusters know less than joins: there all but movements are ids. */
function namesOf(fact: AnyKnown): Name[] {
  switch (fact.type) {
    case "MovementRecorded":
      return names({
        movement: [fact.data.movement_id],
        request: [fact.data.withdrawal_request_id],
      });
    case "WithdrawalStatusReported": {
      const { provider, withdrawal_id } = fact.data;
      return names({ [provider === "layer1" ? "transfer" : "request"]: [withdrawal_id] });
    }
    case "PaymentStatusReported": {
      const { payment, payment_id, transaction_id, withdrawal_request_id } = fact.data;
      return names({
        payment: [payment, payment_id, transaction_id],
        request: [withdrawal_request_id],
      });
    }
    default:
      return [];
  }
}

function names(byKind: Partial<Record<Name["kind"], readonly (string | undefined)[]>>): Name[] {
  return Object.entries(byKind).flatMap(([kind, called]) =>
    called.flatMap((name) => (name === undefined ? [] : [{ kind: kind as Name["kind"], name }])),
  );
}

/** The request that a leg names, if any. */
export function requestOf(fact: AnyKnown): string | undefined {
  return namesOf(fact).find(({ kind }) => kind === "request")?.name;
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
