import { type Scenario, type ScenarioStep, zeroHashWebhook } from "./scenario.ts";

const DEPOSIT = {
  deposit_id: "7f0f1f3e-0a53-4c1f-9a4b-6f3c0d0f7d52",
  // Participant and label, where other messages have the account's UUID.
  account_id: "PART123.general",
  participant_code: "PART123",
  asset: "ETH",
  amount: "1.25",
  transaction_hash: "0x5fee8f91e72d6baba7b95af5a031ea3b3e1ae527009f401b5403a3c2f3294530",
  source_address: "0xae9e8a1235e1113f936a38492c70fbb4ee297cdb",
  received_address: "0xf6483454996bce404d62656eb3cbcf87232dc153",
};

function depositStep(state: string, timestampSeconds: number): ScenarioStep {
  return zeroHashWebhook("deposit.status_changed", {
    ...DEPOSIT,
    state,
    timestamp: timestampSeconds,
  });
}

export const DEPOSIT_STATUS: Scenario = {
  name: "deposit-status",
  title: "deposit.status_changed: from the first sight on chain to the credit",
  steps: [
    depositStep("initial", 1777456800),
    depositStep("confirmed", 1777456983),
    depositStep("pending_compliance_review", 1777456984),
    depositStep("pending_settlement", 1777460591),
    depositStep("completed", 1777460593),
  ],
};
