import type { TradeRecord, TradeStage } from "@counterfoil/contracts/record";
import {
  entryOf,
  type FactReading,
  idClaims,
  type Known,
  type Lifecycle,
  lastSaid,
  NOTHING_READ,
  readingBy,
} from "./lifecycle-fact.ts";
import { type Fields, providerOf, valueIn } from "./record-fields.ts";
import { type StageRules, ZERO_HASH_TRADE } from "./stages.ts";

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

export const TRADES: Lifecycle = {
  model: "trades",
  version: 8,
  ...readingBy({ TradeStatusReported: { read: readStatus } }),
  rules: TRADE_RULES,
  firstStage: null,
  ids: ["trade"],
  fieldsOf: tradeFields,
  partiesOf,
};

/** Codes of whoever a trade names as its platform or as a party, wherever the provider printed it. */
export function partiesOf(part: unknown): ReadonlySet<string> {
  const parties = new Set<string>();
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (NAMES_PARTY.has(name) && typeof inner === "string") parties.add(inner);
      look(inner);
    }
  };
  look(part);
  return parties;
}

const NAMES_PARTY: ReadonlySet<string> = new Set(["platform_code", "participant_code"]);

function readStatus(fact: Known<"TradeStatusReported">): FactReading {
  const { trade_id, provider, status, fields } = fact.data;
  // Unique for 72 hours only: it finds trades, it does not name one.
  const { client_trade_id } = fields;
  const names = [{ kind: "trade", name: trade_id }];
  return {
    ...NOTHING_READ,
    owner: "",
    names,
    aliases: typeof client_trade_id === "string" && client_trade_id ? [client_trade_id] : [],
    entries: [entryOf(fact, { words: ZERO_HASH_TRADE, word: status, source: "status" })],
    claims: [
      ...lastSaid(fact, 0, { fields: JSON.stringify(fields), provider }),
      ...idClaims(names),
    ],
  };
}

function tradeFields(fields: Fields): Partial<TradeRecord> {
  return {
    trade_id: valueIn(fields, "id:trade") ?? "",
    provider: providerOf(fields),
    fields: JSON.parse(valueIn(fields, "fields") ?? "{}"),
  };
}
