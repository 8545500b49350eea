import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { createTablesSql } from "@counterfoil/adapters/sql/tables";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import { SQLITE } from "@counterfoil/adapters/sqlite/model-tables";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type {
  Commit,
  ModelCatalogue,
  ModelStore,
  Row,
  Selection,
  Table,
} from "@counterfoil/processing/ports/model-store";
import type { Projection } from "@counterfoil/processing/projection/projection";
import { type HotShape, hotEvents } from "./hot-shapes.ts";
import { hashing } from "./support.ts";

/** Work that no machine's speed has a part in. */
type CountedWork = Readonly<{
  /** Rows that were asked for and written, for each fact. */
  rowsPerFact: number;
  /** The same for each fact and each record that it changed: a late one may move others on. */
  rowsPerMove: number;
  /** Text written for each fact: a row that holds a whole history grows with it. */
  textPerFact: number;
}>;

type HotWork = Readonly<{
  /** What a fact costs after hundreds, when clusters and caches have their full size. */
  few: CountedWork;
  /** And after thousands. */
  many: CountedWork;
  /** Rows that a projector asks for before it goes on where it stood. */
  askedToReopen: number;
  /** Rows that were asked for, and written, over all facts. */
  asked: number;
  written: number;
  facts: number;
  /** Every kind of question that was asked. */
  questions: readonly Question[];
}>;

type Question = Readonly<{ table: Table; selection: Selection }>;

/** The second stretch is compared with the last: where a fact costs a share of all, 3 to 1. */
const STRETCHES = 5;
/** Facts of a commit of a projector; half of each stretch is one commit, as in a rebuild. */
const LIVE = 20;

/** Begins anew after each commit, as after a restart: nothing is known of rows. */
export const FORGETFUL = true;

/**
 * Folds a shape into a model that hears of nothing else, and counts what is done with its rows.
 *
 * @param stretch facts that are counted together; in one of them all that is bounded grows up
 * @param isForgetful see `FORGETFUL`
 */
export async function workOf(
  catalogue: ModelCatalogue,
  shape: HotShape,
  stretch: number,
  isForgetful = false,
): Promise<HotWork> {
  const projection = PROJECTIONS[shape.model];
  const { model, tables, version: modelVersion } = projection;
  await catalogue.create(model, { tables, modelVersion });
  const opened = await catalogue.openForWriting(model, 1);
  try {
    const { store, counts, questions } = countWork(opened);
    let session = await projection.open(store, hashing);
    const done: CountedWork[] = [];
    let [position, before] = [0, counts()];
    for (const event of hotEvents(shape.deliveries(STRETCHES * stretch))) {
      position += 1;
      const recorded = { ...event, position, hash: String(position), recorded_at: 0n };
      await session.apply(recorded);
      const inStretch = position % stretch;
      const isDue = inStretch === 0 || (inStretch >= stretch / 2 && inStretch % LIVE === 0);
      if (isDue) await session.commit();
      if (isDue && isForgetful) session = await projection.open(store, hashing);
      if (inStretch > 0) continue;
      done.push(workBetween(before, counts(), stretch));
      before = counts();
    }
    const [few, many] = [done[1], done[STRETCHES - 1]];
    if (few === undefined || many === undefined) throw new Error(`too few facts: ${position}`);
    const { asked, written } = counts();
    const askedToReopen = await rowsToReopen(projection, opened);
    const all = { asked, written, facts: position };
    return { few, many, askedToReopen, ...all, questions: questions() };
  } finally {
    await opened.close();
  }
}

type Counts = Readonly<{ asked: number; written: number; changes: number; text: number }>;

function workBetween(before: Counts, after: Counts, facts: number): CountedWork {
  const rows = after.asked + after.written - before.asked - before.written;
  return {
    rowsPerFact: rows / facts,
    rowsPerMove: rows / (facts + after.changes - before.changes),
    textPerFact: (after.text - before.text) / facts,
  };
}

async function rowsToReopen(projection: Projection, opened: ModelStore): Promise<number> {
  const { store, counts } = countWork(opened);
  await projection.open(store, hashing);
  return counts().asked;
}

/** A store that counts what is done with it. */
function countWork(store: ModelStore) {
  const counted = { asked: 0, written: 0, changes: 0, text: 0 };
  const questions = new Map<string, Question>();
  const count = ({ inserts, puts, deletes }: Commit) => {
    for (const { table, rows } of [...inserts, ...puts]) {
      counted.written += rows.length;
      if (table.name === "changes") counted.changes += rows.length;
      for (const row of rows) counted.text += textLength(row);
    }
    for (const { keys } of deletes) counted.written += keys.length;
  };
  const counting: ModelStore = {
    ...store,
    get: async (table, key) => {
      counted.asked += 1;
      return store.get(table, key);
    },
    select: async (table, selection) => {
      const question = { table, selection };
      questions.set(sqlOf(question).text, question);
      const found = await store.select(table, selection);
      counted.asked += Math.max(1, found.length);
      return found;
    },
    commit: async (commit) => {
      count(commit);
      await store.commit(commit);
    },
  };
  const counts = (): Counts => ({ ...counted });
  return { store: counting, counts, questions: () => [...questions.values()] };
}

const textLength = (row: Row): number =>
  Object.values(row).reduce<number>((sum, value) => sum + String(value ?? "").length, 0);

const tableSqlOf = createTablesSql(SQLITE, ({ name }) => `"${name}"`);

const sqlOf = ({ table, selection }: Question) => tableSqlOf(table).select(selection);

/**
 * The same on SQLite. Rows that it walks past on its way to an answer are work too, and nobody
 * counts them: `walks` are the questions that it does not seek, or has to sort, with its plan.
 */
export async function workOnSqlite(shape: HotShape, stretch: number, isForgetful = false) {
  const dataDir = mkdtempSync(join(tmpdir(), "counterfoil-hot-"));
  const catalogue = openModelCatalogue({ dataDir });
  try {
    const work = await workOf(catalogue, shape, stretch, isForgetful);
    return { ...work, walks: walksIn(join(dataDir, "models", `${shape.model}.1.db`), work) };
  } finally {
    await catalogue.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function walksIn(file: string, { questions }: HotWork): readonly string[] {
  const database = new DatabaseSync(file, { readOnly: true });
  const walks = questions.flatMap((question) => {
    const { text, values } = sqlOf(question);
    const steps = database.prepare(`EXPLAIN QUERY PLAN ${text}`);
    const plan = steps.all(...(values as SQLInputValue[])).map(({ detail }) => String(detail));
    const isFixed = (question.selection.where ?? []).every(
      ({ column, is }) => is !== "=" || plan.join().includes(`${column}=?`),
    );
    const isSought = isFixed && (!/[<>]/.test(text) || /[<>]/.test(plan.join()));
    return isSought && !plan.join().includes("TEMP B-TREE") ? [] : [`${text}: ${plan.join("; ")}`];
  });
  database.close();
  return walks;
}
