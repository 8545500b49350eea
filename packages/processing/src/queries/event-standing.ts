import { type FactType, PROVIDER_FACTS } from "@counterfoil/contracts/fact";
import type { EventRecord, LifecycleModel } from "@counterfoil/contracts/record";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { isAccountOf } from "@counterfoil/core/account";
import { partiesOf } from "@counterfoil/core/lifecycle/trade";
import { readData } from "@counterfoil/core/stream/read-event";
import type { EventStream } from "../ports/event-stream.ts";
import { findRow } from "./lifecycles.ts";
import { hasRecordOf, tradeFieldsFor } from "./platform.ts";
import type { ServedModels } from "./serving.ts";

/** How a fact relates to a platform; `nobody`: it names no owner. */
export type Standing = "inside" | "outside" | "nobody";

type Data = Readonly<Record<string, unknown>>;
type Fact = Readonly<{ type: string; data: Data }>;

/** The record that a status is about: its id, and the models that may hold it. */
type RecordReference = Readonly<{ id: unknown; models: readonly LifecycleModel[] }>;

/** Whether a fact names the platform as an owner. A fact of a type without a rule is outside. */
const OWNS: Readonly<Partial<Record<FactType, (data: Data, platform: string) => boolean>>> = {
  MovementRecorded: isOfAccount,
  BalanceReported: isOfAccount,
  DepositStatusReported: isOfOwner,
  WithdrawalStatusReported: isOfOwner,
  PaymentStatusReported: isOfOwner,
  FundReported: isOfOwner,
  TradeStatusReported: ({ fields }, platform) => partiesOf(fields).has(platform),
};

/** The record that may know the group of a fact that names a participant and no group. */
const RECORD_OF: Readonly<Partial<Record<FactType, (data: Data) => RecordReference>>> = {
  DepositStatusReported: ({ deposit_id: id }) => ({ id, models: ["deposits"] }),
  WithdrawalStatusReported: ({ withdrawal_id: id }) => ({ id, models: ["withdrawals"] }),
  PaymentStatusReported: ({ payment: id }) => ({ id, models: ["withdrawals", "deposits"] }),
  FundReported: ({ fund: id }) => ({ id, models: ["deposits"] }),
};

function isOfAccount({ account }: Data, platform: string): boolean {
  return typeof account === "string" && isAccountOf(account, platform);
}

function isOfOwner({ participant_code, account_group }: Data, platform: string): boolean {
  return participant_code === platform || account_group === platform;
}

/** Facts without an owner; the other facts of their delivery decide whose it is. */
const WITHOUT_OWNER: ReadonlySet<string> = new Set([
  "RunRecorded",
  "DeliveryDivided",
  "DeliveryCompleted",
  "SnapshotCompleted",
]);

/** Classifies facts for one platform, during one request. */
export type Standings = Readonly<{
  platform: string;
  of: (fact: Fact) => Promise<Standing>;
  /** Classifies events; an amendment is classified like the fact that it amends. */
  ofEvents: (stream: EventStream, events: readonly RecordedEvent[]) => Promise<readonly Standing[]>;
}>;

export function createStandings(
  models: Pick<ServedModels, "snapshot">,
  platform: string,
): Standings {
  /** By model and participant, whether any record is of the platform's group; it seldom is. */
  const participants = new Map<string, Promise<boolean>>();

  function hasRecords(model: LifecycleModel, participant: string): Promise<boolean> {
    const key = `${model}:${participant}`;
    const known = participants.get(key);
    if (known !== undefined) return known;
    const result = models.snapshot(model, (rows) => hasRecordOf(rows, participant, platform));
    participants.set(key, result);
    return result;
  }

  async function isOfRecord({ type, data }: Fact): Promise<boolean> {
    const { participant_code: participant, account_group } = data;
    const about = RECORD_OF[type as FactType]?.(data);
    if (about === undefined || account_group !== undefined) return false;
    if (typeof participant !== "string" || typeof about.id !== "string") return false;
    const { id } = about;
    for (const model of about.models) {
      if (!(await hasRecords(model, participant))) continue;
      const query = { model, id, platform };
      const found = await models.snapshot(model, (rows) => findRow(rows, query));
      if (found.outcome === "found" && found.record.participant_code === participant) return true;
    }
    return false;
  }

  const of = async (fact: Fact): Promise<Standing> => {
    const { type, data } = fact;
    if (WITHOUT_OWNER.has(type)) return "nobody";
    const isInside = OWNS[type as FactType]?.(data, platform) || (await isOfRecord(fact));
    return isInside ? "inside" : "outside";
  };

  return {
    platform,
    of,
    ofEvents: async (stream, events) => {
      const read = events.map((event) => ({ type: event.type, data: readData(event) }));
      const amendedIds = read.map(({ data }) => amendedIdOf(data));
      const { known } = await stream.findByIds(amendedIds.filter((id) => id !== null));
      const standings: Standing[] = [];
      for (const [at, fact] of read.entries()) {
        const about = amendedIds[at] ?? null;
        const amended = about === null ? null : (known.get(about)?.event ?? null);
        if (about === null) standings.push(await of(fact));
        else if (amended === null) standings.push("outside");
        else standings.push(await of({ type: amended.type, data: readData(amended) }));
      }
      return standings;
    },
  };
}

const AMENDABLE: ReadonlySet<string> = new Set(PROVIDER_FACTS);

function amendedIdOf({ event_id, event_type }: Data): string | null {
  return typeof event_id === "string" && AMENDABLE.has(String(event_type)) ? event_id : null;
}

/** Replaces digests of the chain, which depend on other platforms' facts. */
export const NO_DIGEST = "0".repeat(64);

/** A platform's event without the data about others. */
export function eventFor(event: EventRecord, platform: string): EventRecord {
  return { ...event, hash: NO_DIGEST, data: dataFor(event.data, platform) };
}

/** Whether a platform's fact also has data about others. */
export const namesOthers = (data: Data, platform: string): boolean =>
  JSON.stringify(dataFor(data as EventRecord["data"], platform)) !== JSON.stringify(data);

const PARTS = ["data", "adds", "contradicts"] as const;

function dataFor(data: EventRecord["data"], platform: string): EventRecord["data"] {
  const isPaid = data.beneficiary_code === platform || data.beneficiary_group === platform;
  const isShown = ([name]: [string, unknown]) => isPaid || !name.startsWith("beneficiary_");
  const shown: Record<string, unknown> = Object.fromEntries(Object.entries(data).filter(isShown));
  if (isObject(shown.fields)) shown.fields = tradeFieldsFor(shown.fields, platform);
  // The parts of an amendment have the shape of the fact that it amends.
  for (const part of PARTS) if (isObject(shown[part])) shown[part] = dataFor(shown[part], platform);
  return shown as EventRecord["data"];
}

const isObject = (value: unknown): value is EventRecord["data"] =>
  typeof value === "object" && value !== null && !Array.isArray(value);
