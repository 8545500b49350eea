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

/** Where a fact stands to a platform; `nobody`: it names no owner of anything. */
export type Standing = "inside" | "outside" | "nobody";

type Data = Readonly<Record<string, unknown>>;
type Stated = Readonly<{ type: string; data: Data }>;

/** Which records a status is about: a participant's, by this id, in these models. */
type About = Readonly<{ id: unknown; models: readonly LifecycleModel[] }>;

/** By what a fact itself says whose it is. A fact that says it of nobody is outside. */
const IS_OF: Readonly<Partial<Record<FactType, (data: Data, platform: string) => boolean>>> = {
  MovementRecorded: isOfAccount,
  BalanceReported: isOfAccount,
  DepositStatusReported: isOfOwner,
  WithdrawalStatusReported: isOfOwner,
  PaymentStatusReported: isOfOwner,
  FundReported: isOfOwner,
  TradeStatusReported: ({ fields }, platform) => partiesOf(fields).has(platform),
};

/** Where it names a participant and no group, its record may know the group. */
const ABOUT: Readonly<Partial<Record<FactType, (data: Data) => About>>> = {
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

/** Part of a delivery that names nobody: what else is in the delivery says whose it is. */
const NOBODYS: ReadonlySet<string> = new Set([
  "RunRecorded",
  "DeliveryDivided",
  "DeliveryCompleted",
  "SnapshotCompleted",
]);

/** Tells where facts stand to one platform, for one request. */
export type Standings = Readonly<{
  platform: string;
  of: (stated: Stated) => Promise<Standing>;
  /** An amendment stands where the fact stands that it is about. */
  ofEvents: (stream: EventStream, events: readonly RecordedEvent[]) => Promise<readonly Standing[]>;
}>;

export function createStandings(
  models: Pick<ServedModels, "snapshot">,
  platform: string,
): Standings {
  /** By participant and model, whether any of its records is the platform's: nearly always not. */
  const participants = new Map<string, Promise<boolean>>();

  function hasRecords(model: LifecycleModel, participant: string): Promise<boolean> {
    const key = `${model}:${participant}`;
    const known = participants.get(key);
    if (known !== undefined) return known;
    const asked = models.snapshot(model, (rows) => hasRecordOf(rows, participant, platform));
    participants.set(key, asked);
    return asked;
  }

  async function isOfRecord({ type, data }: Stated): Promise<boolean> {
    const { participant_code: participant, account_group } = data;
    const about = ABOUT[type as FactType]?.(data);
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

  const of = async (stated: Stated): Promise<Standing> => {
    const { type, data } = stated;
    if (NOBODYS.has(type)) return "nobody";
    const isInside = IS_OF[type as FactType]?.(data, platform) || (await isOfRecord(stated));
    return isInside ? "inside" : "outside";
  };

  return {
    platform,
    of,
    ofEvents: async (stream, events) => {
      const read = events.map((event) => ({ type: event.type, data: readData(event) }));
      const abouts = read.map(({ data }) => aboutOf(data));
      const { known } = await stream.findByIds(abouts.filter((id) => id !== null));
      const standings: Standing[] = [];
      for (const [at, stated] of read.entries()) {
        const about = abouts[at] ?? null;
        const amended = about === null ? null : (known.get(about)?.event ?? null);
        if (about === null) standings.push(await of(stated));
        else if (amended === null) standings.push("outside");
        else standings.push(await of({ type: amended.type, data: readData(amended) }));
      }
      return standings;
    },
  };
}

const AMENDABLE: ReadonlySet<string> = new Set(PROVIDER_FACTS);

function aboutOf({ event_id, event_type }: Data): string | null {
  return typeof event_id === "string" && AMENDABLE.has(String(event_type)) ? event_id : null;
}

/** Others' facts have a part in every digest of the chain. */
export const NO_DIGEST = "0".repeat(64);

/** An event that is a platform's, without what it says of others. */
export function eventFor(event: EventRecord, platform: string): EventRecord {
  return { ...event, hash: NO_DIGEST, data: dataFor(event.data, platform) };
}

/** Whether a fact that is a platform's says something of others too. */
export const namesOthers = (data: Data, platform: string): boolean =>
  JSON.stringify(dataFor(data as EventRecord["data"], platform)) !== JSON.stringify(data);

const PARTS = ["data", "adds", "contradicts"] as const;

function dataFor(data: EventRecord["data"], platform: string): EventRecord["data"] {
  const isPaid = data.beneficiary_code === platform || data.beneficiary_group === platform;
  const isShown = ([name]: [string, unknown]) => isPaid || !name.startsWith("beneficiary_");
  const shown: Record<string, unknown> = Object.fromEntries(Object.entries(data).filter(isShown));
  if (isObject(shown.fields)) shown.fields = tradeFieldsFor(shown.fields, platform);
  // What an amendment says has the shape of the fact that it is about.
  for (const part of PARTS) if (isObject(shown[part])) shown[part] = dataFor(shown[part], platform);
  return shown as EventRecord["data"];
}

const isObject = (value: unknown): value is EventRecord["data"] =>
  typeof value === "object" && value !== null && !Array.isArray(value);
