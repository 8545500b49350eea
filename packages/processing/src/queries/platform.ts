import type { ModelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import type { LifecycleModel, TradeRecord, WithdrawalRecord } from "@counterfoil/contracts/record";
import { accountIdsOf, isAccountOf } from "@counterfoil/core/account";
import { isOfOneSide, partiesOf } from "@counterfoil/core/lifecycle/trade";
import { PARTIES, PARTY_CHANGES, RECORD_CHANGES, RECORDS } from "../models/lifecycle/tables.ts";
import { ModelCorrupted } from "../ports/errors.ts";
import {
  type Among,
  type Condition,
  type Row,
  type Rows,
  type Selection,
  textLength,
} from "../ports/model-store.ts";
import { selectEither } from "./answers.ts";

/**
 * The platform whose records a caller sees, by its code; null for everything. For a platform, other
 * records do not exist, so every query filters them in the engine before anything is counted, paged
 * or offered as a candidate. A platform's records are
 *
 * - accounts of its own (it is the participant) or of its group, with their entries and anomalies;
 * - withdrawals and deposits whose owner is the platform, or is known to be of its group;
 * - trades that name it as their platform or as a party.
 *
 * Layer1 facts and quarantined deliveries name no platform, so they are no platform's.
 */
export type Platform = string | null;

/** Rows whose column holds the id of one of the platform's accounts. */
export function accountsAmong(platform: Platform, column: string): Among | undefined {
  if (platform === null) return undefined;
  return { anyOf: accountIdsOf(platform).map((value) => ({ column, is: "like", value })) };
}

/** The platform's accounts, as two alternatives that are each served by an index. */
export function eitherAccount(platform: Platform): readonly (readonly Condition[])[] {
  if (platform === null) return [[]];
  return ["participant_code", "account_group"].map((column) => [equal(column, platform)]);
}

const equal = (column: string, value: string): Condition => ({ column, is: "=", value });

/** The platform's withdrawals or deposits. */
export function ownedAmong(platform: Platform): Among | undefined {
  return platform === null ? undefined : { anyOf: eitherAccount(platform).flat() };
}

/** Whether a row in memory is one of the platform's records. */
export function isRecordAmong(model: LifecycleModel, row: Row, platform: Platform): boolean {
  if (platform === null) return true;
  if (model !== "trades") return [row.participant_code, row.account_group].includes(platform);
  return partiesOf(JSON.parse(String(row.state))).has(platform);
}

/** The records to select, as alternatives that an index serves in the order of a list. */
type RecordSelection = Readonly<{
  model: LifecycleModel;
  platform: Platform;
  /** For trades: one of these must be a party. */
  parties?: readonly string[] | undefined;
  /** Alternatives: a record must meet one of them. */
  either: readonly (readonly Condition[])[];
}>;

/** Selects records. Trades are found by their parties and then read one by one. */
export async function selectRecords(
  rows: Rows,
  asked: RecordSelection,
  selection: Selection,
): Promise<readonly Row[]> {
  const parties = partiesAsked(asked);
  if (parties === null) return selectEither(rows, RECORDS, eitherOwned(asked), selection);
  const places = await selectEither(rows, PARTIES, eitherParty(asked, parties), selection);
  const { bytesMax = Number.POSITIVE_INFINITY } = selection;
  const found: Row[] = [];
  let length = 0;
  for (const { id = null } of places) {
    const row = await rows.get(RECORDS, [id]);
    if (row === null) throw new ModelCorrupted(`table parties names trade ${id}, which is missing`);
    found.push(row);
    length += textLength(row);
    if (length >= bytesMax) break;
  }
  return found;
}

/** Selects changes of records: rows with the record's id and the position. */
export function selectChanges(
  rows: Rows,
  asked: RecordSelection,
  selection: Selection,
): Promise<readonly Row[]> {
  const parties = partiesAsked(asked);
  return parties === null
    ? selectEither(rows, RECORD_CHANGES, eitherOwned(asked), selection)
    : selectEither(rows, PARTY_CHANGES, eitherParty(asked, parties), selection);
}

function partiesAsked({ model, platform, parties }: RecordSelection): readonly string[] | null {
  if (model !== "trades") return null;
  return platform === null ? (parties ?? null) : [platform];
}

const eitherOwned = ({ model, platform, either }: RecordSelection): Condition[][] =>
  model === "trades"
    ? either.map((each) => [...each])
    : either.flatMap((each) => eitherAccount(platform).map((owner) => [...each, ...owner]));

const eitherParty = ({ either }: RecordSelection, parties: readonly string[]): Condition[][] =>
  either.flatMap((each) => parties.map((party) => [...each, equal("party", party)]));

/** Whether any record of a participant is of the platform's group. */
export async function hasRecordOf(
  rows: Rows,
  participant: string,
  platform: string,
): Promise<boolean> {
  const where = [equal("participant_code", participant), equal("account_group", platform)];
  const found = await rows.select(RECORDS, { where, orderBy: ["updated_at", "id"], limit: 1 });
  return found.length > 0;
}

/** Anomalies about one of the platform's accounts or records. */
export function anomaliesAmong(
  model: ModelName,
  platform: Platform,
  column = "subject",
): Among | undefined {
  if (model === "balances") return accountsAmong(platform, column);
  if (model === "trades" && platform !== null) {
    return { column, is: "of", table: PARTIES, among: equal("party", platform) };
  }
  const among = ownedAmong(platform);
  return among && { column, is: "of", table: RECORDS, among };
}

/** @returns the accounts that are the platform's; all of them if no platform is given */
export function accountsOf(accounts: readonly string[], platform: Platform): readonly string[] {
  return platform === null ? accounts : accounts.filter((id) => isAccountOf(id, platform));
}

/**
 * An anomaly without other platforms' accounts; null if fewer than two remain, as when two accounts
 * share an id of the provider's and only one of them is the platform's. Of the amounts of one side of
 * a trade it says only that they differ. Of an acknowledgement it says when, but not by whom and with
 * which note: they may be the ledger's, or those of another platform that it concerns.
 */
export function anomalyFor(shown: AnomalyRecord, platform: Platform): AnomalyRecord | null {
  if (platform === null) return shown;
  const anomaly = { ...shown, acknowledged_by: null, note: null };
  const { detail, model } = anomaly;
  if (model === "trades" && isOfOneSide(detail.field)) {
    return { ...anomaly, detail: { field: detail.field ?? null } };
  }
  if (!Array.isArray(detail.accounts)) return anomaly;
  const accounts = [...accountsOf(detail.accounts.map(String), platform)];
  return accounts.length < 2 ? null : { ...anomaly, detail: { ...detail, accounts } };
}

/** A record without data about other platforms. */
export function recordFor<Record>(
  record: Record,
  model: LifecycleModel,
  platform: Platform,
): Record {
  if (platform === null || model === "deposits") return record;
  if (model === "trades") {
    const { fields } = record as TradeRecord;
    return { ...record, fields: tradeFieldsFor(fields, platform) };
  }
  const { beneficiary } = record as WithdrawalRecord;
  return { ...record, beneficiary: beneficiary === platform ? beneficiary : null };
}

type Fields = Readonly<Record<string, unknown>>;

/** Names of trade fields that may name a party. */
const PARTY_FIELD = /_code$|_party$|reporter|platform|participant/;

/** The fields of a trade that are visible: all to its platform, only its own side to a party. */
export function tradeFieldsFor<All extends Fields>(fields: All, platform: string): All {
  if (fields.platform_code === platform) return fields;
  const isShown = ([name, value]: [string, unknown]) =>
    value === platform || !PARTY_FIELD.test(name);
  const shown = Object.fromEntries(Object.entries(fields).filter(isShown));
  const { parties } = fields;
  if (!Array.isArray(parties)) return shown as All;
  const own = parties.filter((party) => party?.participant_code === platform);
  return { ...shown, parties: own } as unknown as All;
}
