import { type DataOf, FACTS, type ModelName } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { chainHash, emptyHead, type Head, headOf } from "@counterfoil/core/stream/chain";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { liveGeneration } from "./generations.ts";
import { createMemoryModelCatalogue } from "./memory/model-catalogue.ts";
import { isEngineError } from "./ports/errors.ts";
import type { EventStream } from "./ports/event-stream.ts";
import type { Checkpoint, ModelCatalogue, Rows } from "./ports/model-store.ts";
import { storedDigest } from "./projection/digests.ts";
import type { Projection } from "./projection/projection.ts";
import { openProjectionRun, runTo } from "./projection/run.ts";

/** Something that is not as it must be. */
export type Finding = Readonly<{
  /** The event's position; null where it is about a model. */
  position: number | null;
  what: FindingKind;
  detail: string;
}>;

export type FindingKind =
  | "unreadable"
  | "position"
  | "recorded_at"
  | "hash"
  | "type"
  | "data"
  | "amendment"
  | "body_missing"
  | "body_digest"
  | "checkpoint"
  | "digest";

export type StreamVerification = Readonly<{
  events: number;
  bodies: number;
  head: Head;
  findings: readonly Finding[];
}>;

export type VerifyOptions = Readonly<{
  stream: EventStream;
  ledger: string;
  hashing: Hashing;
  /** Reads every stored body and compares it with its digest. */
  bodies: boolean;
  onProgress?: (position: number, head: number) => void;
}>;

const PAGE = 2000;
const FINDINGS_MAX = 100;

/**
 * Checks the whole stream: positions dense, times of recording never falling, the hash chain, the
 * shape of every event's data, amendments filed under the fact that they name, bodies against their
 * digests. It stops at the first broken link of the chain, since nothing after it can be trusted.
 */
export async function verifyStream(options: VerifyOptions): Promise<StreamVerification> {
  const { stream, ledger, hashing, onProgress } = options;
  const findings: Finding[] = [];
  const end = (await stream.head()).position;
  let head = emptyHead(ledger, hashing);
  let bodies = 0;
  while (head.position < end && findings.length < FINDINGS_MAX) {
    const page = await readPage(stream, head.position, findings);
    if (page.length === 0) break;
    for (const event of page) {
      const broken = brokenLink(head, event, hashing);
      if (broken) return { events: head.position, bodies, head, findings: [...findings, broken] };
      findings.push(...dataFindings(event));
      head = headOf(event);
    }
    if (options.bodies) bodies += await verifyBodies(options, page, findings);
    findings.push(...(await amendmentFindings(stream, page)));
    onProgress?.(head.position, end);
  }
  if (findings.length === 0 && head.position < end) {
    const detail = `the stream has a head at ${end}, but nothing after ${head.position}`;
    findings.push({ position: head.position + 1, what: "position", detail });
  }
  return { events: head.position, bodies, head, findings };
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

/** What an amendment is filed under is not in the chain, but its data is: the two must agree. */
async function amendmentFindings(
  stream: EventStream,
  page: readonly RecordedEvent[],
): Promise<readonly Finding[]> {
  const amendments = page.flatMap((event) => {
    if (!AMENDMENT_TYPES.has(event.type) || isTooNew(event)) return [];
    const { event_id, amends } = readData(event) as DataOf<"FactWithdrawn">;
    return [{ event, about: amends ?? event_id }];
  });
  if (amendments.length === 0) return [];
  const { known } = await stream.findByIds([...new Set(amendments.map(({ about }) => about))]);
  return amendments.flatMap(({ event, about }) => {
    const found = known.get(about)?.amendments.some(({ id }) => id === event.id) ?? false;
    const detail = `${event.type} ${event.id} is not found under the fact ${about} that it names`;
    return found ? [] : [{ position: event.position, what: "amendment" as const, detail }];
  });
}

const AMENDMENT_TYPES = new Set(["FactSeen", "FactContradicted", "FactCorrected", "FactWithdrawn"]);

async function verifyBodies(
  { stream, hashing }: VerifyOptions,
  page: readonly RecordedEvent[],
  findings: Finding[],
): Promise<number> {
  let checked = 0;
  for (const event of page) {
    const { type, position } = event;
    if (type !== "DeliveryReceived" || isTooNew(event)) continue;
    const { sha256, length } = readData(event) as DataOf<"DeliveryReceived">;
    const body = await stream.body(sha256);
    checked += 1;
    if (body === null) {
      findings.push({ position, what: "body_missing", detail: `no body ${sha256}` });
    } else if (hashing.sha256(body) !== sha256 || body.length !== length) {
      const detail = `body ${sha256} of ${length} bytes has digest ${hashing.sha256(body)} and ${body.length} bytes`;
      findings.push({ position, what: "body_digest", detail });
    }
  }
  return checked;
}

export type ModelVerification = Readonly<{
  model: ModelName;
  generation: number;
  live: Checkpoint;
  /** What folding the stream again gives at the same position; null where that was not asked for. */
  refolded: Checkpoint | null;
  findings: readonly Finding[];
}>;

export type VerifyModelOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  projection: Projection;
  hashing: Hashing;
  /** Folds the stream again, in memory, and compares digests. */
  refold: boolean;
}>;

/**
 * Checks the live generation of a model: its checkpoint lies on this stream, its digests are those
 * of the stream folded again, and its rows add up to them. null where the model has no files here.
 */
export async function verifyModel(options: VerifyModelOptions): Promise<ModelVerification | null> {
  const { stream, catalogue, projection } = options;
  const { model } = projection;
  const { generation } = await liveGeneration(stream, model);
  const known = await catalogue.generations(model);
  if (!known.some((other) => other.generation === generation)) return null;
  const reader = await catalogue.openForReading(model, generation);
  try {
    return await reader.snapshot(async (rows, live) => {
      const findings = await checkpointFindings(stream, model, live);
      const refolded = options.refold && findings.length === 0 ? await refold(options, live) : null;
      if (refolded) findings.push(...(await digestFindings(options, rows, live, refolded)));
      return { model, generation, live, refolded, findings };
    });
  } finally {
    await reader.close();
  }
}

async function digestFindings(
  { projection, hashing }: VerifyModelOptions,
  rows: Rows,
  live: Checkpoint,
  refolded: Checkpoint,
): Promise<readonly Finding[]> {
  const { model, tables } = projection;
  if (refolded.digest !== live.digest) {
    const detail = `${model} has digest ${live.digest} at position ${live.position}; the stream folded again has ${refolded.digest}: rebuild it`;
    return [{ position: null, what: "digest", detail }];
  }
  const stored = await storedDigest(tables, rows, hashing);
  if (stored === live.digest) return [];
  const detail = `${model} has digest ${live.digest} at position ${live.position}, but its rows add up to ${stored}: one was altered beside the projector; rebuild it`;
  return [{ position: null, what: "digest", detail }];
}

async function checkpointFindings(
  stream: EventStream,
  model: ModelName,
  { position, hash }: Checkpoint,
): Promise<Finding[]> {
  if (position === 0) return [];
  const [event] = await stream.read({ after: position - 1, limit: 1 });
  if (event?.hash === hash) return [];
  const detail = `${model} stands at position ${position} with hash ${hash}, the stream has ${event?.hash ?? "nothing"} there`;
  return [{ position, what: "checkpoint", detail }];
}

async function refold(
  { stream, projection, hashing }: VerifyModelOptions,
  { position }: Checkpoint,
): Promise<Checkpoint> {
  const catalogue = createMemoryModelCatalogue();
  const { model, tables, version: modelVersion } = projection;
  const generation = await catalogue.create(model, { tables, modelVersion });
  const store = await catalogue.openForWriting(model, generation ?? 1);
  const run = await openProjectionRun({ stream, projection, store, hashing });
  return runTo(stream, run, position);
}
