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
  splitAsset,
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
  version: 11,
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

type Printed = Readonly<Record<string, unknown>>;

/** What a trade was agreed on. It does not change with the trade's status. */
function termsIn(fields: Printed): Readonly<Record<string, string | null>> {
  return {
    trade_quantity: amountIn(fields, "trade_quantity"),
    trade_price: amountIn(fields, "trade_price"),
    ...Object.fromEntries(SIDES.map((side) => [`${side}_amount`, amountOf(side, fields)])),
  };
}

const SIDES = ["buy", "sell"] as const;

/** Whether a term is of one side, so that the parties on the other side may not see it. */
export const isOfOneSide = (term: unknown): boolean =>
  SIDES.some((side) => term === `${side}_amount`);

/**
 * What the only party on a side of a trade gives; null if there are several, since an anonymous one
 * of them is printed without its amount. Codes of one asset may name its network or not.
 */
function amountOf(side: (typeof SIDES)[number], { parties }: Printed): string | null {
  const all: readonly unknown[] = Array.isArray(parties) ? parties : [];
  const [party, ...others] = all.filter((one): one is Printed => sideOf(one) === side);
  if (party === undefined || others.length > 0) return null;
  const [amount, asset] = [amountIn(party, "amount"), party.asset];
  const isCode = typeof asset === "string" && /^[!-~]+$/.test(asset);
  return amount === null || !isCode ? null : `${amount} ${splitAsset(asset).base}`;
}

function sideOf(party: unknown): string | null {
  const side = typeof party === "object" && party !== null && "side" in party ? party.side : null;
  return typeof side === "string" ? side.toLowerCase() : null;
}

function amountIn(printed: Printed, name: string): string | null {
  const value = printed[name];
  const amount = typeof value === "string" ? parseMoney(value) : null;
  return amount && formatMoney(amount);
}

function tradeFields(fields: Fields): Partial<TradeRecord> {
  return {
    trade_id: valueIn(fields, "id:trade") ?? "",
    provider: providerOf(fields),
    fields: JSON.parse(valueIn(fields, "fields") ?? "{}"),
  };
}
