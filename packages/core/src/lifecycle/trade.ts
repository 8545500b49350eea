import type { ProviderFactType } from "@counterfoil/contracts/fact";
import type { TradeRecord, TradeStage } from "@counterfoil/contracts/record";
import { entryOf, type FactReading, lastSaid, NOTHING_READ } from "./fact-reading.ts";
import type { AnyKnown } from "./lifecycle-fact.ts";
import { type Fields, said } from "./record-fields.ts";
import { providerOf } from "./shown-fields.ts";
import type { StageRules } from "./stage-history.ts";
import { ZERO_HASH_TRADE } from "./words.ts";

/** One page of three has `active` before `accepted`; the other two stand. */
export const TRADE_RULES: StageRules<TradeStage> = {
  order: ["accepted", "active", "terminated"],
  retried: [],
  steps: {
    accepted: { moves: ["active", "terminated"], fills: [] },
    active: { moves: ["terminated"], fills: ["accepted"] },
    terminated: { moves: [], fills: ["accepted", "active"] },
  },
};

/** Whether the trades model keeps this fact. */
export function isTradeFact(type: ProviderFactType): boolean {
  return type === "TradeStatusReported";
}

export function readTradeFact(fact: AnyKnown): FactReading | null {
  if (fact.type !== "TradeStatusReported") return null;
  const { trade_id, provider, status, fields } = fact.data;
  // Unique for 72 hours only: it finds trades, it does not name one.
  const { client_trade_id } = fields;
  return {
    ...NOTHING_READ,
    owner: "",
    names: [{ kind: "trade", name: trade_id }],
    aliases: typeof client_trade_id === "string" && client_trade_id ? [client_trade_id] : [],
    entries: [entryOf(fact, { words: ZERO_HASH_TRADE, word: status, source: "status" })],
    sayings: [
      ...lastSaid(fact, 0, { fields: JSON.stringify(fields), provider }),
      { field: "id:trade", order: trade_id, value: trade_id },
    ],
  };
}

export const TRADE_IDS = ["trade"] as const;

export type TradeFields = Pick<TradeRecord, "trade_id" | "provider" | "fields">;

export function tradeFields(fields: Fields): TradeFields {
  return {
    trade_id: said(fields, "id:trade") ?? "",
    provider: providerOf(fields),
    fields: JSON.parse(said(fields, "fields") ?? "{}"),
  };
}
