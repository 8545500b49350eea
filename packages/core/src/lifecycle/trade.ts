import type { TradeRecord, TradeStage } from "@counterfoil/contracts/record";
import { formatMoney, parseMoney } from "../exact/money.ts";
import {
  type DatedFact,
  dispatchByType,
  EMPTY_READING,
  entryOf,
  type FactReading,
  idClaims,
  type Lifecycle,
  latestClaims,
} from "./lifecycle-fact.ts";
import {
  agreedClaims,
  disagreementsIn,
  type Fields,
  providerOf,
  valueIn,
} from "./record-fields.ts";
import { type StageRules, ZERO_HASH_TRADE } from "./stages.ts";

/** One of three documentation pages has `active` before `accepted`; the other two are followed. */
export const TRADE_RULES: StageRules<TradeStage> = {
  order: ["accepted", "active", "terminated"],
  reopened: {},
  steps: {
    accepted: { moves: ["active", "terminated"], fills: [] },
    active: { moves: ["terminated"], fills: ["accepted"] },
    terminated: { moves: [], fills: ["accepted", "active"] },
  },
};

export const TRADES: Lifecycle = {
  model: "trades",
  version: 10,
  ...dispatchByType({ TradeStatusReported: { read: readStatus } }),
  rules: TRADE_RULES,
  firstStage: null,
  resting: ["terminated"],
  ids: ["trade"],
  fieldsOf: tradeFields,
  contradictionsIn: (fields) => disagreementsIn(fields),
  partiesOf,
};

/** The codes of the platform and the parties that a trade names, at any depth. */
export function partiesOf(part: unknown): ReadonlySet<string> {
  const parties = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (PARTY_FIELDS.has(name) && typeof inner === "string") parties.add(inner);
      collect(inner);
    }
  };
  collect(part);
  return parties;
}

const PARTY_FIELDS: ReadonlySet<string> = new Set(["platform_code", "participant_code"]);

function readStatus(fact: DatedFact<"TradeStatusReported">): FactReading {
  const { trade_id, provider, status, fields } = fact.data;
  // Unique for 72 hours only, so it is an alias and not a name.
  const { client_trade_id } = fields;
  const names = [{ kind: "trade", name: trade_id }];
  return {
    ...EMPTY_READING,
    owner: "",
    names,
    aliases: typeof client_trade_id === "string" && client_trade_id ? [client_trade_id] : [],
    entries: [entryOf(fact, { words: ZERO_HASH_TRADE, word: status, source: "status" })],
    claims: [
      ...latestClaims(fact, 0, { fields: JSON.stringify(fields), provider }),
      ...agreedClaims(termsIn(fields)),
      ...idClaims(names),
    ],
  };
}

/** What a trade was agreed on. It does not change with the trade's status. */
function termsIn(fields: Readonly<Record<string, unknown>>) {
  const terms = TERMS.flatMap((name) => {
    const printed = fields[name];
    const amount = typeof printed === "string" ? parseMoney(printed) : null;
    return amount === null ? [] : [[name, formatMoney(amount)] as const];
  });
  return Object.fromEntries(terms);
}

const TERMS = ["trade_quantity", "trade_price"];

function tradeFields(fields: Fields): Partial<TradeRecord> {
  return {
    trade_id: valueIn(fields, "id:trade") ?? "",
    provider: providerOf(fields),
    fields: JSON.parse(valueIn(fields, "fields") ?? "{}"),
  };
}
