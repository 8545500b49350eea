import type { WithdrawalStage } from "@counterfoil/contracts/record";
import type { StageRules } from "./history.ts";

/**
 * A settled bank payment may still be returned (60 days, DOMAIN 4.3). A request that failed or was
 * rejected gives its hold back, before or after the status says so: `returned` is where both end.
 */
export const WITHDRAWAL_RULES: StageRules<WithdrawalStage> = {
  order: [
    "requested",
    "pending",
    "approved",
    "broadcast",
    "confirmed",
    "settled",
    "failed",
    "rejected",
    "returned",
  ],
  steps: {
    requested: {
      moves: [
        "pending",
        "approved",
        "broadcast",
        "confirmed",
        "settled",
        "failed",
        "rejected",
        "returned",
      ],
      fills: [],
    },
    pending: {
      moves: ["approved", "broadcast", "confirmed", "settled", "failed", "rejected", "returned"],
      fills: ["requested"],
    },
    approved: {
      moves: ["broadcast", "confirmed", "settled", "failed", "rejected", "returned"],
      fills: ["requested", "pending"],
    },
    broadcast: {
      moves: ["confirmed", "settled", "failed", "rejected", "returned"],
      fills: ["requested", "pending", "approved"],
    },
    confirmed: {
      moves: ["settled", "failed", "rejected", "returned"],
      fills: ["requested", "pending", "approved", "broadcast"],
    },
    settled: {
      moves: ["returned"],
      fills: ["requested", "pending", "approved", "broadcast", "confirmed"],
    },
    failed: { moves: ["returned"], fills: [] },
    rejected: { moves: ["returned"], fills: [] },
    returned: { moves: [], fills: ["failed", "rejected"] },
  },
};
