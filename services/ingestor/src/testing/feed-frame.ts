/** Frames as the provider's documentation prints them, cut down. */
const account = (asset: string) => ({
  account_id: `account-of-${asset}`,
  participant_code: "DEF456",
  account_group: "ABC123",
  account_label: "general",
  account_type: "available",
  asset,
  balance: "0.35",
});

export const SNAPSHOT = { messageType: "initial-balance", body: [account("BTC")] };
export const PONG = { messageType: "pong" };
export const ANSWER = { messageType: "subscribe", body: "successfully subscribed to balances" };
export const REFUSAL = { messageType: "error", body: "invalid signature" };

export const update = (runId: number) => ({
  messageType: "balance-updated",
  body: { ...account("BTC"), run_id: runId },
});
