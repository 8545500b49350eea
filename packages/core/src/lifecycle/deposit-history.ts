import type { DepositStage } from "@counterfoil/contracts/record";
import type { EntryDraft } from "./draft.ts";
import type { AnyKnown, Known } from "./leg.ts";
import { LAYER1_DEPOSIT, stageOfWord, ZERO_HASH_DEPOSIT } from "./words.ts";

/** What one leg of a deposit says. */
export function depositEntries(fact: AnyKnown): EntryDraft<DepositStage>[] {
  const entry = {
    occurred_at: fact.data.occurred_at ?? null,
    effective_at: fact.data.occurred_at ?? null,
    leg: fact.id,
    position: fact.state.position,
    deliveryId: fact.state.deliveryId,
  };
  switch (fact.type) {
    case "MovementRecorded":
      return [{ ...entry, source: "movement", stage: "credited", provider_status: "deposit" }];
    case "DepositStatusReported": {
      const words = fact.data.provider === "layer1" ? LAYER1_DEPOSIT : ZERO_HASH_DEPOSIT;
      const { status } = fact.data;
      return [
        { ...entry, source: "status", stage: stageOfWord(words, status), provider_status: status },
      ];
    }
    case "FundReported":
      return [{ ...entry, source: "fund", ...fundStep(fact) }];
    default:
      return [];
  }
}

/**
 * `success: false` says that nothing was converted; the deposit has been seen all the same, and
 * most often credited. Only a session that expired says that no money came (DOMAIN 5.3).
 */
function fundStep({ data }: Known<"FundReported">): {
  stage: DepositStage;
  provider_status: string;
  atLeast: boolean;
} {
  if (data.success) return { stage: "credited", provider_status: "success", atLeast: false };
  const provider_status = data.success === false ? "failure" : "unknown";
  return isExpired(data)
    ? { stage: "failed", provider_status, atLeast: false }
    : { stage: "detected", provider_status, atLeast: true };
}

const isExpired = ({ reason, reason_code }: Known<"FundReported">["data"]): boolean =>
  reason_code === "DEPOSIT_WINDOW_EXPIRED" || /\bsession\b.*\bexpired\b/i.test(reason ?? "");
