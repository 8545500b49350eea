import type { ProviderFact, ProviderFactType } from "@counterfoil/contracts/fact";
import type { LifecycleModel } from "@counterfoil/contracts/record";
import type { Hashing } from "@counterfoil/core/hashing";
import { providerEventId } from "@counterfoil/core/ingest/event";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import {
  datedFact,
  type EntryOutcome,
  type Lifecycle,
  lifecycleReason,
} from "@counterfoil/core/lifecycle/lifecycle-fact";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import { factStateFrom } from "../../models/columns.ts";
import type { Cluster } from "../../models/lifecycle/clusters.ts";
import {
  CLUSTERS,
  HISTORY,
  having,
  LIFECYCLE_FACTS,
  PLACE,
} from "../../models/lifecycle/tables.ts";
import type { ColumnType, Row, Rows, Value } from "../../ports/model-store.ts";
import { compareTuples, everyRow } from "../../projection/selection.ts";
import type { ListedFact } from "./subject.ts";

const LIFECYCLES: Readonly<Record<LifecycleModel, Lifecycle>> = {
  withdrawals: WITHDRAWALS,
  deposits: DEPOSITS,
  trades: TRADES,
};

/** The time when a fact took effect, and its id, both descending. */
export const LIFECYCLE_FACT_KEY: readonly ColumnType[] = ["nanos", "text"];

type Options = Readonly<{ model: LifecycleModel; hashing: Hashing }>;

/** The facts of all clusters of a record, the newest first. */
export async function* lifecycleFacts(
  rows: Rows,
  base: number,
  beyond: readonly Value[] | null,
  options: Options,
): AsyncGenerator<ListedFact> {
  const lists = (await membersOf(rows, base)).map((cluster) => factsIn(rows, cluster, beyond));
  const nextRows = await Promise.all(lists.map(async (list) => (await list.next()).value ?? null));
  for (;;) {
    const at = newest(nextRows);
    const row = nextRows[at];
    if (row === undefined || row === null) return;
    yield listedFact(rows, base, row, options);
    nextRows[at] = (await lists[at]?.next())?.value ?? null;
  }
}

const keyOf = ({ at, id }: Row): Value[] => [BigInt(at ?? 0), String(id)];

function newest(nextRows: readonly (Row | null)[]): number {
  let best = -1;
  nextRows.forEach((row, at) => {
    const other = nextRows[best] ?? null;
    if (row === null) return;
    if (other === null || compareTuples(keyOf(row), keyOf(other)) > 0) best = at;
  });
  return best;
}

function factsIn(
  rows: Rows,
  cluster: number,
  beyond: readonly Value[] | null,
): AsyncGenerator<Row> {
  const behind = beyond === null ? {} : { beyond };
  const selection = having({ cluster }, ["at", "id"], { descending: true, limit: 100, ...behind });
  return everyRow(rows, LIFECYCLE_FACTS, selection);
}

/** The clusters of a record: those connected with its base by any number of links. */
async function membersOf(rows: Rows, base: number): Promise<readonly number[]> {
  const members = new Set([base]);
  for (const member of members) {
    const row = await rows.get(CLUSTERS, [member]);
    const { links = [] } = (row === null ? {} : JSON.parse(String(row.data))) as Partial<Cluster>;
    for (const { to } of links) members.add(to);
  }
  return [...members];
}

function listedFact(rows: Rows, base: number, row: Row, { model, hashing }: Options): ListedFact {
  const type = row.type as ProviderFactType;
  const { data } = factStateFrom(JSON.parse(String(row.state)));
  return {
    id: providerEventId({ type, data } as ProviderFact, hashing),
    reason: (state) => reasonOf(rows, base, { row, state, type }, { model, hashing }),
    isOvertaken: false,
    entry: null,
    key: keyOf(row),
  };
}

type Placed = Readonly<{ row: Row; state: FactState; type: ProviderFactType }>;

/** What the fact says, and the outcome of its entries in the record's history. */
async function reasonOf(
  rows: Rows,
  base: number,
  { row, state, type }: Placed,
  { model, hashing }: Options,
): Promise<string> {
  const id = String(row.id);
  const tie = hashing.sha256(id).slice(0, 16);
  const at = BigInt(row.at ?? 0);
  const reading = LIFECYCLES[model].read(datedFact({ id, type, state }, tie, at));
  const stored = await rows.select(HISTORY, having({ record: base, at }, PLACE.slice(1)));
  const outcomes = (reading?.entries ?? []).map((_, seq) => {
    const word = stored.find((one) => String(one.tie).endsWith(`:${tie}`) && one.seq === seq);
    return word === undefined ? null : outcomeIn(word);
  });
  return `${typeText(type)}: ${lifecycleReason(reading, outcomes)}`;
}

const outcomeIn = ({ after, moves, flag, late }: Row): EntryOutcome => ({
  after: typeof after === "string" ? after : null,
  moves: moves === 1,
  flag: typeof flag === "string" ? flag : null,
  late: late === 1,
});

/** `DepositStatusReported` in words. */
const typeText = (type: string): string =>
  type.replaceAll(/(?!^)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).toLowerCase();
