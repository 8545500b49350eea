import { layer1Webhook, type Scenario, type ScenarioStep } from "./scenario.ts";

const DEPOSIT_ADDRESS = {
  reference: "First Eth Address",
  address: "0xc4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9",
};

const SENT = "0.20";
/** From the second event on, the source shows the sum of amount and fee. */
const SENT_WITH_FEE = "0.200234653675781";

const NETWORK_DETAIL = {
  fee: { asset: "ETH", amount: "0.000234653675781" },
  block: { number: 6046664, timestamp: "2024-06-05T20:39:24Z" },
};

function depositStep(status: string, at: string, updatedAt: string): ScenarioStep {
  const isSeenOnly = status === "DETECTED";
  return layer1Webhook({
    event: "layer1:digital:deposit:status-change",
    timestamp: at,
    data: {
      id: "018fea20a69e7cc58066f8d03362e797d18a869f191944a09e5e784d7ca8f45a6f",
      hash: "0x8d49dad00612517e5fdf9ca896c4aded5a46c30226cd44f4f0c26b4c65ae63fe",
      type: "DEPOSIT",
      asset: "ETH",
      amount: SENT,
      status,
      address: {
        id: "d18a869f-1919-44a0-9e5e-784d7ca8f45a",
        address: DEPOSIT_ADDRESS.address,
        network: "ETHEREUM",
        keyPairId: "44cf54df-93e9-4dd9-84c9-e96f0cf90f3e",
        reference: DEPOSIT_ADDRESS.reference,
        customerId: "customerOne",
        assetPoolId: "2be1cc9c-a5af-47e2-9dba-b7b82317e600",
      },
      sources: [
        {
          amount: isSeenOnly ? SENT : SENT_WITH_FEE,
          address: "0x84a4a239805d06c685219801b82bea7c76702214",
        },
      ],
      createdAt: "2024-06-05T20:39:19.454Z",
      updatedAt,
      destinations: [{ amount: SENT, address: DEPOSIT_ADDRESS.address }],
      ...(isSeenOnly ? {} : { networkDetail: NETWORK_DETAIL }),
    },
  });
}

/** The seven webhooks of the provider's page, in the order of their own times. */
export const LAYER1_DEPOSIT: Scenario = {
  name: "layer1-deposit",
  title: "Layer1: a deposit of 0.20 ETH, detected, confirmed, screened, available",
  steps: [
    depositStep("DETECTED", "2024-06-05T20:39:19.602586984Z", "2024-06-05T20:39:19.528756Z"),
    depositStep("UNCONFIRMED", "2024-06-05T20:39:26.724877059Z", "2024-06-05T20:39:26.683343Z"),
    depositStep("CONFIRMED", "2024-06-05T20:40:16.893418347Z", "2024-06-05T20:40:16.867302Z"),
    balanceStep(DEPOSIT_ADDRESS, "2024-06-05T20:40:16.941138099Z", [
      { type: "AVAILABLE", balance: "0.00", delta: "0.00" },
      { type: "BLOCKCHAIN", balance: "0.20", delta: "0.20" },
      { type: "RESERVED", balance: "0.20", delta: "0.20" },
    ]),
    depositStep(
      "SCREENING_REQUESTED",
      "2024-06-05T20:40:17.112592654Z",
      "2024-06-05T20:40:16.973137Z",
    ),
    balanceStep(DEPOSIT_ADDRESS, "2024-06-05T20:40:31.395066159Z", [
      { type: "AVAILABLE", balance: "0.20", delta: "0.20" },
      { type: "BLOCKCHAIN", balance: "0.20", delta: "0.00" },
      { type: "RESERVED", balance: "0.00", delta: "-0.20" },
    ]),
    depositStep("SUCCESS", "2024-06-05T20:40:31.419360016Z", "2024-06-05T20:40:31.380741Z"),
  ],
};

const WITHDRAWAL_ADDRESS = {
  reference: "AssetPoolTwo",
  address: "0x96073c4b415d60ade18de32e43efc2914731e03d",
};
const ADDRESS_ID = "8ce24a43-7ec5-43c4-a9b6-9e53f1f3a0c2";
const TRANSFER_ID = "018fef0aa7497aa2b1e8a3d94c36e0f7";
const HASH = "0x1f6b3a0c5b0f7f1de3f2f70e3de2a9c3a6df2a1b9b36d5ad6b4f1c0d6d9a8e21";

/** One withdrawal has two events per status, which differ in the last two digits of the id. */
const AMOUNT_LEG = { suffix: "69", amount: "0.001" };
const FEE_LEG = { suffix: "66", amount: "0.000105341250681" };

const STATUS_CHANGE = "layer1:crypto:withdrawal:status-change";
/** The same event in the spelling of other pages of the provider. */
const STATUS_CHANGE_SPELLINGS: Readonly<Record<string, string>> = {
  CREATED: "layer1:digital:withdrawal:status-change",
  SIGNED: "layer1:crypto:withdrawal:statusChange",
};

/** Minutes and seconds after 2024-06-06T19:00Z at which hash and block become known. */
const BROADCAST_AT = "33:31";
const IN_BLOCK_AT = "33:38";

const IN_BLOCK = {
  fee: { asset: "ETH", amount: FEE_LEG.amount },
  block: { number: 6053488, timestamp: "2024-06-06T19:33:36Z" },
};

function legsOf(status: string, at: string): readonly ScenarioStep[] {
  return [
    legStep(status, `${at}.105338017`, AMOUNT_LEG),
    legStep(status, `${at}.118904552`, FEE_LEG),
  ];
}

function legStep(status: string, at: string, leg: typeof AMOUNT_LEG): ScenarioStep {
  return layer1Webhook({
    event: STATUS_CHANGE_SPELLINGS[status] ?? STATUS_CHANGE,
    timestamp: `2024-06-06T19:${at}Z`,
    data: {
      id: `${TRANSFER_ID}${ADDRESS_ID.replaceAll("-", "")}${leg.suffix}`,
      address: {
        id: ADDRESS_ID,
        address: WITHDRAWAL_ADDRESS.address,
        assetPoolId: "2be1cc9c-a5af-47e2-9dba-b7b82317e600",
        network: "ETHEREUM",
        keyPairId: "44cf54df-93e9-4dd9-84c9-e96f0cf90f3e",
        reference: WITHDRAWAL_ADDRESS.reference,
      },
      reference: "withdrawal-1001",
      status,
      sources: [
        { address: WITHDRAWAL_ADDRESS.address, amount: FEE_LEG.amount },
        { address: WITHDRAWAL_ADDRESS.address, amount: AMOUNT_LEG.amount },
      ],
      destinations: null,
      type: "WITHDRAWAL",
      asset: "ETH",
      amount: leg.amount,
      hash: at >= BROADCAST_AT ? HASH : null,
      networkDetail: at >= IN_BLOCK_AT ? IN_BLOCK : null,
      metadata: null,
      createdAt: "2024-06-06T19:33:23.913Z",
      updatedAt: `2024-06-06T19:${at.slice(0, 5)}.071220Z`,
    },
  });
}

/** Amount and maximum fee are reserved; as printed by the provider, with 23 decimals. */
const FUNDS_RESERVED = balanceStep(WITHDRAWAL_ADDRESS, "2024-06-06T19:33:25.059079161Z", [
  {
    type: "AVAILABLE",
    balance: "0.19848315335156838671875",
    delta: "-0.00114716058324173828125",
  },
  { type: "BLOCKCHAIN", balance: "0.199630313934810125", delta: "0.00" },
  { type: "RESERVED", balance: "0.00114716058324173828125", delta: "0.00114716058324173828125" },
]);

/** The unused part of the fee is released; this delta is cut to 18 decimals, 2.8125e-19 too little. */
const FUNDS_RELEASED = balanceStep(WITHDRAWAL_ADDRESS, "2024-06-06T19:34:38.763517740Z", [
  { type: "AVAILABLE", balance: "0.198524972684129125", delta: "0.000041819332560738" },
  { type: "BLOCKCHAIN", balance: "0.198524972684129125", delta: "-0.001105341250681" },
  { type: "RESERVED", balance: "0.00", delta: "-0.00114716058324173828125" },
]);

export const LAYER1_WITHDRAWAL: Scenario = {
  name: "layer1-withdrawal",
  title: "Layer1: a withdrawal of 0.001 ETH with its fee leg, created to success",
  steps: [
    ...legsOf("CREATED", "33:24"),
    FUNDS_RESERVED,
    ...legsOf("FUNDS_RESERVED", "33:25"),
    ...legsOf("SCREENING_REQUESTED", "33:26"),
    ...legsOf("SCREENING_PASSED", "33:28"),
    ...legsOf("SIGNED", "33:30"),
    ...legsOf("DETECTED", BROADCAST_AT),
    ...legsOf("UNCONFIRMED", IN_BLOCK_AT),
    ...legsOf("CONFIRMED", "34:37"),
    FUNDS_RELEASED,
    ...legsOf("SUCCESS", "34:39"),
  ],
};

type Fund = Readonly<{ type: string; balance: string; delta: string }>;

function balanceStep(
  { reference, address }: typeof DEPOSIT_ADDRESS,
  at: string,
  funds: readonly Fund[],
): ScenarioStep {
  return layer1Webhook({
    event: "layer1:digital:balance:updated",
    timestamp: at,
    data: { reference, address, asset: "ETH", funds },
  });
}
