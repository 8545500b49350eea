import type { ExplainedFact } from "@counterfoil/contracts/audit";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import {
  amendmentReason,
  eventsWithout,
  roleOf,
  stateOf,
  type View,
  type Without,
} from "@counterfoil/core/ingest/fact-role";
import type { FactState } from "@counterfoil/core/ingest/fact-state";
import { readData } from "@counterfoil/core/stream/read-event";
import { ANOMALIES } from "../../models/columns.ts";
import { PROJECTIONS } from "../../models/registry.ts";
import type { KnownEvent } from "../../ports/event-stream.ts";
import type { Row } from "../../ports/model-store.ts";
import { type Moment, openScratch, type Scratch } from "../../projection/scratch.ts";
import { compareTuples } from "../../projection/selection.ts";
import type { ListedFact, Subject } from "./subject.ts";

/** Determines the role of each event of a fact. */
type Judge = (judgedFact: JudgedFact) => Promise<readonly ExplainedFact[]>;

type JudgedFact = Readonly<{ fact: ListedFact; known: KnownEvent }>;

/**
 * Determines the effect of each event of a fact on the subject: the model's own rules project the
 * fact without the event, so a role cannot contradict them. Each event has a scratch of its own.
 * The rows below are cached, so only the first scratch reads them from the store.
 */
export function createJudge(subject: Subject, moment: Moment, hashing: Hashing): Judge {
  async function without(
    { fact, known }: JudgedFact,
    event: RecordedEvent,
    now: View | null,
  ): Promise<Without> {
    const events = eventsWithout(known, ({ id }) => id === event.id, hashing);
    if (events.length === 0) return { view: now, gaps: [] };
    const rows = await openScratch(moment, PROJECTIONS[subject.model], hashing);
    await rows.fold(events);
    const account = subject.accountOf(fact);
    const gaps = account === null ? [] : await openedGaps(moment, rows, account);
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

/**
 * Gaps of an account that are open on the scratch, but closed or with another detail below it. The first
 * is named, so their order must not be that in which the scratch wrote them.
 */
async function openedGaps(
  { rows }: Moment,
  scratch: Scratch,
  account: string,
): Promise<Without["gaps"]> {
  const opened: Row[] = [];
  for (const row of scratch.written(ANOMALIES)) {
    if (row.kind !== "gap" || row.subject !== account || row.closed_position !== null) continue;
    const before = await rows.get(ANOMALIES, [String(row.id)]);
    if (before?.closed_position === null && before.detail === row.detail) continue;
    opened.push(row);
  }
  opened.sort((a, b) => compareTuples([a.id ?? null], [b.id ?? null]));
  return opened.map(({ detail }) => {
    const { missing_amount, after_run_id, before_run_id } = JSON.parse(String(detail));
    return { missing: missing_amount, after: after_run_id, before: before_run_id };
  });
}

/** Whether the event's content is part of the fact in force. */
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

/** The deliveries that stated an event. A fact is also stated by deliveries that repeat it. */
function deliveriesOf(event: RecordedEvent, all: readonly RecordedEvent[]): string[] {
  const isFact = event === all[0];
  const stating = isFact
    ? all.filter(({ type, id }) => id === event.id || type === "FactSeen")
    : [event];
  return [...new Set(stating.flatMap(({ causation_id }) => causation_id ?? []))];
}
