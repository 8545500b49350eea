import type { ExplainedFact, ExplainedKind, Explanation } from "@counterfoil/contracts/audit";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { RECORD_CHANGES, RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { Rows } from "@counterfoil/processing/ports/model-store";
import { openProjectionRun } from "@counterfoil/processing/projection/run";
import { stuckRule } from "@counterfoil/processing/queries/anomaly-record";
import { balanceRecord } from "@counterfoil/processing/queries/balances";
import { explain } from "@counterfoil/processing/queries/explain/explain";
import { LOOKED_THROUGH_MAX } from "@counterfoil/processing/queries/explain/unwind";
import type { Moment } from "@counterfoil/processing/queries/moment";
import { serveModels } from "@counterfoil/processing/queries/serving";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { createRandom, type Random } from "@counterfoil/simulator/random";
import { expect, test } from "@jest/globals";
import { playFlow } from "../engines/flow.ts";
import { allRows, hashing, type LedgerOptions, type TestLedger } from "./support.ts";

type Asked = Readonly<{ kind: ExplainedKind; id: string; limit?: number; moment?: Moment }>;

/** All pages of an explanation, as one. */
export async function explained(
  { stream, catalogue, clock }: TestLedger,
  { kind, id, limit = 100, moment = {} }: Asked,
): Promise<Explanation> {
  const models = serveModels({ stream, catalogue, clock });
  const query = {
    ...{ kind, id, limit, platform: null, hashing, translations: TRANSLATIONS, standings: null },
    ...{ rule: stuckRule(clock.now(), 86_400), nextTurn: async () => {} },
    moment,
  };
  const facts: ExplainedFact[] = [];
  try {
    for (let cursor: string | null = null; ; ) {
      const page = await explain(
        { stream, models },
        cursor === null ? query : { ...query, cursor },
      );
      if (page.outcome !== "found") throw new Error(`${kind} ${id}: ${page.outcome}`);
      facts.push(...page.record.facts);
      cursor = page.record.next_cursor;
      if (cursor === null) return { ...page.record, facts };
    }
  } finally {
    await models.close();
  }
}

/** What a model shows of one thing, and its open gaps, after these events. */
async function shownAfter(
  { stream }: TestLedger,
  model: ModelName,
  id: string,
  events: readonly RecordedEvent[],
) {
  const projection = PROJECTIONS[model];
  const { tables, version: modelVersion } = projection;
  const catalogue = createMemoryModelCatalogue();
  const generation = (await catalogue.create(model, { tables, modelVersion })) ?? 1;
  const store = await catalogue.openForWriting(model, generation);
  const run = await openProjectionRun({ stream, projection, store, hashing });
  await run.fold(events);
  const gaps = (await allRows(store, ANOMALIES))
    .filter((row) => row.kind === "gap" && row.subject === id && row.closed_position === null)
    .map(({ detail }) => String(detail));
  return { shown: await shownIn(store, model, id), gaps: gaps.sort() };
}

async function shownIn(rows: Rows, model: ModelName, id: string) {
  if (model === "balances") {
    const row = await rows.get(ACCOUNTS, [id]);
    if (row === null) return null;
    const { position: _, ...shown } = balanceRecord(row);
    return shown;
  }
  const row = await rows.get(RECORDS, [id]);
  if (row === null) return null;
  const { history_length: _, ...state } = JSON.parse(String(row.state));
  const { opened_at, updated_at } = row;
  return { ...state, opened_at: String(opened_at), updated_at: String(updated_at) };
}

const STATUS = ["status", "provider_status", "link"];
const statusIn = (shown: object | null) =>
  STATUS.map((name) => (shown as Record<string, unknown> | null)?.[name] ?? null);

/**
 * Takes facts of an explanation out of the stream, one at a time, and folds what is left anew: what
 * is shown then is what their roles say.
 */
async function expectRoles(
  ledger: TestLedger,
  model: ModelName,
  { kind, id }: Asked,
  { random, count, upTo }: Readonly<{ random: Random; count: number; upTo?: number }>,
): Promise<readonly string[]> {
  const moment = { at_position: upTo };
  const { facts } = await explained(ledger, { kind, id, moment });
  const whole = (await ledger.events()).filter(({ position }) => position <= (upTo ?? position));
  const now = await shownAfter(ledger, model, id, whole);
  const roles: string[] = [];
  const chosen = facts.length <= count ? facts : sample(facts, count, random);
  for (const { event_id, role, sentence } of chosen) {
    const left = whole.filter(({ id: other }) => other !== event_id);
    const then = await shownAfter(ledger, model, id, left);
    const isShownSame = JSON.stringify(then.shown) === JSON.stringify(now.shown);
    const isStatusSame =
      JSON.stringify(statusIn(then.shown)) === JSON.stringify(statusIn(now.shown));
    const opened = then.gaps.filter((gap) => !now.gaps.includes(gap));
    const found = { id, event_id, sentence, role };
    if (role === "decides")
      expect({ ...found, isShownSame }).toEqual({ ...found, isShownSame: false });
    else if (role === "confirms") {
      const confirms = opened.length > 0 || !isStatusSame;
      expect({ ...found, confirms }).toEqual({ ...found, confirms: true });
    } else expect({ ...found, ...then, gaps: opened }).toEqual({ ...found, ...now, gaps: [] });
    roles.push(role);
  }
  return roles;
}

function sample<T>(items: readonly T[], count: number, random: Random): readonly T[] {
  const newest = items.slice(0, Math.ceil(count / 2));
  const rest = items.slice(newest.length);
  return [...newest, ...Array.from({ length: count - newest.length }, () => random.pick(rest))];
}

export const KINDS = [
  ["withdrawals", "withdrawal"],
  ["deposits", "deposit"],
  ["trades", "trade"],
] as const;

const idsIn = async (ledger: TestLedger, model: "balances" | (typeof KINDS)[number][0]) =>
  (await ledger.rows(model, model === "balances" ? ACCOUNTS : RECORDS)).map(({ id }) => String(id));

/** Every account and record of a ledger, a few facts of each. */
export async function expectAllRoles(ledger: TestLedger, seed: number, each: number) {
  const random = createRandom(seed, "explain");
  const seen = new Map<string, number>();
  const note = (roles: readonly string[]) => {
    for (const role of roles) seen.set(role, (seen.get(role) ?? 0) + 1);
  };
  const events = new Map((await ledger.events()).map((event) => [event.id, event]));
  for (const id of await idsIn(ledger, "balances")) {
    const { facts } = await explained(ledger, { kind: "balance", id });
    // Facts of other accounts are never named.
    for (const { event_id } of facts) expect(events.get(event_id)?.subject).toBe(id);
    note(await expectRoles(ledger, "balances", { kind: "balance", id }, { random, count: each }));
  }
  for (const [model, kind] of KINDS) {
    for (const id of await idsIn(ledger, model)) {
      note(await expectRoles(ledger, model, { kind, id }, { random, count: each }));
    }
  }
  return seen;
}

/** What holds on every engine. */
export function defineExplainLaws(engineOf: () => NonNullable<LedgerOptions["engine"]>): void {
  test("taking a fact out of a flow with losses, repeats and corrections does what its role says", async () => {
    const ledger = await playFlow({ engine: engineOf(), order: 1 });
    const seen = await expectAllRoles(ledger, 1, 2);
    expect([...seen.keys()].sort()).toEqual(["confirms", "decides", "repeats", "superseded"]);
    await expectPastRoles(ledger, 8);
    await goOn(ledger);
    await expectPastRoles(ledger, 3);
    await ledger.close();
  });
}

/** So much more is recorded that what was since is not simply read any more. */
async function goOn({ stream, catchUp }: TestLedger): Promise<void> {
  const { position } = await stream.head();
  const events = Array.from({ length: LOOKED_THROUGH_MAX + 100 }, (_, number) => {
    const data = { provider: "zerohash", run_id: `later${number}`, translation: 2 };
    return {
      ...{ id: `f0000000-0000-5000-8000-${String(number).padStart(12, "0")}`, about: null },
      ...{ type: "RunRecorded", schema_version: 1, subject: `run:zerohash:later${number}` },
      ...{ occurred_at: null, causation_id: null, correlation_id: null },
      data: JSON.stringify(data),
    };
  });
  expect((await stream.append(position, events)).outcome).toBe("appended");
  await catchUp();
}

/** The same as of positions of the past, by the facts up to there. */
async function expectPastRoles(ledger: TestLedger, count: number): Promise<void> {
  const random = createRandom(2, "explain");
  const picked = <T>(from: readonly T[]): readonly T[] =>
    from.length === 0 ? [] : Array.from({ length: count }, () => random.pick(from));
  const seen: string[] = [];
  let reports = 0;
  const accounts = new Set(await idsIn(ledger, "balances"));
  const events = (await ledger.events()).filter(({ subject }) => accounts.has(subject));
  for (const { subject: id, position: upTo } of picked(events)) {
    const asked = { random, count: 2, upTo };
    seen.push(...(await expectRoles(ledger, "balances", { kind: "balance", id }, asked)));
  }
  expect(seen).toContain("decides");
  for (const { id, position, subject, data } of picked(events.filter(isReport))) {
    const moment = { at_position: random.pick(events.slice(events.length / 2)).position };
    if (moment.at_position < position) continue;
    const entry = await explained(ledger, { kind: "entry", id, moment });
    expect(entry.facts).not.toEqual([]);
    reports += 1;
    for (const { event_id } of entry.facts) {
      expect(events.find((event) => event.id === event_id)).toMatchObject({ subject });
    }
    const run = { kind: "run", id: JSON.parse(data).run_id, moment } as const;
    for (const fact of (await explained(ledger, run)).facts) {
      expect(Number(fact.position)).toBeLessThanOrEqual(moment.at_position);
    }
  }
  expect(reports).toBeGreaterThan(0);
  for (const [model, kind] of KINDS) {
    const changes = await ledger.rows(model, RECORD_CHANGES);
    for (const { id, position } of picked(changes.filter(({ row }) => row !== null))) {
      const asked = { random, count: 2, upTo: Number(position) };
      await expectRoles(ledger, model, { kind, id: String(id) }, asked);
    }
  }
}

const isReport = ({ type, data }: RecordedEvent): boolean =>
  type === "BalanceReported" && JSON.parse(data).run_id !== undefined;
