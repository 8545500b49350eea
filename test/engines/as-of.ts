import type { AnomalyRecord } from "@counterfoil/contracts/operations-record";
import { LIFECYCLE_MODELS, type LifecycleModel } from "@counterfoil/contracts/record";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import { takeStep } from "@counterfoil/core/lifecycle/stages";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import { ENTRIES } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { HISTORY, NAMES, RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { ModelStore, Row, Rows, Table } from "@counterfoil/processing/ports/model-store";
import {
  openProjectionRun,
  type ProjectionRun,
  runTo,
} from "@counterfoil/processing/projection/run";
import { compareTuples } from "@counterfoil/processing/projection/selection";
import { ENTRY_ORDER } from "@counterfoil/processing/queries/account-history";
import {
  type AnomalyFilters,
  mergeAnomalies,
  readAnomalies,
} from "@counterfoil/processing/queries/anomalies";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import type { Page, PageRequest } from "@counterfoil/processing/queries/answers";
import { findAccount, listBalances } from "@counterfoil/processing/queries/balances";
import { listEntries } from "@counterfoil/processing/queries/entries";
import { type LifecycleFilters, listRecords } from "@counterfoil/processing/queries/lifecycle-list";
import { findRecord, listHistory } from "@counterfoil/processing/queries/lifecycles";
import type { Moment } from "@counterfoil/processing/queries/moment";
import { findRun } from "@counterfoil/processing/queries/runs";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { createRandom, shuffled } from "@counterfoil/simulator/random";
import { expect } from "@jest/globals";
import { allRows, byModel, hashing, type TestLedger } from "../system/support.ts";

const platform = null;
const nextTurn = async () => {};
const rule = stuckRule(1_800_000_000_000_000_000n, 86_400);
const LIFECYCLES = { withdrawals: WITHDRAWALS, deposits: DEPOSITS, trades: TRADES } as const;

/** What is compared at one position: everything, or as much as keeps a slow engine busy for a moment. */
export type Thoroughness = Readonly<{ positions: number; times: number; records: number }>;

type Refold = Readonly<{ run: ProjectionRun; store: ModelStore }>;

/**
 * Reads the live models as of positions, and as of times by the facts up to there: what the stream
 * up to that position, folded anew, says now and says of that time.
 */
export async function expectAsRefolded(
  ledger: TestLedger,
  seed: number,
  { positions, times, records }: Thoroughness,
): Promise<void> {
  await ledger.catchUp();
  const random = createRandom(seed, "as-of");
  const { position: head } = await ledger.stream.head();
  const refolds = await Promise.all(MODEL_NAMES.map((model) => openRefold(ledger, model)));
  const refold = byModel((_, at) => refolds[at] as Refold);
  const chosen = new Set([head]);
  while (chosen.size < Math.min(positions, head)) chosen.add(1 + random.below(head));
  const few = <T>(all: readonly T[]) => shuffled(all, random).slice(0, records);
  for (const at_position of [...chosen].sort((a, b) => a - b)) {
    for (const { run } of refolds) await runTo(ledger.stream, run, at_position);
    const compare = { at_position, times, few };
    const isBetween = await isBetweenFacts(ledger, at_position);
    await ledger.read("balances", (rows) =>
      compareBalances({ rows, folded: refold.balances.store, ...compare }),
    );
    for (const model of LIFECYCLE_MODELS) {
      const then = refold[model].store;
      await ledger.read(model, (rows) => compareRecords(model, { rows, folded: then, ...compare }));
    }
    for (const model of MODEL_NAMES) {
      const then = refold[model].store;
      await ledger.read(model, async (rows) => {
        const read = (from: Rows, moment: Moment, filters: AnomalyFilters = {}) =>
          anomaliesIn(from, { model, moment, filters });
        // What one delivery opened and closed again at once never stood.
        const stands = isBetween ? await idsIn(rows, ANOMALIES) : null;
        const all = await read(then, {});
        for (const filters of [{}, ...few(all.flatMap(filtersOfAnomaly))]) {
          const found = await read(then, {}, filters);
          const stored = found.filter(({ id }) => stands === null || stands.has(id));
          const what = [model, at_position, filters];
          expectSame(await read(rows, { at_position }, filters), stored, what);
        }
      });
    }
  }
}

const idsIn = async (rows: Rows, table: Table): Promise<ReadonlySet<unknown>> =>
  new Set((await allRows(rows, table)).map(({ id }) => id));

/** Whether a delivery recorded the event there and the next one at once. */
async function isBetweenFacts({ stream }: TestLedger, position: number): Promise<boolean> {
  const [last, next] = await stream.read({ after: position - 1, limit: 2 });
  const isSame = (of: "causation_id" | "recorded_at") => last?.[of] === next?.[of];
  return next !== undefined && isSame("causation_id") && isSame("recorded_at");
}

async function openRefold(ledger: TestLedger, model: (typeof MODEL_NAMES)[number]) {
  const projection = ledger.projections[model];
  const { tables, version: modelVersion } = projection;
  const catalogue = createMemoryModelCatalogue();
  const generation = (await catalogue.create(model, { tables, modelVersion })) ?? 1;
  const store = await catalogue.openForWriting(model, generation);
  const run = await openProjectionRun({ stream: ledger.stream, projection, store, hashing });
  return { run, store };
}

function expectSame(found: unknown, expected: unknown, what: readonly unknown[]): void {
  expect([what, found]).toEqual([what, expected]);
}

async function pages<T>(read: (page: PageRequest) => Promise<Page<T>>, limit: number) {
  const all: T[] = [];
  for (let beyond: Page<T>["next"] = null; ; ) {
    const { data, next }: Page<T> = await read({ limit, beyond });
    all.push(...data);
    if (next === null) return all;
    beyond = next;
  }
}

type Comparing = Readonly<{
  /** The live model, and the one that was folded up to the position alone. */
  rows: Rows;
  folded: Rows;
  at_position: number;
  times: number;
  few: <T>(all: readonly T[]) => readonly T[];
}>;

/** Now, and some times that make a difference. */
function momentsOf({ times, few }: Comparing, stored: readonly Row[], column: string) {
  const all = [...new Set(stored.map((row) => row[column] as bigint))].flatMap((at) => [
    at,
    at - 1n,
  ]);
  return [undefined, ...few(all).slice(0, times)];
}

async function compareBalances(comparing: Comparing): Promise<void> {
  const { rows, folded: then, at_position, few } = comparing;
  const entries = await allRows(then, ENTRIES);
  for (const as_of of momentsOf(comparing, entries, "effective_at")) {
    const what = ["balances", at_position, as_of] as const;
    const list = (from: Rows, moment: Moment) =>
      pages((page) => listBalances(from, { filters: {}, page, moment, platform, nextTurn }), 7);
    const balances = await list(then, { as_of });
    expectSame(await list(rows, { as_of, at_position }), balances, what);
    if (as_of !== undefined) {
      const shown = new Set(balances.map(({ id }) => String(id)));
      const ownersOf = (rows: readonly Row[]) => [...new Set(rows.map(({ account }) => account))];
      const tookEffect = entries.filter((row) => (row.effective_at as bigint) <= as_of);
      const stoodBefore = tookEffect.filter((row) => (row.placed_at as bigint) <= as_of);
      // Whoever has an entry that stands before that time is there; of whoever is, one took effect.
      expectSame(
        ownersOf(stoodBefore).filter((id) => !shown.has(String(id))),
        [],
        what,
      );
      const effective = new Set(ownersOf(tookEffect));
      expectSame(
        [...shown].filter((id) => !effective.has(id)),
        [],
        what,
      );
    }
    for (const { id } of few(balances)) {
      const one = (from: Rows, moment: Moment) => findAccount(from, { id, platform, moment });
      const found = await one(rows, { as_of, at_position });
      expectSame(found, await one(then, { as_of }), what);
      if (as_of !== undefined && found.outcome === "found") {
        expectSame(found.record.balance, lastBy(entries, id, as_of), [...what, id]);
      }
      const history = (from: Rows, moment: Moment) =>
        pages((page) => listEntries(from, id, { page, moment, nextTurn }), 5);
      const expected = await history(then, { as_of });
      expectSame(await history(rows, { as_of, at_position }), expected, [...what, id]);
      const last = expected.findLast(({ kind }) => kind === "run" || kind === "snapshot");
      const { balance } = balances.find((account) => account.id === id) ?? {};
      if (as_of === undefined) expectSame(last && "balance" in last && last.balance, balance, what);
    }
  }
  for (const id of few(entries.map(({ run_id }) => run_id).filter((id) => id !== null))) {
    const run = (from: Rows, moment: Moment) =>
      findRun(from, String(id), { platform, moment, nextTurn });
    expectSame(await run(rows, { at_position }), await run(then, {}), ["run", id, at_position]);
  }
}

/**
 * The balance after the last entry of an account, in its order, that took effect by a time; a
 * snapshot no earlier than the run that it stands behind.
 */
function lastBy(entries: readonly Row[], account: string, time: bigint): unknown {
  const inOrder = entries
    .filter((row) => row.account === account)
    .sort((a, b) => compareTuples(placeOf(a), placeOf(b)));
  const isInTime = ({ effective_at }: Row) => BigInt(effective_at ?? 0) <= time;
  const last = inOrder.findLast((row, at) => {
    const anchor = inOrder.slice(0, at).findLast(({ kind }) => kind === "run");
    return isInTime(row) && (row.kind === "run" || anchor === undefined || isInTime(anchor));
  });
  return last?.running ?? null;
}

const placeOf = (row: Row) => ENTRY_ORDER.map((column) => row[column] ?? null);

async function compareRecords(model: LifecycleModel, comparing: Comparing): Promise<void> {
  const { rows, folded: then, at_position, few } = comparing;
  const steps = await allRows(then, HISTORY);
  const records = await allRows(then, RECORDS);
  const names = await allRows(then, NAMES);
  for (const as_of of momentsOf(comparing, steps, "at")) {
    const what = [model, at_position, as_of] as const;
    const list = async (from: Rows, moment: Moment, filters: LifecycleFilters) => {
      const query = { model, filters, rule, moment, platform, nextTurn };
      const all = await pages((page) => listRecords(from, { ...query, page }), 6);
      return all.sort((a, b) => (a.id < b.id ? -1 : 1));
    };
    for (const filters of [{}, ...few([...records.flatMap(filtersOfRecord), ...namedBy(names)])]) {
      const expected = await list(then, { as_of }, filters);
      expectSame(await list(rows, { as_of, at_position }, filters), expected, [...what, filters]);
    }
    for (const { id, cluster } of few(records)) {
      const query = { model, id: String(id), rule, platform };
      const one = (from: Rows, moment: Moment) => findRecord(from, { ...query, moment });
      const found = await one(rows, { as_of, at_position });
      expectSame(found, await one(then, { as_of }), [...what, id]);
      const walked = walk(model, steps, { cluster, as_of });
      if (found.outcome === "found") {
        const { stage, history_length, updated_at } = found.record;
        expectSame({ stage, history_length }, walked, [...what, id, updated_at]);
      } else expectSame(walked.history_length, 0, [...what, id]);
      const history = async (from: Rows, moment: Moment) => {
        const read = async (page: PageRequest) => {
          const page_ = await listHistory(from, { ...query, moment }, page);
          return page_.outcome === "found" ? page_.record : { data: [], next: null };
        };
        return pages(read, 4);
      };
      const expected = await history(then, { as_of });
      expectSame(await history(rows, { as_of, at_position }), expected, [...what, id]);
    }
  }
  for (const { name } of few(names)) {
    const named = (from: Rows, moment: Moment) =>
      findRecord(from, { model, id: String(name), rule, platform, moment });
    expectSame(await named(rows, { at_position }), await named(then, {}), [
      model,
      name,
      at_position,
    ]);
  }
}

/** Filters that find the record, or would have before its last change. */
function filtersOfRecord(row: Row): readonly LifecycleFilters[] {
  const { stage, provider, asset, participant_code, account_group, updated_at } = row;
  const one = (value: Row[string] | undefined) => [String(value)];
  const at = BigInt(updated_at ?? 0);
  return [
    { stage: one(stage) },
    { provider: one(provider), asset: one(asset) },
    { participant_code: one(participant_code), stage: one(stage) },
    { account_group: one(account_group), asset: one(asset) },
    { updated_since: at },
    { updated_until: at, provider: one(provider) },
    { stuck: true },
    { stuck: false, asset: one(asset) },
  ];
}

const namedBy = (names: readonly Row[]): readonly LifecycleFilters[] =>
  names.map(({ name }) => ({ identifier: [String(name)] }));

/** The words of a record up to a time, taken one after the other: nothing but the rules is asked. */
function walk(
  model: LifecycleModel,
  steps: readonly Row[],
  { cluster, as_of }: Readonly<{ cluster: unknown; as_of: bigint | undefined }>,
) {
  const own = steps.filter(
    ({ record, at }) => record === cluster && (as_of === undefined || (at as bigint) <= as_of),
  );
  const { rules, firstStage } = LIFECYCLES[model];
  let stage: string | null = null;
  // Rows come by their key: that is a history's order.
  for (const row of own)
    stage = takeStep(stage, row as Parameters<typeof takeStep>[1], rules).after;
  return { stage: stage ?? firstStage, history_length: own.length };
}

/** Filters that find the anomaly, or what is like it. */
const filtersOfAnomaly = ({ kind, subject }: AnomalyRecord): readonly AnomalyFilters[] => [
  ...[{ kind: [kind] }, { subject: [subject] }, { kind: [kind], subject: [subject] }],
  ...[{ open: true }, { open: false }, { kind: [kind], open: true }],
];

type Anomalies = Readonly<{
  model: (typeof MODEL_NAMES)[number];
  moment: Moment;
  filters: AnomalyFilters;
}>;

async function anomaliesIn(from: Rows, { model, moment, filters }: Anomalies) {
  const query = { model, filters, rule, moment, platform, nextTurn };
  const all = await pages(async (page) => {
    const parts = await readAnomalies(from, { ...query, page });
    return mergeAnomalies(parts, page.limit, moment);
  }, 9);
  const stored = all.filter(({ kind }) => kind !== "stuck");
  return stored.sort((a, b) => (a.id < b.id ? -1 : 1));
}
