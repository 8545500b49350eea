import type { FindingRecord } from "@counterfoil/contracts/command-record";
import { type DataOf, FACTS } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { createGrowingTree } from "@counterfoil/core/audit/merkle-log";
import type { Hashing } from "@counterfoil/core/hashing";
import { misnamed } from "@counterfoil/core/ingest/event";
import { AMENDMENTS, factIdOf } from "@counterfoil/core/ingest/fact-state";
import { chainHash, emptyHead, type Head, headOf } from "@counterfoil/core/stream/chain";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { createBodyMemory } from "../exports/export-ledger.ts";
import { isEngineError, StreamCorrupted } from "../ports/errors.ts";
import { type EventStream, type NamedBody, pagesAt, readBodies } from "../ports/event-stream.ts";
import { findErasures } from "../queries/deliveries.ts";

/** A defect found by a verification. */
export type Finding = Readonly<{
  /** The event's position; null if it concerns a model. */
  position: number | null;
  what: FindingRecord["what"];
  detail: string;
}>;

export type StreamVerification = Readonly<{
  events: number;
  /** Stored bodies; two deliveries of the same bytes have one. */
  bodies: number;
  head: Head;
  /** The root of the Merkle tree over all events; null if the stream was not read from its beginning to its end. */
  root: string | null;
  findings: readonly Finding[];
  /** The positions before which it stopped, where more findings may follow; null if it read to the end. */
  unverified: Readonly<{ from: number; to: number }> | null;
  /** The first events of other clients. They are part of the chain, and not a defect. */
  foreign: readonly ForeignEvent[];
}>;

type ForeignEvent = Readonly<{ position: number }> & DataOf<"ForeignEvent">;

type VerifyOptions = Readonly<{
  stream: EventStream;
  ledger: string;
  hashing: Hashing;
  /** Reads every stored body and compares it with its digest. */
  bodies: boolean;
  /** The head at which an earlier verification ended; events up to it are not verified again. */
  from?: Head;
  onProgress?: (position: number, head: number) => void;
}>;

const PAGE = 2000;
const FINDINGS_MAX = 100;

/**
 * Verifies the whole stream: dense positions, recording times that never decrease, the hash chain, the
 * schema of every event's data, what names facts beside it, ids that are unique and indexed, amendments indexed under the fact
 * that they name, and bodies against their digests. It also computes the Merkle tree's root. It stops
 * at the first broken link of the chain, because nothing after it can be trusted, and where there are
 * findings enough.
 */
export async function verifyStream(options: VerifyOptions): Promise<StreamVerification> {
  const { stream, ledger, hashing, onProgress } = options;
  const findings: Finding[] = [];
  const foreign: ForeignEvent[] = [];
  const end = (await stream.head()).position;
  const { from = emptyHead(ledger, hashing) } = options;
  const tree = from.position === 0 ? createGrowingTree(hashing) : null;
  const ids = createIdCheck(stream);
  const isFirstBody = createBodyMemory();
  const links = { head: from, findings, ids, tree, hashing };
  let bodies = 0;
  const verified = () => ({
    events: links.head.position - from.position,
    unverified: links.head.position < end ? { from: links.head.position + 1, to: end } : null,
    ...{ bodies, head: links.head },
  });
  findings.push(...(await strayFindings(stream)));
  while (links.head.position < end && findings.length < FINDINGS_MAX) {
    const page = await readPage(stream, links.head.position, findings);
    if (page.length === 0) break;
    const broken = checkLinks(links, page);
    if (broken !== null) {
      findings.push(...(await ids.finish()));
      // Events after the break are not verified, so an index that leads there proves nothing.
      const known = findings.filter(({ position }) => (position ?? 0) <= links.head.position);
      return { ...verified(), root: null, foreign, findings: [...known, broken] };
    }
    if (options.bodies) bodies += await verifyBodies(options, page, { findings, isFirstBody });
    findings.push(...(await ids.findings()));
    foreign.push(...foreignIn(page).slice(0, FOREIGN_MAX - foreign.length));
    onProgress?.(links.head.position, end);
  }
  findings.push(...(await ids.finish()));
  const { position } = links.head;
  if (findings.length === 0 && position < end) {
    const detail = `the stream has a head at ${end}, but nothing after ${position}`;
    findings.push({ position: position + 1, what: "position", detail });
  }
  const root = position === end ? (tree?.root() ?? null) : null;
  return { ...verified(), root, findings, foreign };
}

type Links = Readonly<{
  findings: Finding[];
  ids: ReturnType<typeof createIdCheck>;
  tree: ReturnType<typeof createGrowingTree> | null;
  hashing: Hashing;
}> & { head: Head };

/** Checks events one after the other. @returns the broken link before which it stopped, if there is one */
function checkLinks(links: Links, events: readonly RecordedEvent[]): Finding | null {
  for (const event of events) {
    const broken = brokenLink(links.head, event, links.hashing);
    if (broken) return broken;
    const finding = dataFinding(event, links.hashing);
    if (finding !== null) links.findings.push(finding);
    links.ids.add(event);
    links.tree?.add(event.hash);
    links.head = headOf(event);
  }
  return null;
}

const FOREIGN_MAX = 100;

const foreignIn = (page: readonly RecordedEvent[]): readonly ForeignEvent[] =>
  page
    .filter(({ type }) => type === "ForeignEvent")
    .map((event) => ({
      position: event.position,
      ...(readData(event) as DataOf<"ForeignEvent">),
    }));

const STRAYS_MAX = 10;

/** Events before position 1: no reader reaches them, but an ingestor finds them by their ids. */
async function strayFindings(stream: EventStream): Promise<readonly Finding[]> {
  const before = { after: Number.MIN_SAFE_INTEGER, upTo: 0, limit: STRAYS_MAX };
  return (await stream.read({ ...before, order: "desc" })).map(({ position, type, id }) => ({
    ...{ position, what: "position" },
    detail: `${type} ${id} is before the first position, where nothing reads it: somebody else wrote it`,
  }));
}

async function readPage(
  stream: EventStream,
  after: number,
  findings: Finding[],
): Promise<readonly RecordedEvent[]> {
  try {
    return await stream.read({ after, limit: PAGE });
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return readOneByOne(stream, after, findings, error);
  }
}

/** Reads an unreadable page event by event, so that the finding names a position. */
async function readOneByOne(
  stream: EventStream,
  after: number,
  findings: Finding[],
  error: unknown,
): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  try {
    for (let at = after; at < after + PAGE; at += 1) {
      const [event] = await stream.read({ after: at, limit: 1 });
      if (event === undefined) return events;
      events.push(event);
    }
  } catch {
    if (events.length > 0) return events;
    const detail = error instanceof Error ? error.message : String(error);
    findings.push({ position: after + 1, what: "unreadable", detail });
  }
  return events;
}

function brokenLink(head: Head, event: RecordedEvent, hashing: Hashing): Finding | null {
  const position = head.position + 1;
  if (event.position !== position) {
    const detail = `found position ${event.position}, expected ${position}`;
    return { position, what: "position", detail };
  }
  const expected = chainHash(head.hash, event, hashing);
  if (event.hash !== expected) {
    const detail = `found hash ${event.hash}, expected ${expected}: a byte of this event is not the one that was recorded`;
    return { position, what: "hash", detail };
  }
  if (event.recorded_at < head.recordedAt) {
    const detail = `recorded at ${event.recorded_at}, before ${head.recordedAt} of the event before it`;
    return { position, what: "recorded_at", detail };
  }
  return null;
}

/**
 * Checks an event's data against its schema, and its subject and ids against its data; the chain only shows
 * that they were not altered.
 */
function dataFinding(event: RecordedEvent, hashing: Hashing): Finding | null {
  const { position, type } = event;
  const schema = Object.hasOwn(FACTS, type) ? FACTS[type as keyof typeof FACTS] : undefined;
  if (schema === undefined) return { position, what: "type", detail: `unknown type ${type}` };
  try {
    const data = readData(event);
    const read = schema.safeParse(data);
    if (!read.success) {
      return { position, what: "data", detail: `${type}: ${read.error.issues[0]?.message}` };
    }
    const misfit = misnamed(event, data, hashing);
    return misfit === null ? null : { position, what: "data", detail: `${type}: ${misfit}` };
  } catch (error) {
    return { position, what: "data", detail: `${type}: ${(error as Error).message}` };
  }
}

/** What is kept of an event until its id is looked up. */
type PendingId = Pick<RecordedEvent, "id" | "type" | "position"> &
  Readonly<{ about: string | null }>;
const IDS_AT_ONCE = 10_000;

/**
 * Checks that each event is found by its id. Ingest looks events up by id, so that an index that lost
 * one lets a fact be recorded twice; of two events with the same id, one is not found. Many ids are
 * looked up at once in sorted order, so that neighbours are on one page of the index, which takes half
 * the time of 500 in stream order.
 */
function createIdCheck(stream: EventStream) {
  let pending: PendingId[] = [];

  async function finish(): Promise<readonly Finding[]> {
    const ids = pending;
    pending = [];
    if (ids.length === 0) return [];
    try {
      return await lookUpFindings(stream, ids);
    } catch (error) {
      if (!(error instanceof StreamCorrupted)) throw error;
      const position = ids[0]?.position ?? null;
      const detail = `events from here on cannot be found by their ids: ${error.message}`;
      return [{ position, what: "id", detail }];
    }
  }

  return {
    add(event: RecordedEvent): void {
      const { id, type, position } = event;
      pending.push({ id, type, position, about: amendedBy(event) });
    },
    /** Checks the pending ids once there are enough of them. */
    findings: async () => (pending.length < IDS_AT_ONCE ? [] : finish()),
    finish,
  };
}

async function lookUpFindings(
  stream: EventStream,
  events: readonly PendingId[],
): Promise<readonly Finding[]> {
  const abouts = events.flatMap(({ about }) => about ?? []);
  // Any order will do that has neighbours together; the engine's own takes a third of the time.
  const ids = events
    .map(({ id }) => id)
    .concat(abouts)
    .sort();
  const found = await stream.findPositions(ids);
  const lost = events.flatMap(({ id, type, position }): Finding[] => {
    const at = found.get(id)?.position ?? null;
    if (at === position) return [];
    const where = at === null ? "is not found by its id" : `is also at position ${at}`;
    return [{ position, what: "id", detail: `${type} ${id} ${where}: ${REBUILD_INDEX}` }];
  });
  // Sets, because a fact may have any number of amendments.
  const indexed = new Map<string, ReadonlySet<number>>();
  for (const about of abouts) {
    if (!indexed.has(about)) indexed.set(about, new Set(found.get(about)?.amendments));
  }
  const misfiled = events.flatMap(({ id, type, position, about }): Finding[] => {
    if (about === null || indexed.get(about)?.has(position)) return [];
    const detail = `${type} ${id} is not found under the fact ${about} that it names`;
    return [{ position, what: "amendment", detail }];
  });
  const filed = events.flatMap(({ id: fact }) =>
    (found.get(fact)?.amendments ?? []).map((position) => ({ position, fact })),
  );
  return [...lost, ...misfiled, ...(await strayAmendments(stream, filed))];
}

/**
 * Finds events that are indexed under a fact that they do not amend; ingest would apply them to it. They
 * are read page by page, since a fact may have any number of amendments.
 *
 * @param filed positions of amendments, each with the fact under which the index has it
 */
async function strayAmendments(
  stream: EventStream,
  filed: readonly Readonly<{ position: number; fact: string }>[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const byPosition = Map.groupBy(filed, ({ position }) => position);
  const positions = [...byPosition.keys()].sort((a, b) => a - b);
  for await (const page of pagesAt(stream, positions)) {
    for (const event of page) {
      const { id, type, position } = event;
      // An event of a newer program is already a finding, and this program cannot tell which fact it amends.
      if (isTooNew(event)) continue;
      const amended = amendedBy(event);
      for (const { fact } of byPosition.get(position) ?? []) {
        if (fact === amended) continue;
        const detail = `${type} ${id} is found under the event ${fact}, which it does not amend`;
        findings.push({ position, what: "amendment", detail });
      }
    }
    if (findings.length >= FINDINGS_MAX) break;
  }
  return findings;
}

const REBUILD_INDEX =
  "the index of ids is damaged; rebuild it (REINDEX) before more is appended, or restore a backup where an id is there twice";

/** The fact that an event amends, by its data. The index of amendments must agree with it. */
const amendedBy = (event: RecordedEvent): string | null =>
  AMENDMENTS.has(event.type) && !isTooNew(event) ? factIdOf(event) : null;

type BodyChecks = Readonly<{ findings: Finding[]; isFirstBody: (sha256: string) => boolean }>;

/** @returns the number of stored bodies, each counted once, as an export counts them */
async function verifyBodies(
  { stream, hashing }: VerifyOptions,
  page: readonly RecordedEvent[],
  { findings, isFirstBody }: BodyChecks,
): Promise<number> {
  const known = page.filter((event) => !isTooNew(event));
  for (const event of known) {
    if (event.type === "BodyErased") findings.push(...(await leftFindings(stream, event)));
  }
  const deliveries = known
    .filter(({ type }) => type === "DeliveryReceived")
    .map((event) => ({
      position: event.position,
      ...(readData(event) as DataOf<"DeliveryReceived">),
    }));
  const missing: typeof deliveries = [];
  let count = 0;
  for await (const [one, body] of readBodies(stream, deliveries)) {
    if (isFirstBody(one.sha256) && body !== null) count += 1;
    if (body === null) missing.push(one);
    else findings.push(...digestFindings(one, body, hashing));
  }
  const digests = missing.map(({ sha256 }) => sha256);
  const erased = await findErasures(stream, digests, hashing);
  for (const { sha256, position } of missing) {
    if (erased.has(sha256)) continue;
    findings.push({ position, what: "body_missing", detail: `no body ${sha256}` });
  }
  return count;
}

function digestFindings(
  { position, sha256, length }: NamedBody & Readonly<{ position: number }>,
  body: Uint8Array,
  hashing: Hashing,
): readonly Finding[] {
  const found = hashing.sha256(body);
  if (found === sha256 && body.length === length) return [];
  const detail = `body ${sha256} of ${length} bytes has digest ${found} and ${body.length} bytes`;
  return [{ position, what: "body_digest", detail }];
}

/** An erasure that was interrupted between its event and the removal of the bytes. */
async function leftFindings(
  stream: EventStream,
  { position, ...event }: RecordedEvent,
): Promise<readonly Finding[]> {
  const { sha256, delivery_id } = readData(event) as DataOf<"BodyErased">;
  if ((await stream.body(sha256)) === null) return [];
  const detail = `body ${sha256} is stored still although its erasure is recorded: run \`counterfoil erase ${delivery_id}\` once more`;
  return [{ position, what: "body_left", detail }];
}
