import type { WithdrawalStage } from "@counterfoil/contracts/record";
import { formatTime } from "../exact/time.ts";
import type { FeedLines } from "../feed-lines.ts";
import type { EntryDraft } from "./draft.ts";
import type { AnyKnown, Known } from "./leg.ts";
import type { Joined } from "./withdrawal-joins.ts";
import { isReportKept, nodeKey } from "./withdrawal-keys.ts";
import { type Nodes, placesOfRuns, type RunPlaces } from "./withdrawal-order.ts";
import { type Movement, sideOn, type Unit } from "./withdrawal-units.ts";
import {
  LAYER1_WITHDRAWAL,
  stageOfWord,
  ZERO_HASH_ON_CHAIN,
  ZERO_HASH_WITHDRAWAL,
} from "./words.ts";

type Entry = EntryDraft<WithdrawalStage>;

/** What the legs of one withdrawal say, each once, in no order yet. */
export function withdrawalEntries(
  { facts, units }: Joined,
  nodes: Nodes,
  lines: FeedLines,
): Entry[] {
  const places = placesOfRuns(units, nodes, lines);
  const ofUnits = units.map((unit) => unitEntry(unit, unitStage(unit, units, nodes), places));
  const inUnits = new Set(units.flatMap(({ sides }) => sides));
  const ofOthers = facts.flatMap((fact): Entry[] => {
    switch (fact.type) {
      case "MovementRecorded":
        return inUnits.has(fact) ? [] : [movementEntry(fact, null)];
      case "WithdrawalStatusReported":
        return isRepeatedByFeeLeg(fact, facts) ? [] : statusEntries(fact);
      case "PaymentStatusReported":
        return [entryOf(fact, "payment", stageOfWord(ZERO_HASH_WITHDRAWAL, fact.data.status))];
      default:
        return [];
    }
  });
  return [...ofUnits, ...ofOthers];
}

/** One entry for both sides of a movement; the available side's, where it is known. */
function unitEntry({ sides }: Unit, stage: WithdrawalStage, places: RunPlaces): Entry {
  const [side] = sides;
  const entry = movementEntry(side, stage);
  const place = places.get(nodeKey(side.data.account, side.data.run_id));
  return place?.moved && entry.occurred_at !== null
    ? { ...entry, effective_at: formatTime(place.effectiveAt) }
    : entry;
}

function unitStage(unit: Unit, peers: readonly Unit[], nodes: Nodes): WithdrawalStage {
  switch (unit.kind) {
    case "pending":
      return "pending";
    case "debit":
      return "settled";
    case "confirmed":
      return isGivenBack(unit, peers, nodes) ? "returned" : "confirmed";
  }
}

/**
 * The hold is back on the available side and nothing was taken from there. Movements of one message
 * are recorded one by one, and the report comes last: only then is it certain that no debit does.
 */
function isGivenBack(unit: Unit, peers: readonly Unit[], nodes: Nodes): boolean {
  const released = sideOn(unit, "available");
  if (!released || released.data.change.startsWith("-")) return false;
  if (peers.some(({ kind }) => kind === "debit")) return false;
  const { account, run_id } = released.data;
  return nodes.get(nodeKey(account, run_id))?.report !== null || !isReportKept(released.data);
}

function movementEntry(movement: Movement, stage: WithdrawalStage | null): Entry {
  return wordEntry(movement, "movement", movement.data.movement_type ?? "", stage);
}

/** A request's status and its `on_chain_status` are two words of one fact. */
function statusEntries(fact: Known<"WithdrawalStatusReported">): Entry[] {
  const { provider, status, on_chain_status } = fact.data;
  if (provider === "layer1")
    return [entryOf(fact, "status", stageOfWord(LAYER1_WITHDRAWAL, status))];
  const entry = entryOf(fact, "status", stageOfWord(ZERO_HASH_WITHDRAWAL, status));
  if (on_chain_status === undefined) return [entry];
  const stage = stageOfWord(ZERO_HASH_ON_CHAIN, on_chain_status);
  return [entry, wordEntry(fact, "status", `on_chain ${on_chain_status}`, stage)];
}

/** Both legs of a Layer1 transfer report each status; the amount leg's is shown. */
function isRepeatedByFeeLeg(
  { data }: Known<"WithdrawalStatusReported">,
  facts: readonly AnyKnown[],
): boolean {
  return (
    data.leg === "fee" &&
    facts.some(
      (other) =>
        other.type === "WithdrawalStatusReported" &&
        other.data.leg === "amount" &&
        other.data.status === data.status,
    )
  );
}

type Told = Movement | Known<"WithdrawalStatusReported"> | Known<"PaymentStatusReported">;

function entryOf(
  fact: Exclude<Told, Movement>,
  source: Entry["source"],
  stage: WithdrawalStage | null,
): Entry {
  return wordEntry(fact, source, fact.data.status, stage);
}

function wordEntry(
  { id, data, state }: Told,
  source: Entry["source"],
  word: string,
  stage: WithdrawalStage | null,
): Entry {
  const occurred_at = data.occurred_at ?? null;
  return {
    stage,
    provider_status: word,
    occurred_at,
    effective_at: occurred_at,
    source,
    leg: id,
    position: state.position,
    deliveryId: state.deliveryId,
  };
}
