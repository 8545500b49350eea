import { feedSnapshot, feedUpdate, type Scenario } from "./scenario.ts";

const PLATFORM_ACCOUNT = {
  account_id: "db5ea9f1-e864-4ec2-93cc-f56a0d9ad665",
  participant_code: "ABC123",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
  balance: "12.5",
};

const CUSTOMER_ACCOUNT = {
  account_id: "a5d09f5d-6638-46be-b0fd-1c5243660f2c",
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "USD",
  balance: "1360000",
};

const UPDATE = feedUpdate({
  account_id: "009bbe95-256b-423e-913f-139684017032",
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
  // Stated although the movements add up to nothing and no balance stood before.
  balance: "0.00131",
  run_id: 85693,
  run_type: "withdrawal",
  movements: [
    {
      movement_timestamp: "2021-11-22T21:37:14.546139Z",
      movement_id: "66f1bec3-7179-4517-9507-7dfc62965b70",
      movement_type: "withdrawal_confirmed",
      change: "0.1000",
    },
    {
      movement_timestamp: "2021-11-22T21:37:14.550721Z",
      movement_id: "80fc5b9f-e25f-4a3d-b36a-6148f04711e3",
      movement_type: "withdrawal",
      change: "-0.1000",
    },
  ],
  run_timestamp: "2021-11-22T21:37:14.441141Z",
});

/**
 * The message examples above "Use Cases" on the same page. They give another asset to one account
 * id and another balance to one run, so they need a ledger of their own.
 */
export const BALANCES_FEED_GENERIC: Scenario = {
  name: "balances-feed-generic",
  title: "Balances Feed: the generic examples (a ledger of their own)",
  steps: [feedSnapshot([PLATFORM_ACCOUNT, CUSTOMER_ACCOUNT]), UPDATE],
};
