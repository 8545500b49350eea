import { PROVIDER_FACTS, type ProviderFact } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { canonicalJson } from "@counterfoil/core/exact/json";
import type { Hashing } from "@counterfoil/core/hashing";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { eventsWithout, type View } from "@counterfoil/core/ingest/fact-role";
import { AMENDMENTS, factIdOf } from "@counterfoil/core/ingest/fact-state";
import { readData } from "@counterfoil/core/stream/read-event";
import { readPositions } from "../../audit/subject-events.ts";
import { beforeSnapshotsSince } from "../../models/balances/snapshot-membership.ts";
import { BALANCE_CHANGES } from "../../models/balances/tables.ts";
import { RECORD_CHANGES } from "../../models/lifecycle/tables.ts";
import { PROJECTIONS } from "../../models/registry.ts";
import type { EventStream, KnownEvent } from "../../ports/event-stream.ts";
import type { Row, Rows, Table } from "../../ports/model-store.ts";
import { type RememberedRows, rememberRows } from "../../projection/remembered-rows.ts";
import { type Moment, openScratch } from "../../projection/scratch.ts";
import { accountFacts } from "./facts.ts";
import type { ListedFact, Subject } from "./subject.ts";

/** Too much was recorded since the position, or it cannot be undone with certainty. */
export class TooFarBack extends Error {
  override readonly name = "TooFarBack";
}

/** Events read from the stream to find those recorded since, before indexes are used instead. */
export const LOOKED_THROUGH_MAX = 5_000;
/** Maximum number of facts taken back, and of changes since that are read to find them. */
const TAKEN_BACK_MAX = 1_000;
/** Number of the subject's newest facts included, because some may have left no change row. */
const NEWEST_FACTS = 500;

/** Number of facts read at once before yielding. */
const FACTS_PAGE = 500;

type Unwinding = Readonly<{
  stream: EventStream;
  hashing: Hashing;
  position: number;
  nextTurn: () => Promise<void>;
}>;

/** A moment with cached rows, which also count how many were read. */
export type RememberedMoment = Moment & Readonly<{ rows: RememberedRows }>;

/**
 * The rows of a model at a position, as far as a subject depends on them: what was recorded since
 * is taken back by the model's own rules, in memory, at a cost proportional to it. The resulting
 * view of the subject must equal the one that the model stores for that position.
 *
 * @throws TooFarBack
 */
export async function unwind(
  moment: RememberedMoment,
  subject: Subject,
  unwinding: Unwinding,
): Promise<RememberedMoment> {
  const { hashing, position } = unwinding;
  if (position >= moment.checkpoint.position) return moment;
  const isLater = (event: RecordedEvent) => event.position > position;
  const ids = await factsSince(moment, subject, unwinding);
  const facts = await amendedFacts(ids, isLater, unwinding);
  const before = { ...moment, rows: beforeSnapshotsSince(moment.rows, position) };
  const scratch = await openScratch(before, PROJECTIONS[subject.model], hashing);
  for (const fact of facts) await scratch.fold(eventsWithout(fact, isLater, hashing));
  const rows = rememberRows(scratch);
  const { expected } = subject;
  if (expected !== undefined && !isSameView(await subject.view(rows), expected)) {
    throw tooFarBack(subject, position, "what was recorded since cannot be taken back for sure");
  }
  return { rows, checkpoint: scratch.checkpoint };
}

/**
 * Those of these facts and of the reports of their runs that have events to take back, the newest
 * first.
 */
async function amendedFacts(
  ids: ReadonlySet<string>,
  isLater: (event: RecordedEvent) => boolean,
  { stream, hashing, nextTurn }: Unwinding,
): Promise<readonly KnownEvent[]> {
  const amended = new Map<string, KnownEvent>();
  const keep = (known: ReadonlyMap<string, KnownEvent>) => {
    for (const [id, fact] of known) {
      if ([fact.event, ...fact.amendments].some(isLater)) amended.set(id, fact);
    }
  };
  const all = [...ids];
  for (let at = 0; at < all.length; at += FACTS_PAGE) {
    const { known } = await stream.findByIds(all.slice(at, at + FACTS_PAGE));
    const reports = [...known.values()].flatMap(({ event }) => reportOf(event, hashing));
    const others = await stream.findByIds(reports.filter((id) => !ids.has(id)));
    keep(known);
    keep(others.known);
    await nextTurn();
  }
  return [...amended.values()].sort((a, b) => b.event.position - a.event.position);
}

/**
 * The id of the balance report of a movement's run, which may define when the movement took effect.
 */
function reportOf(event: RecordedEvent, hashing: Hashing): readonly string[] {
  if (event.type !== "MovementRecorded") return [];
  const fact = { type: "BalanceReported", data: readData(event) } as unknown as ProviderFact;
  return [providerEventId(fact, hashing)];
}

const isSameView = (a: View | null, b: View | null): boolean =>
  canonicalJson(a as never) === canonicalJson(b as never);

const tooFarBack = ({ id }: Subject, position: number, why: string): TooFarBack =>
  new TooFarBack(
    `${id} at position ${position}: ${why}; counterfoil replay --to ${position} shows it as of then`,
  );

/** Ids of the subject's facts with events after a position, and possibly of others. */
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
    if (event !== undefined && concernsSubject(subject, event)) ids.add(factIdOf(event));
  }
  for (const facts of factsNow(moment.rows, subject, hashing)) {
    let count = 0;
    for await (const { id } of facts) {
      ids.add(id);
      count += 1;
      if (count >= NEWEST_FACTS) break;
    }
  }
  return ids;
}

/** The facts that a subject depends on now, because events since may have left no change row. */
function factsNow(
  rows: Rows,
  { concerns, facts }: Subject,
  hashing: Hashing,
): readonly AsyncIterable<ListedFact>[] {
  if (!("accounts" in concerns)) return [facts(rows, null)];
  const options = { hashing, last: null, storedEntry: async (row: Row) => row };
  return concerns.accounts.map((account) => accountFacts(rows, account, null, options));
}

/** The facts of all events since the position, read from the stream; null if there are too many. */
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
      if (isSince && concernsSubject(subject, event)) ids.add(factIdOf(event));
    }
    after = events.at(-1)?.position ?? checkpoint.position;
  }
  return ids.size > TAKEN_BACK_MAX ? null : ids;
}

const FACT_TYPES: readonly string[] = [...PROVIDER_FACTS, ...AMENDMENTS];

/**
 * Whether an event concerns the subject. An event does not name its record, so for a record all
 * facts do.
 */
const concernsSubject = ({ concerns }: Subject, { subject, type }: RecordedEvent): boolean =>
  "accounts" in concerns ? concerns.accounts.includes(subject) : FACT_TYPES.includes(type);

/** Positions since then at which the subject's stored state changed. @throws TooFarBack */
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
    throw tooFarBack(
      subject,
      position,
      `more than ${TAKEN_BACK_MAX} events changed ${value} since`,
    );
  };
  if ("accounts" in concerns) {
    for (const account of concerns.accounts) await note(BALANCE_CHANGES, "account", account);
    return positions;
  }
  const { record, participant } = concerns;
  if (participant !== null) await note(RECORD_CHANGES, "participant_code", participant);
  // An event may move facts from one record to another, whose later changes count, too.
  const ids = new Set([record]);
  for (const id of ids) {
    for (const change of await note(RECORD_CHANGES, "id", id)) {
      for (const other of await changedWith(rows, Number(change.position))) ids.add(other);
    }
  }
  return positions;
}

/** Ids of the records that one event changed. */
async function changedWith(rows: Rows, position: number): Promise<readonly string[]> {
  const where = [{ column: "position", is: "=", value: position }] as const;
  const orderBy = RECORD_CHANGES.key;
  const changed = await rows.select(RECORD_CHANGES, { where, orderBy, limit: TAKEN_BACK_MAX });
  return changed.map(({ id }) => String(id));
}
