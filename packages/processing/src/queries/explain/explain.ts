import type {
  ArithmeticLine,
  ExplainedDelivery,
  ExplainedFact,
  ExplainedKind,
  Explanation,
} from "@counterfoil/contracts/audit";
import type { DataOf, ModelName } from "@counterfoil/contracts/fact";
import { readData } from "@counterfoil/core/stream/read-event";
import { MODEL_NAMES } from "../../models/registry.ts";
import type { EventStream, KnownEvent } from "../../ports/event-stream.ts";
import type { Rows, Value } from "../../ports/model-store.ts";
import { rememberRows } from "../../projection/remembered-rows.ts";
import {
  type CursorScope,
  decodeCursor,
  encodeCursor,
  type Found,
  found,
  MISSING,
} from "../answers.ts";
import { type FindOptions, findDelivery, findErasures } from "../deliveries.ts";
import type { Standings } from "../events.ts";
import type { ServedModels } from "../serving.ts";
import { createJudge } from "./event-roles.ts";
import { arithmeticIn } from "./facts.ts";
import type { ListedFact, Subject } from "./subject.ts";
import {
  type Asking,
  anomalySubject,
  balanceSubject,
  entrySubject,
  lifecycleSubject,
  runSubject,
} from "./subjects.ts";
import { type RememberedMoment, unwind } from "./unwind.ts";

type ExplainSources = Readonly<{
  stream: EventStream;
  models: Pick<ServedModels, "snapshot">;
}>;

type ExplainQuery = Asking &
  FindOptions &
  Readonly<{
    kind: ExplainedKind;
    id: string;
    /** Maximum number of events on a page; a fact with more amendments has a page to itself. */
    limit: number;
    cursor?: string;
    /** The platform's view of events; null shows all of them. */
    standings: Standings | null;
  }>;

export type Explained =
  | Found<Explanation>
  /** The cursor is malformed or belongs to another list. */
  | Readonly<{ outcome: "invalid_cursor" }>;

/** The models that may hold a subject of each kind. */
export const MODELS_OF: Readonly<Record<ExplainedKind, readonly ModelName[]>> = {
  balance: ["balances"],
  account: ["balances"],
  entry: ["balances"],
  run: ["balances"],
  withdrawal: ["withdrawals"],
  deposit: ["deposits"],
  trade: ["trades"],
  anomaly: MODEL_NAMES,
};

/**
 * Explains why something is shown as it is: its facts with what the rules decided about each, and
 * the deliveries that stated them. The cost of a page depends on its own facts only.
 *
 * @throws TooFarBack
 */
export async function explain(sources: ExplainSources, query: ExplainQuery): Promise<Explained> {
  const { stream } = sources;
  const { hashing, moment } = query;
  const candidates: string[] = [];
  for (const model of MODELS_OF[query.kind]) {
    const explained = await sources.models.snapshot(model, async (live, checkpoint) => {
      const rows = rememberRows(live);
      const subject = await subjectIn(rows, model, sources, query);
      if (subject.outcome !== "found") return subject;
      const position = Math.min(moment.at_position ?? checkpoint.position, checkpoint.position);
      const now = { rows, checkpoint };
      const { nextTurn } = query;
      const then = await unwind(now, subject.record, { stream, hashing, position, nextTurn });
      return explainIn({ ...then, position }, subject.record, sources, query);
    });
    if (explained.outcome === "ambiguous") candidates.push(...explained.candidates);
    else if (explained.outcome !== "missing") return explained;
  }
  return candidates.length === 0 ? MISSING : { outcome: "ambiguous", candidates };
}

async function subjectIn(
  rows: Rows,
  model: ModelName,
  { stream }: ExplainSources,
  query: ExplainQuery,
): Promise<Found<Subject>> {
  const { kind, id } = query;
  switch (kind) {
    case "balance":
    case "account":
      return balanceSubject(rows, id, query);
    case "entry":
      return entrySubject(rows, stream, id, query);
    case "run":
      return runSubject(rows, id, query);
    case "anomaly":
      return anomalySubject(rows, model, id, query);
    default:
      return lifecycleSubject(rows, `${kind}s`, id, query);
  }
}

/** A moment, and the position up to which facts count. */
type ExplainedMoment = RememberedMoment & Readonly<{ position: number }>;

async function explainIn(
  moment: ExplainedMoment,
  subject: Subject,
  { stream }: ExplainSources,
  query: ExplainQuery,
): Promise<Explained> {
  const { kind, cursor, hashing } = query;
  const scope = scopeOf(subject, query);
  const beyond = cursor === undefined ? null : decodeCursor(cursor, scope, hashing);
  if (cursor !== undefined && beyond === null) return { outcome: "invalid_cursor" };
  const listed = await listFacts(moment, subject, stream, { ...query, beyond });
  const { facts, next } = await judgeAll(moment, subject, listed, query);
  const ids = facts.flatMap(({ delivery_ids }) => delivery_ids);
  const deliveries = await explainedDeliveries(stream, ids, query);
  const shown = new Set(deliveries.map(({ id }) => id));
  return found({
    kind: kind === "account" ? "balance" : kind,
    id: subject.id,
    position: String(moment.position),
    shown: subject.shown as Explanation["shown"],
    facts: facts.map((fact) => ({
      ...fact,
      delivery_ids: fact.delivery_ids.filter((id) => shown.has(id)),
    })),
    arithmetic: linesOf(kind, listed.facts),
    deliveries,
    next_cursor: next === null ? null : encodeCursor(next, scope, hashing),
  });
}

function scopeOf(
  { id, key }: Subject,
  { kind, platform, moment: { as_of, at_position } }: ExplainQuery,
): CursorScope {
  const filters = { id, for: platform, as_of: as_of === undefined ? null : String(as_of) };
  return { list: `explain/${kind}`, filters: { ...filters, at: at_position ?? null }, key };
}

type Known = Readonly<{ fact: ListedFact; known: KnownEvent }>;
/** `end`: the key after which the next page begins; null if nothing follows. */
type Listed = Readonly<{ facts: readonly Known[]; end: readonly Value[] | null }>;
type Listing = ExplainQuery & Readonly<{ beyond: readonly Value[] | null }>;

/** The next facts with their events, as far as they are recorded at the moment and visible. */
async function listFacts(
  { rows, position }: ExplainedMoment,
  subject: Subject,
  stream: EventStream,
  { limit, beyond, standings }: Listing,
): Promise<Listed> {
  const listed: ListedFact[] = [];
  let end: Listed["end"] = null;
  for await (const fact of subject.facts(rows, beyond)) {
    if (listed.length === limit) {
      end = listed.at(-1)?.key ?? null;
      break;
    }
    listed.push(fact);
  }
  const { known } = await stream.findByIds(listed.map(({ id }) => id));
  const facts: Known[] = [];
  for (const fact of listed) {
    const events = known.get(fact.id);
    if (events === undefined || events.event.position > position) continue;
    const amendments = events.amendments.filter((event) => event.position <= position);
    facts.push({ fact, known: { event: events.event, amendments } });
  }
  if (standings === null || subject.model === "balances") return { facts, end };
  // A record may include facts that other platforms own, such as a fee of theirs.
  const stand = await standings.ofEvents(
    stream,
    facts.map(({ known: { event } }) => event),
  );
  return { facts: facts.filter((_, at) => stand[at] === "inside"), end };
}

/** Rows read for one page before it ends short: some facts affect many others. */
const ROWS_READ_MAX = 20_000;

/** Judges facts until the page is full. @returns them with their roles, and the next page's key */
async function judgeAll(
  moment: ExplainedMoment,
  subject: Subject,
  { facts: listed, end }: Listed,
  { limit, hashing, nextTurn }: ExplainQuery,
): Promise<Readonly<{ facts: readonly ExplainedFact[]; next: readonly Value[] | null }>> {
  const judge = createJudge(subject, moment, hashing);
  const facts: ExplainedFact[] = [];
  let last: readonly Value[] | null = null;
  for (const one of listed) {
    const hasReadTooMuch = last !== null && moment.rows.asked() > ROWS_READ_MAX;
    const judged = hasReadTooMuch ? [] : await judge(one);
    if (hasReadTooMuch || (last !== null && facts.length + judged.length > limit)) {
      return { facts, next: last };
    }
    facts.push(...judged);
    last = one.fact.key;
    await nextTurn();
  }
  return { facts, next: end };
}

/** The arithmetic of the page's entries; a run has one entry on each of its accounts. */
function linesOf(kind: ExplainedKind, facts: readonly Known[]): ArithmeticLine[] {
  const lines = new Map<string, ArithmeticLine>();
  for (const { entry } of facts.map(({ fact }) => fact)) {
    if (entry === null) continue;
    const found = arithmeticIn(entry);
    const line = kind === "run" ? `${entry.account}, ${found.line}` : found.line;
    lines.set(`${entry.account} ${entry.id}`, { ...found, line });
  }
  return [...lines.values()];
}

type Received = DataOf<"DeliveryReceived">;

/** Bytes of bodies read for one answer, because only reading shows whether a body is gone. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Deliveries by their ids, in stream order, each with its evidence: the channel, the verdict on its
 * signature, and the digest of the signed bytes.
 */
export async function explainedDeliveries(
  stream: EventStream,
  ids: Iterable<string>,
  { standings, ...options }: FindOptions & Readonly<{ standings: Standings | null }>,
): Promise<ExplainedDelivery[]> {
  const { known } = await stream.findByIds([...new Set(ids)]);
  const shown: ExplainedDelivery[] = [];
  let left = BODY_BYTES_MAX;
  const received = [...known.values()].map(({ event }) => event);
  const deliveries = received.filter(({ type }) => type === "DeliveryReceived");
  const digests = deliveries.map((event) => (readData(event) as Received).sha256);
  const erasures =
    standings === null ? await findErasures(stream, digests, options.hashing) : new Map();
  for (const event of deliveries.sort((a, b) => a.position - b.position)) {
    const data = readData(event) as Received;
    const erased = erasures.get(data.sha256) ?? null;
    if (erased !== null) {
      shown.push({ ...deliveryRecord(event.id, event.position, data), body: "gone", erased });
      continue;
    }
    if (standings === null) {
      const isWithinLimit = data.length <= left;
      if (isWithinLimit) left -= data.length;
      const body = isWithinLimit
        ? (await stream.body(data.sha256)) === null
          ? "gone"
          : "kept"
        : null;
      shown.push({ ...deliveryRecord(event.id, event.position, data), body, erased });
      continue;
    }
    const found = await findDelivery(stream, event.id, { ...options, standings });
    if (found === null) continue;
    // If the bytes hold others' facts, even their digest would reveal something about these.
    const { sha256 = null } = found.received.data as Partial<Received>;
    shown.push({
      ...deliveryRecord(event.id, event.position, data),
      body_sha256: sha256,
      body: null,
      erased: null,
    });
  }
  return shown;
}

function deliveryRecord(
  id: string,
  position: number,
  { verdict, ...data }: Received,
): Omit<ExplainedDelivery, "body" | "erased"> {
  const checked = verdict.evidence?.find(({ key_id }) => key_id !== undefined);
  return {
    id,
    position: String(position),
    channel: data.channel,
    payload_type: data.payload_type,
    notification_id: data.notification_id ?? null,
    connection: data.connection ?? null,
    frame: data.frame ?? null,
    signature: verdict.signature,
    scheme: verdict.scheme ?? checked?.scheme ?? null,
    key_id: checked?.key_id ?? null,
    received_at: data.received_at,
    body_sha256: data.sha256,
  };
}
