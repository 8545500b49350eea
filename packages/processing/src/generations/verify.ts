import { type DataOf, FACTS } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { createGrowingTree } from "@counterfoil/core/audit/merkle-log";
import { compareText } from "@counterfoil/core/exact/text";
import type { Hashing } from "@counterfoil/core/hashing";
import { AMENDMENTS, factIdOf } from "@counterfoil/core/ingest/fact-state";
import { chainHash, emptyHead, type Head, headOf } from "@counterfoil/core/stream/chain";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { isEngineError, StreamCorrupted } from "../ports/errors.ts";
import { type EventStream, type NamedBody, readBodies } from "../ports/event-stream.ts";
import { findErasures } from "../queries/deliveries.ts";

/** Something that is not as it must be. */
export type Finding = Readonly<{
  /** The event's position; null where it is about a model. */
  position: number | null;
  what: FindingKind;
  detail: string;
}>;

type FindingKind =
  | "unreadable"
  | "position"
  | "recorded_at"
  | "hash"
  | "type"
  | "data"
  | "id"
  | "amendment"
  | "body_missing"
  | "body_digest"
  /** Bytes that were recorded as erased are stored still. */
  | "body_left"
  | "checkpoint"
  | "digest"
  /** The stream is not what a signed head says. */
  | "head"
  | "expected"
  /** Two heads of one size say different things. */
  | "equivocation"
  /** The models are not what a certificate says. */
  | "certificate"
  /** What the engine finds wrong with its own files. */
  | "engine";

export type StreamVerification = Readonly<{
  events: number;
  bodies: number;
  head: Head;
  /** Of the Merkle tree over all that was read; null where it was not read from the beginning, or to no end. */
  root: string | null;
  findings: readonly Finding[];
  /** Events of other clients, the first of them: sealed into the chain, and no fault of the stream. */
  foreign: readonly ForeignFound[];
}>;

type ForeignFound = Readonly<{ position: number }> & DataOf<"ForeignEvent">;

type VerifyOptions = Readonly<{
  stream: EventStream;
  ledger: string;
  hashing: Hashing;
  /** Reads every stored body and compares it with its digest. */
  bodies: boolean;
  /** Where an earlier verification ended: what is up to there is not looked at again. */
  from?: Head;
  onProgress?: (position: number, head: number) => void;
}>;

const PAGE = 2000;
const FINDINGS_MAX = 100;

/**
 * Checks the whole stream: positions dense, times of recording never falling, the hash chain, the
 * shape of every event's data, ids unique and found, amendments filed under the fact that they name,
 * bodies against their digests. The Merkle tree over it grows on the way. It stops at the first broken link of the chain, since nothing after it
 * can be trusted.
 */
export async function verifyStream(options: VerifyOptions): Promise<StreamVerification> {
  const { stream, ledger, hashing, onProgress } = options;
  const findings: Finding[] = [];
  const foreign: ForeignFound[] = [];
  const end = (await stream.head()).position;
  const { from = emptyHead(ledger, hashing) } = options;
  const tree = from.position === 0 ? createGrowingTree(hashing) : null;
  const ids = createIdCheck(stream);
  let head = from;
  let bodies = 0;
  const checked = () => head.position - from.position;
  while (head.position < end && findings.length < FINDINGS_MAX) {
    const page = await readPage(stream, head.position, findings);
    if (page.length === 0) break;
    for (const event of page) {
      const broken = brokenLink(head, event, hashing);
      if (broken) {
        findings.push(...(await ids.finish()), broken);
        return { events: checked(), bodies, head, root: null, findings, foreign };
      }
      findings.push(...dataFindings(event));
      ids.note(event);
      tree?.add(event.hash);
      head = headOf(event);
    }
    if (options.bodies) bodies += await verifyBodies(options, page, findings);
    findings.push(...(await ids.findings()));
    foreign.push(...foreignIn(page).slice(0, FOREIGN_MAX - foreign.length));
    onProgress?.(head.position, end);
  }
  findings.push(...(await ids.finish()));
  if (findings.length === 0 && head.position < end) {
    const detail = `the stream has a head at ${end}, but nothing after ${head.position}`;
    findings.push({ position: head.position + 1, what: "position", detail });
  }
  const root = head.position === end ? (tree?.root() ?? null) : null;
  return { events: checked(), bodies, head, root, findings, foreign };
}

const FOREIGN_MAX = 100;

const foreignIn = (page: readonly RecordedEvent[]): readonly ForeignFound[] =>
  page
    .filter(({ type }) => type === "ForeignEvent")
    .map((event) => ({
      position: event.position,
      ...(readData(event) as DataOf<"ForeignEvent">),
    }));

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

/** A page that cannot be read: as far as it can, so that the finding names a position. */
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

/** The chain shows that these are the bytes that were recorded; this, that they are as they must be. */
function dataFindings(event: RecordedEvent): Finding[] {
  const { position, type } = event;
  const schema = Object.hasOwn(FACTS, type) ? FACTS[type as keyof typeof FACTS] : undefined;
  if (schema === undefined) return [{ position, what: "type", detail: `unknown type ${type}` }];
  try {
    const read = schema.safeParse(readData(event));
    if (read.success) return [];
    return [{ position, what: "data", detail: `${type}: ${read.error.issues[0]?.message}` }];
  } catch (error) {
    return [{ position, what: "data", detail: `${type}: ${(error as Error).message}` }];
  }
}

/** What is kept of an event until its id is looked up: of so many the ids alone. */
type Filed = Pick<RecordedEvent, "id" | "type" | "position"> & Readonly<{ about: string | null }>;
const IDS_AT_ONCE = 10_000;

/**
 * Whether each event is the one that its id finds. Ingest asks by ids what the stream holds, so an
 * index that lost one lets a fact be recorded again; of two events with one id, one is not found.
 * Many ids are looked up at once and in order, so that an engine finds neighbours on one page of
 * its index: half the time of 500 in the order of the stream.
 */
function createIdCheck(stream: EventStream) {
  let noted: Filed[] = [];

  async function finish(): Promise<readonly Finding[]> {
    const filed = noted;
    noted = [];
    if (filed.length === 0) return [];
    try {
      return await lookUpFindings(stream, filed);
    } catch (error) {
      if (!(error instanceof StreamCorrupted)) throw error;
      const position = filed[0]?.position ?? null;
      const detail = `events from here on cannot be found by their ids: ${error.message}`;
      return [{ position, what: "id", detail }];
    }
  }

  return {
    note(event: RecordedEvent): void {
      const { id, type, position } = event;
      noted.push({ id, type, position, about: amendedBy(event) });
    },
    /** Of those that are many enough; the others wait. */
    findings: async () => (noted.length < IDS_AT_ONCE ? [] : finish()),
    finish,
  };
}

async function lookUpFindings(
  stream: EventStream,
  events: readonly Filed[],
): Promise<readonly Finding[]> {
  const abouts = events.flatMap(({ about }) => about ?? []);
  const ids = [...events.map(({ id }) => id), ...abouts].sort(compareText);
  const found = await stream.findPositions(ids);
  const lost = events.flatMap(({ id, type, position }): Finding[] => {
    const at = found.get(id)?.position ?? null;
    if (at === position) return [];
    const where = at === null ? "is not found by its id" : `is also at position ${at}`;
    return [{ position, what: "id", detail: `${type} ${id} ${where}: ${REBUILD_INDEX}` }];
  });
  const misfiled = events.flatMap(({ id, type, position, about }): Finding[] => {
    if (about === null || found.get(about)?.amendments.includes(position)) return [];
    const detail = `${type} ${id} is not found under the fact ${about} that it names`;
    return [{ position, what: "amendment", detail }];
  });
  const amended = events.filter(({ id }) => (found.get(id)?.amendments.length ?? 0) > 0);
  return [...lost, ...misfiled, ...(await strayAmendments(stream, amended))];
}

/** Events that are found under a fact which they do not amend: ingest would count them to it. */
async function strayAmendments(
  stream: EventStream,
  amended: readonly Pick<RecordedEvent, "id">[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (let at = 0; at < amended.length; at += AMENDED_AT_ONCE) {
    const ids = amended.slice(at, at + AMENDED_AT_ONCE).map(({ id }) => id);
    const { known } = await stream.findByIds(ids);
    for (const id of ids) findings.push(...straysOf(id, known.get(id)?.amendments ?? []));
  }
  return findings;
}

/** Few enough that the events found fit into memory. */
const AMENDED_AT_ONCE = 100;

function straysOf(id: string, amendments: readonly RecordedEvent[]): readonly Finding[] {
  // What a newer program wrote is a finding already; which fact it amends, this one cannot say.
  const strays = amendments.filter((event) => !isTooNew(event) && amendedBy(event) !== id);
  return strays.map(({ id: stray, type, position }) => {
    const detail = `${type} ${stray} is found under the event ${id}, which it does not amend`;
    return { position, what: "amendment", detail };
  });
}

const REBUILD_INDEX =
  "the index of ids is damaged; rebuild it (REINDEX) before more is appended, or restore a backup where an id is there twice";

/** The fact that an event amends. It is filed under it beside the chain: the two must agree. */
const amendedBy = (event: RecordedEvent): string | null =>
  AMENDMENTS.has(event.type) && !isTooNew(event) ? factIdOf(event) : null;

/** @returns how many were looked at: all but those that were erased */
async function verifyBodies(
  { stream, hashing }: VerifyOptions,
  page: readonly RecordedEvent[],
  findings: Finding[],
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
  for await (const [one, body] of readBodies(stream, deliveries)) {
    if (body === null) missing.push(one);
    else findings.push(...digestFindings(one, body, hashing));
  }
  const digests = missing.map(({ sha256 }) => sha256);
  const erased = await findErasures(stream, digests, hashing);
  for (const { sha256, position } of missing) {
    if (erased.has(sha256)) continue;
    findings.push({ position, what: "body_missing", detail: `no body ${sha256}` });
  }
  return deliveries.length - digests.filter((sha256) => erased.has(sha256)).length;
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

/** Where an erasure was stopped between its event and the bytes. */
async function leftFindings(
  stream: EventStream,
  { position, ...event }: RecordedEvent,
): Promise<readonly Finding[]> {
  const { sha256, delivery_id } = readData(event) as DataOf<"BodyErased">;
  if ((await stream.body(sha256)) === null) return [];
  const detail = `body ${sha256} is stored still although its erasure is recorded: run \`counterfoil erase ${delivery_id}\` once more`;
  return [{ position, what: "body_left", detail }];
}
