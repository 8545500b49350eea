import type { ExplainedFact } from "@counterfoil/contracts/audit";
import { PROVIDER_FACTS, type ProviderFact } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "@counterfoil/core/exact/json";
import type { Hashing } from "@counterfoil/core/hashing";
import { providerEventId } from "@counterfoil/core/ingest/event";
import {
  amendmentReason,
  eventsWithout,
  roleOf,
  stateOf,
  type View,
  type Without,
} from "@counterfoil/core/ingest/fact-role";
import { AMENDMENTS, type FactState, factIdOf } from "@counterfoil/core/ingest/fact-state";
import { readData } from "@counterfoil/core/stream/read-event";
import { readPositions } from "../../audit/subject-events.ts";
import { BALANCE_CHANGES } from "../../models/balances/tables.ts";
import { ANOMALIES } from "../../models/columns.ts";
import { RECORD_CHANGES } from "../../models/lifecycle/tables.ts";
import { PROJECTIONS } from "../../models/registry.ts";
import type { EventStream, KnownEvent } from "../../ports/event-stream.ts";
import type { Rows, Table } from "../../ports/model-store.ts";
import { type RememberedRows, rememberRows } from "../../projection/remembered-rows.ts";
import { type Moment, openScratch, type Scratch } from "../../projection/scratch.ts";
import { accountFacts } from "./account-facts.ts";
import type { ListedFact, Subject } from "./subject.ts";

/** Tells the roles of facts, one after the other. */
export type Judge = (asked: Asked) => Promise<readonly ExplainedFact[]>;

type Asked = Readonly<{ fact: ListedFact; known: KnownEvent }>;

/**
 * What each event of a fact does to what is shown: the model's own rules are asked what they would
 * show without it, so no role can differ from them. Each is asked on a scratch of its own; the rows
 * below are remembered, so that only the first has to read them.
 */
export function createJudge(subject: Subject, moment: Moment, hashing: Hashing): Judge {
  async function without(
    { fact, known }: Asked,
    event: RecordedEvent,
    now: View | null,
  ): Promise<Without> {
    const events = eventsWithout(known, ({ id }) => id === event.id, hashing);
    if (events.length === 0) return { view: now, gaps: [] };
    const rows = await openScratch(moment, PROJECTIONS[subject.model], hashing);
    await rows.fold(events);
    const account = subject.accountOf(fact);
    const gaps = account === null ? [] : await gapsOpened(moment, rows, account);
    return { view: await subject.view(rows, fact), gaps };
  }

  return async ({ fact, known }) => {
    const all = [known.event, ...known.amendments];
    const state = stateOf(all);
    const now = await subject.view(moment.rows, fact);
    const judged: ExplainedFact[] = [];
    for (const event of all) {
      const stands = isInForce(event, all, state) && !fact.isOvertaken;
      const { role, because } = roleOf(now, await without({ fact, known }, event, now), stands);
      const amending = amendmentReason(event.type, readData(event));
      const reason = amending ?? (state && (await fact.reason(state)));
      judged.push({
        event_id: event.id,
        position: String(event.position),
        type: event.type,
        role,
        sentence: `${reason}; ${because}`,
        delivery_ids: deliveriesOf(event, all),
      });
    }
    return judged;
  };
}

/** Gaps of an account that are open on the scratch, and are not so, or of another amount, below it. */
async function gapsOpened(
  { rows }: Moment,
  scratch: Scratch,
  account: string,
): Promise<Without["gaps"]> {
  const opened: Without["gaps"][number][] = [];
  for (const row of scratch.written(ANOMALIES)) {
    if (row.kind !== "gap" || row.subject !== account || row.closed_position !== null) continue;
    const before = await rows.get(ANOMALIES, [String(row.id)]);
    if (before?.closed_position === null && before.detail === row.detail) continue;
    const { missing_amount, after_run_id, before_run_id } = JSON.parse(String(row.detail));
    opened.push({ missing: missing_amount, after: after_run_id, before: before_run_id });
  }
  return opened;
}

/** Whether what the event says is part of what counts. */
function isInForce(
  event: RecordedEvent,
  all: readonly RecordedEvent[],
  state: FactState | null,
): boolean {
  if (event.type === "FactWithdrawn") return true;
  if (state === null || state.withdrawn) return false;
  if (event.type === "FactSeen") return state.seen.some(({ id }) => id === event.id);
  if (event.type === "FactContradicted") return false;
  return all.findLast(({ type, id }) => type === "FactCorrected" || id === all[0]?.id) === event;
}

/** The fact itself was stated by whoever said more of it, too. */
function deliveriesOf(event: RecordedEvent, all: readonly RecordedEvent[]): string[] {
  const isFact = event === all[0];
  const stating = isFact
    ? all.filter(({ type, id }) => id === event.id || type === "FactSeen")
    : [event];
  return [...new Set(stating.flatMap(({ causation_id }) => causation_id ?? []))];
}

/** Too much was said since of what is to be explained. */
export class TooFarBack extends Error {
  override readonly name = "TooFarBack";
}

/** Events of the stream that are looked through for those that were recorded since. */
export const LOOKED_THROUGH_MAX = 5_000;
/** Facts that are taken back; and changes since that are looked at for them. */
const TAKEN_BACK_MAX = 1_000;
/** Facts at the end of what is explained, of which some may have changed nothing that is shown. */
const LAST_FACTS = 500;

/** Facts that are read together, before others have their turn. */
const TOGETHER = 500;

type Unwinding = Readonly<{
  stream: EventStream;
  hashing: Hashing;
  position: number;
  nextTurn: () => Promise<void>;
}>;

/** A moment whose rows are asked for once, and count how many they were. */
export type RememberedMoment = Moment & Readonly<{ rows: RememberedRows }>;

/**
 * The rows of a model as the facts up to a position had made them, as far as a subject follows from
 * them: what was recorded since is taken back by the model's own rules, in memory. It costs what was
 * recorded since. What comes of it has to be what the model itself says of that position.
 *
 * @throws TooFarBack
 */
export async function unwound(
  moment: RememberedMoment,
  subject: Subject,
  unwinding: Unwinding,
): Promise<RememberedMoment> {
  const { hashing, position } = unwinding;
  if (position >= moment.checkpoint.position) return moment;
  const isGone = (event: RecordedEvent) => event.position > position;
  const ids = await factsSince(moment, subject, unwinding);
  const facts = await amendedFacts(ids, isGone, unwinding);
  const scratch = await openScratch(moment, PROJECTIONS[subject.model], hashing);
  for (const fact of facts) await scratch.fold(eventsWithout(fact, isGone, hashing));
  const rows = rememberRows(scratch);
  const { expected } = subject;
  if (expected !== undefined && !isSameView(await subject.view(rows), expected)) {
    throw refusal(subject, position, "what was recorded since cannot be taken back for sure");
  }
  return { rows, checkpoint: scratch.checkpoint };
}

/** Of these facts, and of the reports of their runs, those of which something is gone; the newest first. */
async function amendedFacts(
  ids: ReadonlySet<string>,
  isGone: (event: RecordedEvent) => boolean,
  { stream, hashing, nextTurn }: Unwinding,
): Promise<readonly KnownEvent[]> {
  const amended = new Map<string, KnownEvent>();
  const keep = (known: ReadonlyMap<string, KnownEvent>) => {
    for (const [id, fact] of known) {
      if ([fact.event, ...fact.amendments].some(isGone)) amended.set(id, fact);
    }
  };
  const all = [...ids];
  for (let at = 0; at < all.length; at += TOGETHER) {
    const { known } = await stream.findByIds(all.slice(at, at + TOGETHER));
    const reports = [...known.values()].flatMap(({ event }) => reportOf(event, hashing));
    const others = await stream.findByIds(reports.filter((id) => !ids.has(id)));
    keep(known);
    keep(others.known);
    await nextTurn();
  }
  return [...amended.values()].sort((a, b) => b.event.position - a.event.position);
}

/** The balance that the run of a movement reports: it may say when that took effect. */
function reportOf(event: RecordedEvent, hashing: Hashing): readonly string[] {
  if (event.type !== "MovementRecorded") return [];
  const fact = { type: "BalanceReported", data: readData(event) } as unknown as ProviderFact;
  return [providerEventId(fact, hashing)];
}

const isSameView = (a: View | null, b: View | null): boolean =>
  canonicalJson(a as never) === canonicalJson(b as never);

const refusal = ({ id }: Subject, position: number, why: string): TooFarBack =>
  new TooFarBack(
    `${id} at position ${position}: ${why}; counterfoil replay --to ${position} shows it as of then`,
  );

/** Facts of which something was recorded behind a position. */
async function factsSince(
  moment: Moment,
  subject: Subject,
  { stream, hashing, position }: Unwinding,
): Promise<ReadonlySet<string>> {
  const near = await readSince(moment, subject, { stream, position });
  if (near !== null) return near;
  const ids = new Set<string>();
  const changes = [...(await changesSince(moment.rows, subject, position))].sort((a, b) => a - b);
  const events = await readPositions(stream, changes);
  for (const at of changes) {
    const event = events.get(at);
    if (event !== undefined && isMeant(subject, event)) ids.add(factIdOf(event));
  }
  for (const facts of factsNow(moment.rows, subject, hashing)) {
    let looked = 0;
    for await (const { id } of facts) {
      ids.add(id);
      looked += 1;
      if (looked >= LAST_FACTS) break;
    }
  }
  return ids;
}

/** What it follows from now: what was said since may have changed nothing that is shown. */
function factsNow(
  rows: Rows,
  { concerns, facts }: Subject,
  hashing: Hashing,
): readonly AsyncIterable<ListedFact>[] {
  if (!("accounts" in concerns)) return [facts(rows, null)];
  const options = { hashing, last: null };
  return concerns.accounts.map((account) => accountFacts(rows, account, null, options));
}

/** All of them, where they are few; null where they are not. */
async function readSince(
  { checkpoint }: Moment,
  subject: Subject,
  { stream, position }: Pick<Unwinding, "stream" | "position">,
): Promise<ReadonlySet<string> | null> {
  if (checkpoint.position - position > LOOKED_THROUGH_MAX) return null;
  const ids = new Set<string>();
  const types = FACT_TYPES.filter((type) => PROJECTIONS[subject.model].types.has(type));
  for (let after = position; after < checkpoint.position; ) {
    const events = await stream.read({ after, limit: checkpoint.position - after, types });
    for (const event of events) {
      const isSince = event.position <= checkpoint.position;
      if (isSince && isMeant(subject, event)) ids.add(factIdOf(event));
    }
    after = events.at(-1)?.position ?? checkpoint.position;
  }
  return ids.size > TAKEN_BACK_MAX ? null : ids;
}

const FACT_TYPES: readonly string[] = [...PROVIDER_FACTS, ...AMENDMENTS];

/** Whose a record's facts are no event says: of a lifecycle all are taken back. */
const isMeant = ({ concerns }: Subject, { subject, type }: RecordedEvent): boolean =>
  "accounts" in concerns ? concerns.accounts.includes(subject) : FACT_TYPES.includes(type);

/** Positions since at which what is shown of it changed. @throws TooFarBack */
async function changesSince(
  rows: Rows,
  subject: Subject,
  position: number,
): Promise<ReadonlySet<number>> {
  const { concerns } = subject;
  const positions = new Set<number>();
  const note = async (table: Table, column: string, value: string) => {
    const found = await rows.select(table, {
      where: [
        { column, is: "=", value },
        { column: "position", is: ">", value: position },
      ],
      orderBy: column === "participant_code" ? [column, "position", "id"] : [column, "position"],
      limit: TAKEN_BACK_MAX + 1,
    });
    for (const row of found) positions.add(Number(row.position));
    const isWhole = found.length <= TAKEN_BACK_MAX;
    if (isWhole && positions.size <= TAKEN_BACK_MAX) return found;
    throw refusal(subject, position, `more than ${TAKEN_BACK_MAX} events changed ${value} since`);
  };
  if ("accounts" in concerns) {
    for (const account of concerns.accounts) await note(BALANCE_CHANGES, "account", account);
    return positions;
  }
  const { record, participant } = concerns;
  if (participant !== null) await note(RECORD_CHANGES, "participant_code", participant);
  // What an event took from a record it gave to another, which goes on from there.
  const ids = new Set([record]);
  for (const id of ids) {
    for (const change of await note(RECORD_CHANGES, "id", id)) {
      for (const other of await changedWith(rows, Number(change.position))) ids.add(other);
    }
  }
  return positions;
}

/** Records that one event changed. */
async function changedWith(rows: Rows, position: number): Promise<readonly string[]> {
  const where = [{ column: "position", is: "=", value: position }] as const;
  const orderBy = RECORD_CHANGES.key;
  const changed = await rows.select(RECORD_CHANGES, { where, orderBy, limit: TAKEN_BACK_MAX });
  return changed.map(({ id }) => String(id));
}
