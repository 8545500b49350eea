import { type Scenario, zeroHashWebhook } from "./scenario.ts";

/** The example of the provider's page "Fund Transaction Update", with its contradiction kept. */
export const FUND_TRANSACTION: Scenario = {
  name: "fund-transaction",
  title: "deposit_fund_complete: 500 USDC converted, and a reason why they were not",
  steps: [
    zeroHashWebhook("deposit_fund_complete", {
      participant_code: "CUST01",
      fund_asset: "USDC",
      rate: "1",
      quoted_currency: "USD",
      deposit_address: "0x3A45a60c635E6cD616B1C4510404Eba88116050C",
      quantity: "500",
      notional: "500",
      fund_id: "5155f7c9-95cb-4556-ab89-c178943a7111",
      fund_timestamp: 1550174574,
      transaction_id: "a07407e8f98c21b037b4aa0cbc852b8489c5e122fcc3d4b33b7827d0605ad8ff",
      account_label: "general",
      success: true,
      status_reason:
        "deposit above maximum threshold. The deposit has not been converted to fiat and the crypto has been credited to the customer's account",
    }),
  ],
};
