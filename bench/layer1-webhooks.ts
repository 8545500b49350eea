import {
  createLayer1Keys,
  layer1Headers,
  layer1PublicKeyBase64,
} from "@counterfoil/simulator/webhook-sender";
import type { Signed } from "./zero-hash-webhooks.ts";

const keys = createLayer1Keys();

/** The public key with which the ingestor verifies them. */
export const LAYER1_PUBLIC_KEY = layer1PublicKeyBase64(keys);

const START = Date.UTC(2025, 5, 15, 15);

/** Distinct webhooks of three funds each, signed in advance because signing is slow. */
export function layer1Webhooks(count: number, accounts: number): readonly Signed[] {
  return Array.from({ length: count }, (_, number) => {
    const body = JSON.stringify(balanceUpdate(number, number % accounts));
    return { body, headers: layer1Headers(body, keys) };
  });
}

function balanceUpdate(number: number, account: number) {
  const balance = `${Math.floor(number / 100) + 1}.20`;
  return {
    event: "layer1:digital:balance:updated",
    timestamp: new Date(START + number * 37).toISOString().replace("Z", "000001Z"),
    data: {
      reference: "First Eth Address",
      address: `0x${account.toString(16).padStart(40, "0")}`,
      asset: "ETH",
      funds: [
        { type: "AVAILABLE", balance, delta: "0.20" },
        { type: "BLOCKCHAIN", balance, delta: "0.20" },
        { type: "RESERVED", balance: "0.00", delta: "0.00" },
      ],
    },
  };
}
