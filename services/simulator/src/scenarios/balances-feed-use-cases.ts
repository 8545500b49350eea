import { feedSnapshot, feedUpdate, type Scenario } from "./scenario.ts";

const CUSTOMER_AVAILABLE = {
  account_id: "009bbe95-256b-423e-913f-139684017032",
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
};

const CUSTOMER_COLLATERAL = {
  ...CUSTOMER_AVAILABLE,
  account_id: "6c12b928-6bc0-4139-b9ea-ffa636c2a8b8",
  account_type: "collateral",
};

const DEPOSIT = feedUpdate({
  ...CUSTOMER_AVAILABLE,
  balance: "0.45",
  run_id: 94077,
  run_type: "deposit",
  movements: [
    {
      movement_timestamp: "2021-11-29T12:09:28.759838Z",
      movement_id: "e6b7d339-fcfe-480f-b910-2928995374d6",
      movement_type: "deposit",
      deposit_reference_id: "931eb628b2abf356c0a9d4ee9bc037ec27",
      change: "0.20000000",
    },
  ],
  run_timestamp: "2021-11-29T12:09:28.684765Z",
});

const PENDING_RUN = {
  run_id: 94087,
  run_type: "withdrawal",
};

const PENDING_ON_AVAILABLE = feedUpdate({
  ...CUSTOMER_AVAILABLE,
  balance: "0.35",
  ...PENDING_RUN,
  movements: [
    {
      movement_timestamp: "2021-11-29T12:37:06.534066Z",
      movement_id: "61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6",
      movement_type: "withdrawal_pending",
      change: "-0.10000000",
    },
  ],
  run_timestamp: "2021-11-29T12:37:06.478122Z",
});

const PENDING_ON_COLLATERAL = feedUpdate({
  ...CUSTOMER_COLLATERAL,
  balance: "0.1",
  ...PENDING_RUN,
  movements: [
    {
      movement_timestamp: "2021-11-29T12:37:06.534177Z",
      movement_id: "61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6",
      movement_type: "withdrawal_pending",
      change: "0.10000000",
    },
  ],
  run_timestamp: "2021-11-29T12:37:06.478122Z",
});

/** Older than the pending run, in its number and by a week: the page copied it from elsewhere. */
const CONFIRMING_RUN = {
  run_id: 85693,
  run_type: "withdrawal",
};

const CONFIRMED_ON_COLLATERAL = feedUpdate({
  ...CUSTOMER_COLLATERAL,
  // One character more than the same account has above.
  account_id: "6c12b928-6bc0-4139-b9ea-ffa636c2a8b88",
  balance: "0",
  ...CONFIRMING_RUN,
  movements: [
    {
      movement_timestamp: "2021-11-22T21:37:14.546253Z",
      movement_id: "66f1bec3-7179-4517-9507-7dfc62965b70",
      movement_type: "withdrawal_confirmed",
      change: "-0.10000000",
    },
  ],
  run_timestamp: "2021-11-22T21:37:14.441141Z",
});

const CONFIRMED_ON_AVAILABLE = feedUpdate({
  ...CUSTOMER_AVAILABLE,
  balance: "0.35",
  ...CONFIRMING_RUN,
  movements: [
    {
      movement_timestamp: "2021-11-22T21:37:14.546139Z",
      movement_id: "66f1bec3-7179-4517-9507-7dfc62965b70",
      movement_type: "withdrawal_confirmed",
      change: "0.10000000",
    },
    {
      movement_timestamp: "2021-11-22T21:37:14.550721Z",
      movement_id: "80fc5b9f-e25f-4a3d-b36a-6148f04711e3",
      movement_type: "withdrawal",
      change: "-0.10000000",
    },
  ],
  run_timestamp: "2021-11-22T21:37:14.441141Z",
});

/** "Use Cases" of the provider's page on the Balances Feed. */
export const BALANCES_FEED_USE_CASES: Scenario = {
  name: "balances-feed-use-cases",
  title: "Balances Feed: a deposit of 0.2 BTC, then a withdrawal of 0.1 BTC",
  steps: [
    feedSnapshot([
      {
        account_id: "db5ea9f1-e864-4ec2-93cc-f56a0d9ad665",
        participant_code: "ABC123",
        account_group: "ABC123",
        account_label: "general",
        account_type: "available",
        asset: "USD",
        balance: "100000",
      },
      { ...CUSTOMER_AVAILABLE, balance: ".25" },
    ]),
    DEPOSIT,
    PENDING_ON_AVAILABLE,
    PENDING_ON_COLLATERAL,
    CONFIRMED_ON_COLLATERAL,
    CONFIRMED_ON_AVAILABLE,
  ],
};
