import type { ProviderFactType } from "@counterfoil/contracts/fact";
import type { TradeRecord, TradeStage } from "@counterfoil/contracts/record";
import type { LifecycleDraft } from "./draft.ts";
import { distinct } from "./facets.ts";
import { groupByKeys } from "./groups.ts";
import { foldHistory, type StageRules } from "./history.ts";
import { type Known, known, knownLegs, type Leg } from "./leg.ts";
import { stageOfWord, ZERO_HASH_TRADE } from "./words.ts";

/** The record but for what depends on the stream or the clock. */
export type TradeState = Readonly<Omit<TradeRecord, "id" | "stuck" | "position" | "history">>;

type Status = Known<"TradeStatusReported">;

/** One page of three has `active` before `accepted`; the other two stand (DOMAIN 6). */
export const TRADE_RULES: StageRules<TradeStage> = {
  order: ["accepted", "active", "terminated"],
  steps: {
    accepted: { moves: ["active", "terminated"], fills: [] },
    active: { moves: ["terminated"], fills: ["accepted"] },
    terminated: { moves: [], fills: ["accepted", "active"] },
  },
};

/** Whether the trades model keeps this fact. */
export function isTradeLeg(type: ProviderFactType): boolean {
  return type === "TradeStatusReported";
}

/** Legs that share one of these lie in one cluster. */
export function tradeKeys(leg: Leg): string[] {
  const fact = known(leg);
  return fact.type === "TradeStatusReported" ? [keyOf(fact)] : [];
}

const keyOf = ({ data }: Status): string => `id:${data.trade_id}`;

/** The trades that a cluster of legs tells of. Total: whatever the legs say, none is refused. */
export function tradesOf(legs: readonly Leg[]): LifecycleDraft<TradeState>[] {
  const statuses = knownLegs(legs).filter((fact) => fact.type === "TradeStatusReported");
  return groupByKeys(statuses, (status) => [keyOf(status)]).map(tradeOf);
}

function tradeOf(statuses: readonly Status[]): LifecycleDraft<TradeState> {
  const folded = foldHistory(statuses.map(entryOf), TRADE_RULES);
  const latest = folded.history.at(-1)?.leg;
  const { data } = statuses.find(({ id }) => id === latest) ?? (statuses[0] as Status);
  return {
    id: data.trade_id,
    state: {
      trade_id: data.trade_id,
      provider: data.provider,
      stage: folded.stage,
      provider_status: folded.providerStatus,
      opened_at: folded.openedAt,
      updated_at: folded.updatedAt,
      fields: data.fields,
    },
    history: folded.history,
    identifiers: distinct([data.trade_id, ...statuses.map(clientIdOf)]),
    anomalies: folded.anomalies,
    legs: distinct(statuses.map(({ id }) => id)),
  };
}

function entryOf({ id, data, state }: Status) {
  const occurred_at = data.occurred_at ?? null;
  return {
    stage: stageOfWord(ZERO_HASH_TRADE, data.status),
    provider_status: data.status,
    occurred_at,
    effective_at: occurred_at,
    source: "status" as const,
    leg: id,
    position: state.position,
    deliveryId: state.deliveryId,
  };
}

/** Unique for 72 hours only: it finds trades, it does not name one. */
function clientIdOf({ data }: Status): string | undefined {
  const id = data.fields.client_trade_id;
  return typeof id === "string" && id !== "" ? id : undefined;
}
