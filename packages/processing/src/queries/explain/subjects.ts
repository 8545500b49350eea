import type { ModelName, ProviderFact } from "@counterfoil/contracts/fact";
import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import {
  type EntryRecord,
  isLifecycle,
  type LifecycleModel,
  type MovementRecord,
  type RunRecord,
} from "@counterfoil/contracts/record";
import { targetsOf } from "@counterfoil/core/balances/targets";
import { formatTime, type Nanos } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { providerEventId } from "@counterfoil/core/ingest/event";
import type { View } from "@counterfoil/core/ingest/fact-role";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import { readData } from "@counterfoil/core/stream/read-event";
import { ACCOUNTS, ENTRIES } from "../../models/balances/tables.ts";
import { ANOMALIES } from "../../models/columns.ts";
import { RECORDS } from "../../models/lifecycle/tables.ts";
import type { EventStream } from "../../ports/event-stream.ts";
import type { Row, Rows, Value } from "../../ports/model-store.ts";
import { entryAt, lastEntry } from "../account-history.ts";
import { findAnomaly } from "../anomalies.ts";
import { anomalyRecord, type StuckRule } from "../anomaly-record.ts";
import { type Found, found, MISSING } from "../answers.ts";
import { balanceAsOf, balanceRecord, findAccount } from "../balances.ts";
import { shownEntry } from "../entries.ts";
import { recordAsOf } from "../lifecycle-record.ts";
import { findRecord, findRow } from "../lifecycles.ts";
import type { Moment } from "../moment.ts";
import { accountsOf, type Platform } from "../platform.ts";
import { findRun } from "../runs.ts";
import {
  ACCOUNT_FACT_KEY,
  accountFacts,
  type EntryFactOptions,
  factsOfEntry,
  LIFECYCLE_FACT_KEY,
  lastEntryId,
  lifecycleFacts,
  storedEntries,
} from "./facts.ts";
import { type ListedFact, type Subject, viewOf } from "./subject.ts";

/** The platform and the moment of a request, and what is required to find its subject. */
export type Asking = Readonly<{
  platform: Platform;
  hashing: Hashing;
  rule: StuckRule;
  moment: Moment;
  nextTurn: () => Promise<void>;
}>;

const BALANCE_PARTS = {
  values: ["balance"],
  status: ["status"],
  hidden: ["position"],
};

/** The balance of an account. */
export async function balanceSubject(
  rows: Rows,
  id: string,
  { platform, hashing, moment }: Pick<Asking, "platform" | "hashing" | "moment">,
): Promise<Found<Subject>> {
  const account = await findAccount(rows, { id, platform, moment });
  if (account.outcome !== "found") return account;
  const { as_of: asOf, at_position: position } = moment;
  const storedEntry = storedEntries({ rows, position });
  const shown = account.record;
  const own = shown.id;
  const recordIn = async (from: Rows) => {
    const row = await from.get(ACCOUNTS, [own]);
    if (row === null) return null;
    return asOf === undefined ? balanceRecord(row) : balanceAsOf(from, balanceRecord(row), asOf);
  };
  return found({
    model: "balances",
    id: own,
    shown,
    concerns: { accounts: [own] },
    expected: viewOf(shown, BALANCE_PARTS),
    view: async (from) => viewOf(await recordIn(from), BALANCE_PARTS),
    accountOf: () => own,
    key: ACCOUNT_FACT_KEY,
    facts: (from, beyond) => balanceFacts(from, own, { beyond, asOf, hashing, storedEntry }),
  });
}

type EntryFacts = EntryFactOptions & Readonly<{ beyond: readonly Value[] | null }>;
type BalanceFacts = EntryFacts & Readonly<{ asOf: Nanos | undefined }>;

async function* balanceFacts(
  rows: Rows,
  account: string,
  { beyond, asOf, ...options }: BalanceFacts,
): AsyncGenerator<ListedFact> {
  const end = asOf === undefined ? null : await lastEntry({ rows, account }, asOf);
  if (asOf !== undefined && end === null) return;
  const last = end === null ? await lastEntryId(rows, account) : String(end.id);
  yield* accountFacts(rows, account, beyond ?? (end && endKey(end)), { ...options, last });
}

/** The key from which an entry and all earlier ones are listed. */
const endKey = ({ placed_at = null, rank = null, mark = null }: Row): readonly Value[] => [
  placed_at,
  rank,
  mark,
  "",
];

/** One entry of an account, by the event of its report or of one of its movements. */
export async function entrySubject(
  rows: Rows,
  stream: EventStream,
  id: string,
  { platform, hashing, moment }: Pick<Asking, "platform" | "hashing" | "moment">,
): Promise<Found<Subject>> {
  const { as_of, at_position: position } = moment;
  const event = (await stream.findByIds([id])).known.get(id)?.event;
  if (event === undefined || event.position > (position ?? event.position)) return MISSING;
  const [target] = targetsOf({ type: event.type, data: readData(event) });
  if (target === undefined || accountsOf([target.account], platform).length === 0) return MISSING;
  const { account } = target;
  const key =
    target.kind === "statement"
      ? `snapshot:${target.connection}:${target.frame}`
      : `run:${target.key}`;
  const row = await entryAt({ rows, account, position }, key);
  if (row === null || (as_of !== undefined && BigInt(row.effective_at ?? 0) > as_of))
    return MISSING;
  const { entry } = await shownEntry(rows, row, position);
  const storedEntry = storedEntries({ rows, position });
  return found({
    model: "balances",
    id,
    concerns: { accounts: [account] },
    shown: entry,
    expected: viewOfEntry(entry),
    view: (from) => entryView(from, account, key),
    accountOf: () => account,
    key: ACCOUNT_FACT_KEY,
    facts: (from, beyond) => entryFacts(from, account, key, { beyond, hashing, storedEntry }),
  });
}

async function* entryFacts(
  rows: Rows,
  account: string,
  id: string,
  { beyond, ...options }: EntryFacts,
): AsyncGenerator<ListedFact> {
  const row = await rows.get(ENTRIES, [account, id]);
  if (row === null) return;
  const [at = null, rank = null, mark = null, item = ""] = beyond ?? endKey(row);
  const from = { at: BigInt(at ?? 0), rank: Number(rank), mark: String(mark), item: String(item) };
  yield* factsOfEntry(rows, row, from, { ...options, last: null });
}

async function entryView(rows: Rows, account: string, id: string): Promise<View | null> {
  const row = await rows.get(ENTRIES, [account, id]);
  return row === null ? null : viewOfEntry((await shownEntry(rows, row)).entry);
}

/**
 * The view of an entry, without where, when and in which order its facts were recorded. Taking an event
 * back corrects its fact once more, so whether anything was corrected is no part of it either.
 */
function viewOfEntry(entry: EntryRecord): View | null {
  const movements = "movements" in entry ? entry.movements.map(uncorrected) : [];
  return viewOf({ ...entry, movements }, ENTRY_PARTS);
}

const uncorrected = ({ corrected: _, ...movement }: MovementRecord) => movement;

const ENTRY_PARTS = {
  values: ["change", "balance", "movements", "run_type", "effective_at"],
  status: [],
  hidden: ["position", "delivery_id", "late", "corrected", "movement_count"],
};

const RUN_ACCOUNTS_MAX = 10_000;

/** A run, with its entries on all visible accounts. */
export async function runSubject(
  rows: Rows,
  id: string,
  { platform, hashing, moment, nextTurn }: Asking,
): Promise<Found<Subject>> {
  const run = await findRun(rows, id, { platform, moment, nextTurn });
  if (run.outcome !== "found") return run;
  const { provider, run_id, accounts } = run.record;
  const key = `run:${run_id}`;
  const ids = accounts.map(({ account }) => account).sort();
  const storedEntry = storedEntries({ rows, position: moment.at_position });
  return found({
    model: "balances",
    id: run_id,
    shown: run.record,
    concerns: { accounts: ids },
    expected: undefined,
    view: (from, fact) => entryView(from, String(fact?.key[0] || (ids[0] ?? "")), key),
    accountOf: (fact) => (fact.key[0] === "" ? null : String(fact.key[0])),
    key: ["text", "nanos", "integer", "text", "text"],
    facts: (from, beyond) =>
      runFacts(from, {
        provider,
        run_id,
        key,
        ids: ids.slice(0, RUN_ACCOUNTS_MAX),
        beyond,
        hashing,
        storedEntry,
        run: run.record,
      }),
  });
}

type RunFacts = EntryFacts &
  Readonly<{
    provider: string;
    run_id: string;
    key: string;
    ids: readonly string[];
    run: RunRecord;
  }>;

async function* runFacts(rows: Rows, asked: RunFacts): AsyncGenerator<ListedFact> {
  const { provider, run_id, key, ids, beyond, hashing, storedEntry, run } = asked;
  const [account = "", ...place] = beyond ?? [""];
  if (beyond === null) yield runItself({ provider, run_id, hashing, run });
  for (const one of ids) {
    if (one < String(account)) continue;
    const from = one === account && place.length > 0 ? place : null;
    for await (const fact of entryFacts(rows, one, key, { beyond: from, hashing, storedEntry })) {
      const reason = async (state: FactState) => `on ${one}, ${await fact.reason(state)}`;
      yield { ...fact, reason, key: [one, ...fact.key] };
    }
  }
}

function runItself({
  provider,
  run_id,
  hashing,
  run,
}: Pick<RunFacts, "provider" | "run_id" | "hashing" | "run">): ListedFact {
  const data = { provider, run_id };
  const type = run.run_type === null ? "" : ` of type ${run.run_type}`;
  const at = run.occurred_at === null ? "without a time" : `at ${run.occurred_at}`;
  return {
    id: providerEventId({ type: "RunRecorded", data } as ProviderFact, hashing),
    reason: () => `run ${run_id}${type} is stated ${at}; balances take its time from reports`,
    isOvertaken: false,
    entry: null,
    key: ["", 0n, 0, "", ""],
  };
}

/** A withdrawal, deposit or trade. */
export async function lifecycleSubject(
  rows: Rows,
  model: LifecycleModel,
  id: string,
  { platform, hashing, rule, moment }: Asking,
): Promise<Found<Subject>> {
  const row = await findRow(rows, { model, id, platform, moment });
  if (row.outcome !== "found") return row;
  const own = String(row.record.id);
  const record = await findRecord(rows, { model, id: own, rule, platform, moment });
  if (record.outcome !== "found") return record;
  const { history: _, history_length: _length, ...shown } = record.record;
  const { participant_code, cluster } = row.record;
  const { as_of, at_position: position } = moment;
  const history = { rows, position, cluster: cluster ?? null };
  const recordIn = async (from: Rows) => {
    const stored = await from.get(RECORDS, [own]);
    return stored && recordAsOf(from, stored, { model, moment: { as_of } });
  };
  return found({
    model,
    id: own,
    shown,
    concerns: { record: own, participant: (participant_code ?? null) as string | null },
    expected: recordView(row.record),
    view: async (from) => recordView(await recordIn(from)),
    accountOf: () => null,
    key: LIFECYCLE_FACT_KEY,
    facts: async function* (from, beyond) {
      const stored = await from.get(RECORDS, [own]);
      const base = Number(stored?.cluster ?? cluster);
      yield* lifecycleFacts(from, base, beyond, { model, hashing, history });
    },
  });
}

/** The view of a record, without its history and what depends on the clock. */
function recordView(row: Row | null): View | null {
  if (row === null) return null;
  const { history_length: _, ...state } = JSON.parse(String(row.state));
  const { opened_at, updated_at } = row;
  const timeIn = (at: Value | undefined) => formatTime(BigInt(at ?? 0));
  const times = { opened_at: timeIn(opened_at), updated_at: timeIn(updated_at) };
  return viewOf(
    { ...state, ...times },
    { values: ["stage", "amount", "settled_amount"], status: ["provider_status", "link"] },
  );
}

/** An anomaly, explained by the facts of the account or record that it is about. */
export async function anomalySubject(
  rows: Rows,
  model: ModelName,
  id: string,
  asking: Asking,
): Promise<Found<Subject>> {
  const { platform, rule, hashing, moment } = asking;
  const anomaly = await findAnomaly(rows, { model, id, rule, platform, moment });
  if (anomaly === null) return MISSING;
  const about = isLifecycle(model)
    ? await lifecycleSubject(rows, model, anomaly.subject, asking)
    : await balanceSubject(rows, anomaly.subject, { platform, hashing, moment });
  const base = about.outcome === "found" ? about.record : emptySubject(model);
  const entries = namedEntries(anomaly);
  const storedEntry = storedEntries({ rows, position: moment.at_position });
  const options = { hashing, storedEntry };
  const facts = entries.length === 0 ? base.facts : factsOf(anomaly.subject, entries, options);
  return found({
    ...base,
    id,
    shown: anomaly,
    facts,
    key: entries.length === 0 ? base.key : ["integer", ...ACCOUNT_FACT_KEY],
    expected: about.outcome === "found" ? anomalyView(anomaly) : undefined,
    view: async (from) => {
      const row = await from.get(ANOMALIES, [id]);
      return anomalyView(row && anomalyRecord(row, model));
    },
    accountOf: () => null,
  });
}

function anomalyView(anomaly: AnomalyRecord | null): View {
  const isOpen = anomaly !== null && anomaly.closed_position === null;
  const detail = isOpen ? anomaly.detail : null;
  return { values: { anomaly: isOpen ? "open" : "closed", detail }, status: {}, also: {} };
}

/** The base of an anomaly about a delivery or the whole ledger, which have no facts to show. */
const emptySubject = (model: ModelName): Subject => ({
  model,
  id: "",
  shown: null,
  concerns: { accounts: [] },
  expected: undefined,
  view: async () => null,
  accountOf: () => null,
  key: ACCOUNT_FACT_KEY,
  facts: async function* () {},
});

/** Ids of the entries that an account's anomaly names. */
function namedEntries({ model, kind, detail }: AnomalyRecord): readonly string[] {
  if (model !== "balances") return [];
  const names = kind === "gap" ? [detail.before_run_id, detail.after_run_id] : [detail.run_id];
  return names.flatMap((name) => {
    if (typeof name !== "string") return [];
    return [name.startsWith("snapshot:") ? name : `run:${name}`];
  });
}

const factsOf = (
  account: string,
  entries: readonly string[],
  options: EntryFactOptions,
): Subject["facts"] =>
  async function* (rows, beyond) {
    const [index = 0, ...place] = beyond ?? [];
    for (const [at, entry] of entries.entries()) {
      if (at < Number(index)) continue;
      const from = at === index && place.length > 0 ? place : null;
      for await (const fact of entryFacts(rows, account, entry, { ...options, beyond: from })) {
        yield { ...fact, key: [at, ...fact.key] };
      }
    }
  };
