import { layer1Webhook, type Scenario, type ScenarioStep } from "./scenario.ts";

const ADDRESS = "0xc4b21fb39aaf5fc07d3cd4420bf3ee74a61642e9";

const SENT = "0.20";
/** From the second event on, the source shows the amount and the fee in one sum. */
const SENT_WITH_FEE = "0.200234653675781";

const NETWORK_DETAIL = {
  fee: { asset: "ETH", amount: "0.000234653675781" },
  block: { number: 6046664, timestamp: "2024-06-05T20:39:24Z" },
};

type Progress = Readonly<{ status: string; at: string; updatedAt: string }>;

function statusStep({ status, at, updatedAt }: Progress): ScenarioStep {
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
        address: ADDRESS,
        network: "ETHEREUM",
        keyPairId: "44cf54df-93e9-4dd9-84c9-e96f0cf90f3e",
        reference: "First Eth Address",
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
      destinations: [{ amount: SENT, address: ADDRESS }],
      ...(isSeenOnly ? {} : { networkDetail: NETWORK_DETAIL }),
    },
  });
}

type Fund = Readonly<{ type: string; balance: string; delta: string }>;

function balanceStep(at: string, funds: readonly Fund[]): ScenarioStep {
  return layer1Webhook({
    event: "layer1:digital:balance:updated",
    timestamp: at,
    data: { reference: "First Eth Address", address: ADDRESS, asset: "ETH", funds },
  });
}

/** The seven webhooks of the provider's page, in the order of their own times. */
export const LAYER1_DEPOSIT: Scenario = {
  name: "layer1-deposit",
  title: "Layer1: a deposit of 0.20 ETH, detected, confirmed, screened, available",
  steps: [
    statusStep({
      status: "DETECTED",
      at: "2024-06-05T20:39:19.602586984Z",
      updatedAt: "2024-06-05T20:39:19.528756Z",
    }),
    statusStep({
      status: "UNCONFIRMED",
      at: "2024-06-05T20:39:26.724877059Z",
      updatedAt: "2024-06-05T20:39:26.683343Z",
    }),
    statusStep({
      status: "CONFIRMED",
      at: "2024-06-05T20:40:16.893418347Z",
      updatedAt: "2024-06-05T20:40:16.867302Z",
    }),
    balanceStep("2024-06-05T20:40:16.941138099Z", [
      { type: "AVAILABLE", balance: "0.00", delta: "0.00" },
      { type: "BLOCKCHAIN", balance: "0.20", delta: "0.20" },
      { type: "RESERVED", balance: "0.20", delta: "0.20" },
    ]),
    statusStep({
      status: "SCREENING_REQUESTED",
      at: "2024-06-05T20:40:17.112592654Z",
      updatedAt: "2024-06-05T20:40:16.973137Z",
    }),
    balanceStep("2024-06-05T20:40:31.395066159Z", [
      { type: "AVAILABLE", balance: "0.20", delta: "0.20" },
      { type: "BLOCKCHAIN", balance: "0.20", delta: "0.00" },
      { type: "RESERVED", balance: "0.00", delta: "-0.20" },
    ]),
    statusStep({
      status: "SUCCESS",
      at: "2024-06-05T20:40:31.419360016Z",
      updatedAt: "2024-06-05T20:40:31.380741Z",
    }),
  ],
};
