import type { ModelName } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import type { LifecycleModel, TradeRecord, WithdrawalRecord } from "@counterfoil/contracts/record";
import { accountIdsOf, isAccountOf } from "@counterfoil/core/account";
import { partiesOf } from "@counterfoil/core/lifecycle/trade";
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
 * Whose records somebody sees who asks: a platform's code, or null for everything. What is not the
 * platform's does not exist for it, so every query says so to the engine before anything is counted,
 * paged or offered as a candidate. A platform's are
 *
 * - accounts of its own (it is the participant) or of its group, whatever is on them, and what is
 *   wrong with them;
 * - withdrawals and deposits whose owner is the platform, or is known to be of its group;
 * - trades that name it as their platform or as a party.
 *
 * Layer1 names no platform, and neither do deliveries that nobody could read.
 */
export type Platform = string | null;

/** Rows of which a column holds the id of one of its accounts. */
export function accountsAmong(platform: Platform, column: string): Among | undefined {
  if (platform === null) return undefined;
  return { anyOf: accountIdsOf(platform).map((value) => ({ column, is: "like", value })) };
}

/** Its accounts, in two ways that are each answered by an index. */
export function eitherAccount(platform: Platform): readonly (readonly Condition[])[] {
  if (platform === null) return [[]];
  return ["participant_code", "account_group"].map((column) => [equal(column, platform)]);
}

const equal = (column: string, value: string): Condition => ({ column, is: "=", value });

/** Its withdrawals or deposits. */
export function ownedAmong(platform: Platform): Among | undefined {
  return platform === null ? undefined : { anyOf: eitherAccount(platform).flat() };
}

/** The same of a row that is in memory. */
export function isRecordAmong(model: LifecycleModel, row: Row, platform: Platform): boolean {
  if (platform === null) return true;
  if (model !== "trades") return [row.participant_code, row.account_group].includes(platform);
  return partiesOf(JSON.parse(String(row.state))).has(platform);
}

/** Where and how rows of records are selected, so that an index answers in the order of a list. */
type RecordSelection = Readonly<{
  model: LifecycleModel;
  platform: Platform;
  /** Of trades: whoever is asked for has a part in them. */
  parties?: readonly string[] | undefined;
  /** One of these is enough. */
  either: readonly (readonly Condition[])[];
}>;

/** Its records. Trades are found by who has a part in them, and looked up one by one. */
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

/** The places of changes of its records: each with the record's id and the position. */
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

/** Whether any record of a participant is one of the platform's group. */
export async function hasRecordOf(
  rows: Rows,
  participant: string,
  platform: string,
): Promise<boolean> {
  const where = [equal("participant_code", participant), equal("account_group", platform)];
  const found = await rows.select(RECORDS, { where, orderBy: ["updated_at", "id"], limit: 1 });
  return found.length > 0;
}

/** Anomalies that are about one of its accounts or records. */
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

/** Those of its accounts; @returns all where everything is seen */
export function accountsOf(accounts: readonly string[], platform: Platform): readonly string[] {
  return platform === null ? accounts : accounts.filter((id) => isAccountOf(id, platform));
}

/**
 * An anomaly without what it names outside; null where nothing is left of it: two accounts share an
 * id of the provider's, and one of them alone is the platform's.
 */
export function anomalyFor(anomaly: AnomalyRecord, platform: Platform): AnomalyRecord | null {
  const { detail } = anomaly;
  if (platform === null || !Array.isArray(detail.accounts)) return anomaly;
  const accounts = [...accountsOf(detail.accounts.map(String), platform)];
  return accounts.length < 2 ? null : { ...anomaly, detail: { ...detail, accounts } };
}

/** A record without what it names outside. */
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

/** Fields of a trade that may name who takes part in it. */
const NAMES_SOMEBODY = /_code$|_party$|reporter|platform|participant/;

/** The platform of a trade sees it whole; a party sees its own side. */
export function tradeFieldsFor<All extends Fields>(fields: All, platform: string): All {
  if (fields.platform_code === platform) return fields;
  const isShown = ([name, value]: [string, unknown]) =>
    value === platform || !NAMES_SOMEBODY.test(name);
  const shown = Object.fromEntries(Object.entries(fields).filter(isShown));
  const { parties } = fields;
  if (!Array.isArray(parties)) return shown as All;
  const own = parties.filter((party) => party?.participant_code === platform);
  return { ...shown, parties: own } as unknown as All;
}
