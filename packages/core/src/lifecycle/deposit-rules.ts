import type { DepositStage } from "@counterfoil/contracts/record";
import type { StageRules } from "./history.ts";

const ON_THE_WAY = ["detected", "unconfirmed", "confirmed", "screening", "held"] as const;

/**
 * A quarantined deposit may be taken up again and go anywhere (DOMAIN 5.1); of two words with one
 * time it is therefore the earlier one. A credited deposit has ended: what was credited is undone
 * by another movement, never by a status.
 */
export const DEPOSIT_RULES: StageRules<DepositStage> = {
  order: [...ON_THE_WAY, "quarantined", "credited", "failed", "rejected"],
  steps: {
    detected: {
      moves: [
        "unconfirmed",
        "confirmed",
        "screening",
        "held",
        "quarantined",
        "credited",
        "failed",
        "rejected",
      ],
      fills: [],
    },
    unconfirmed: {
      moves: ["confirmed", "screening", "held", "quarantined", "credited", "failed", "rejected"],
      fills: ["detected"],
    },
    confirmed: {
      moves: ["screening", "held", "quarantined", "credited", "failed", "rejected"],
      fills: ["detected", "unconfirmed"],
    },
    screening: {
      moves: ["held", "quarantined", "credited", "failed", "rejected"],
      fills: ["detected", "unconfirmed", "confirmed"],
    },
    held: {
      moves: ["quarantined", "credited", "failed", "rejected"],
      fills: ["detected", "unconfirmed", "confirmed", "screening"],
    },
    credited: { moves: [], fills: ON_THE_WAY },
    failed: { moves: [], fills: [] },
    rejected: { moves: [], fills: [] },
    quarantined: { moves: [...ON_THE_WAY, "credited", "failed", "rejected"], fills: [] },
  },
};
