import { feedSnapshot, feedUpdate, type Scenario, zeroHashWebhook } from "./scenario.ts";

const PLATFORM_AVAILABLE = {
  account_id: "db5ea9f1-e864-4ec2-93cc-f56a0d9ad665",
  participant_code: "ABC123",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
};

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

/** Older than the pending run, by number and by a week: probably copied from another example. */
const CONFIRMING_RUN = {
  run_id: 85693,
  run_type: "withdrawal",
};

const CONFIRMED_ON_COLLATERAL = feedUpdate({
  ...CUSTOMER_COLLATERAL,
  // One character more than the id of the same account above.
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
      { ...PLATFORM_AVAILABLE, asset: "USD", balance: "100000" },
      { ...CUSTOMER_AVAILABLE, balance: ".25" },
    ]),
    DEPOSIT,
    PENDING_ON_AVAILABLE,
    PENDING_ON_COLLATERAL,
    CONFIRMED_ON_COLLATERAL,
    CONFIRMED_ON_AVAILABLE,
  ],
};

const GENERIC_CUSTOMER_ACCOUNT = {
  ...CUSTOMER_AVAILABLE,
  account_id: "a5d09f5d-6638-46be-b0fd-1c5243660f2c",
  asset: "USD",
  balance: "1360000",
};

const GENERIC_UPDATE = feedUpdate({
  ...CUSTOMER_AVAILABLE,
  // Stated although the movements add up to zero and no balance was stated before.
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
 * id and another balance to one run, so they need a separate ledger.
 */
export const BALANCES_FEED_GENERIC: Scenario = {
  name: "balances-feed-generic",
  title: "Balances Feed: the generic examples (a ledger of their own)",
  steps: [
    feedSnapshot([
      { ...PLATFORM_AVAILABLE, asset: "BTC", balance: "12.5" },
      GENERIC_CUSTOMER_ACCOUNT,
    ]),
    GENERIC_UPDATE,
  ],
};

const PAYLOAD_TYPE = "account_balance.changed";

const DEPOSIT_WEBHOOK = zeroHashWebhook(PAYLOAD_TYPE, {
  account_group: "PLAT01",
  account_label: "general",
  account_type: "available",
  asset: "USD",
  balance: "10",
  movements: [
    {
      account_id: "363d0c5f-1163-47c9-8de2-97cfbecdd1e6",
      change: "10.00",
      deposit_reference_id: "be2e16a9-32a7-4e25-b255-031a17c7615b",
      movement_id: "bcc65fa1-1a1d-4a77-9f0b-cad3968b50db",
      movement_timestamp: 1746112989822,
      movement_type: "deposit",
    },
  ],
  participant_code: "PART01",
  run_id: "4149614",
  run_type: "deposit",
  // Seconds, where the others have milliseconds, and a month before its movement.
  timestamp: 1743593652,
});

const WITHDRAWAL_WEBHOOK = zeroHashWebhook(PAYLOAD_TYPE, {
  account_group: "N2833C",
  account_label: "general",
  account_type: "collateral",
  asset: "SOL",
  balance: "0.01",
  movements: [
    {
      account_id: "a33bb05d-7e06-4069-921d-a83deebfc319",
      change: "0.01",
      movement_id: "c979b77b-80a0-49da-b287-0cc044731954",
      movement_timestamp: 1746113199139,
      movement_type: "withdrawal_pending",
      withdrawal_request_id: "44b23087-8845-4667-9fa8-03b7055dba6b",
    },
  ],
  participant_code: "PART01",
  run_id: "4150535",
  run_type: "withdrawal",
  timestamp: 1746113199073,
});

const TRANSFER_WEBHOOK = zeroHashWebhook(PAYLOAD_TYPE, {
  account_group: "F12JE6",
  account_label: "general",
  account_type: "available",
  asset: "USD",
  balance: "5",
  movements: [
    {
      account_id: "efeb40fe-aaf1-4132-8fbc-036e7612f7db",
      change: "5",
      movement_id: "b96daa8d-960a-4c50-acc1-af9c1c9c178b",
      movement_timestamp: 1746112183373,
      movement_type: "transfer",
      transfer_request_id: "339910",
      transfer_type: "trade_allocation",
    },
  ],
  participant_code: "45JM2Q",
  run_id: "4150531",
  run_type: "transfer",
  timestamp: 1746112183373,
});

const TRADE_WEBHOOK = zeroHashWebhook(PAYLOAD_TYPE, {
  account_group: "F12JE6",
  account_label: "general",
  account_type: "available",
  asset: "BTC",
  balance: "0.00015102",
  movements: [
    {
      account_id: "5c01c19f-507b-43cf-a370-a8e6de1a71ac",
      change: "0.00005134",
      movement_id: "f16e0fad-e573-46da-a3a1-465a5a348648",
      movement_timestamp: 1746112200938,
      movement_type: "final_settlement_outstanding",
      trade_id: "829ddc5b-c299-4bd1-b4ca-f0b3f9875371",
    },
  ],
  participant_code: "45JM2Q",
  run_id: "4150532",
  run_type: "settlement",
  timestamp: 1746112200847,
});

/** The four examples of the provider's page on `account_balance.changed`. */
export const ACCOUNT_BALANCE_WEBHOOKS: Scenario = {
  name: "account-balance-webhooks",
  title: "account_balance.changed: deposit, withdrawal, transfer and trade movements",
  steps: [DEPOSIT_WEBHOOK, WITHDRAWAL_WEBHOOK, TRANSFER_WEBHOOK, TRADE_WEBHOOK],
};
