import type { TreeHead } from "@counterfoil/contracts/audit";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { createGrowingTree } from "@counterfoil/core/audit/merkle-log";
import { readTreeHead, signedText } from "@counterfoil/core/audit/tree-head";
import { counted } from "@counterfoil/core/exact/text";
import type { Hashing } from "@counterfoil/core/hashing";
import { AMENDMENTS, factIdOf } from "@counterfoil/core/ingest/fact-state";
import { chainHash, emptyHead, type Head, headOf } from "@counterfoil/core/stream/chain";
import { isTooNew } from "@counterfoil/core/stream/read-event";
import { isConfirmed, readRotation } from "../audit/key-rotation.ts";
import type { LedgerNames } from "../ingest/startup.ts";
import { ExportRefused } from "../ports/errors.ts";
import type { Body } from "../ports/event-stream.ts";
import type { VerifySignature } from "../ports/head-keys.ts";
import {
  type Base64,
  bodyLine,
  bodyOf,
  createBodyMemory,
  dataOf,
  type ExportHeader,
  endLine,
  eventLine,
  FORMAT,
  headerLine,
} from "./export-ledger.ts";

export type ExportReaderOptions = Readonly<{
  /** The ledger that the export must belong to. */
  names: LedgerNames;
  hashing: Hashing;
  base64: Base64;
  verify: VerifySignature;
  /**
   * Whether this file was checked whole before. Its chain and its bodies are checked again, since it may
   * have changed meanwhile; what follows from them is not.
   */
  isReadAgain?: boolean;
}>;

/** A parsed line of an export. */
export type ExportItem =
  | Readonly<{ kind: "header"; header: ExportHeader }>
  | Readonly<{ kind: "event"; event: RecordedEvent }>
  /** null: the body was no longer stored when the export was written. */
  | Readonly<{ kind: "body"; body: Body | null }>
  | Readonly<{ kind: "end" }>;

/** Reads and checks a whole ledger's export, line by line. */
type ExportReader = Readonly<{
  /** The number of the last line. */
  line(): number;
  /** @throws ExportRefused with the line's number */
  read(line: string): ExportItem;
  /** Called after the last line. @throws ExportRefused if the end line is missing */
  finish(): void;
}>;

/**
 * Checks the chain from the ledger's name to the last line: each event against the one before it, each
 * body against its digest, and every line against its canonical form.
 */
export function createExportReader(options: ExportReaderOptions): ExportReader {
  const { names, hashing, isReadAgain = false } = options;
  const isFirstBody = createBodyMemory();
  let number = 0;
  let header: ExportHeader | null = null;
  let head: Head = emptyHead(names.name, hashing);
  let bodies = 0;
  let isEnded = false;
  /** The digest of the body expected on the next line. */
  let expectedBody: string | null = null;
  const endCheck = isReadAgain ? null : createEndCheck(options);

  function readHeader(value: Fields, line: string): ExportItem {
    const found = headerOf(value);
    if (found === null || headerLine(found) !== line) throw new Bad(notHeader(value));
    checkHeader(found, names, head);
    header = found;
    return { kind: "header", header };
  }

  function readEvent(value: Fields, line: string, header: ExportHeader): ExportItem {
    const event = exactEvent(value, isReadAgain ? null : line);
    checkEvent(head, event, hashing);
    checkIsOf(header, event, names);
    const { genesis } = header;
    head = headOf(event);
    endCheck?.addEvent(event, genesis);
    const sha256 = bodyOf(event);
    if (sha256 !== null && isFirstBody(sha256)) expectedBody = sha256;
    return { kind: "event", event };
  }

  function readBody(value: Fields, line: string, sha256: string): ExportItem {
    const bytes = exactBytes(value, line, sha256, options);
    expectedBody = null;
    if (bytes === null) {
      endCheck?.addMissing(sha256, number);
      return { kind: "body", body: null };
    }
    bodies += 1;
    return { kind: "body", body: { sha256, bytes } };
  }

  function readEnd(value: Fields, line: string, { to, genesis }: ExportHeader): ExportItem {
    if (head.position !== to) {
      throw new Bad(`the header says ${counted(to, "event")}, found ${head.position}`);
    }
    endCheck?.check(value, line, { head, bodies, genesis });
    isEnded = true;
    return { kind: "end" };
  }

  function readLine(line: string): ExportItem {
    if (isEnded) throw new Bad("expected nothing behind the end");
    const value = fieldsOf(line);
    if (header === null) return readHeader(value, line);
    if (expectedBody !== null) return readBody(value, line, expectedBody);
    return "end" in value ? readEnd(value, line, header) : readEvent(value, line, header);
  }

  return {
    line: () => number,
    read(line) {
      number += 1;
      try {
        return readLine(line);
      } catch (error) {
        throw error instanceof Bad ? error.at(number) : error;
      }
    },
    finish() {
      if (isEnded) return;
      throw new ExportRefused(
        `line ${number + 1}: the file ends here, and its last line is missing: it was cut, export it again`,
      );
    },
  };
}

/** A line that is not as it must be, by default the last one that was read; the message says why. */
class Bad extends Error {
  readonly line: number | null;

  constructor(message: string, line: number | null = null) {
    super(message);
    this.line = line;
  }

  at(last: number): ExportRefused {
    return new ExportRefused(`line ${this.line ?? last}: ${this.message}`);
  }
}

/** What stands before the end line. */
type Read = Readonly<{ head: Head; bodies: number; genesis: string }>;

/** What only all events of an export show: its root, why bodies are missing, and which keys were replaced. */
function createEndCheck(options: ExportReaderOptions) {
  const { names, hashing, verify } = options;
  const tree = createGrowingTree(hashing);
  /** The lines of missing bodies, by digest. */
  const missing = new Map<string, number>();
  const erased = new Set<unknown>();
  /** The position at which a key was replaced: it signs no head from there on. */
  const replaced = new Map<string, number>();

  function addRotation(event: RecordedEvent, genesis: string): void {
    const rotation = readRotation(event);
    if (rotation === null) return;
    if (!isConfirmed(rotation, { ledger: names.name, genesis, verify })) return;
    replaced.set(rotation.old_key, event.position);
    replaced.delete(rotation.new_key);
  }

  /** Without these bytes the imported ledger would be incomplete, and `verify` would report it. */
  function checkMissing(): void {
    const first = [...missing].find(([sha256]) => !erased.has(sha256));
    if (first === undefined) return;
    const [sha256, line] = first;
    throw new Bad(
      `the bytes of the body ${sha256} are missing, and nothing says that they were erased: export the whole ledger again; if it has lost them, restore it from a backup first`,
      line,
    );
  }

  function checkKey({ position, public_key }: TreeHead): void {
    const end = replaced.get(public_key);
    if (end === undefined || Number(position) < end) return;
    throw new Bad(
      `the signed head is over position ${position}, by a key that was replaced at position ${end}: export the ledger again, with the present key`,
    );
  }

  function checkLine(value: Fields, line: string, read: Read): TreeHead | null {
    const { head, bodies, genesis } = read;
    const signed = value.head === null ? null : signedHead(value.head, options);
    const root = tree.root();
    const end = { events: head.position, bodies, hash: head.hash, root, head: signed };
    if (line !== endLine(end)) throw new Bad(`expected the end ${endLine(end)}`);
    const { position, hash } = head;
    const found = { position: String(position), hash, genesis, root, ledger: names.name };
    const wrong = keysOf(found).find((name) => signed !== null && signed[name] !== found[name]);
    if (wrong !== undefined) throw new Bad(`the signed head has another ${wrong} than this export`);
    return signed;
  }

  return {
    addMissing: (sha256: string, line: number) => void missing.set(sha256, line),
    addEvent(event: RecordedEvent, genesis: string): void {
      tree.add(event.hash);
      if (event.type === "BodyErased") erased.add(dataOf(event).sha256);
      if (event.type === "HeadKeyRotated") addRotation(event, genesis);
    },
    check(value: Fields, line: string, read: Read): void {
      const signed = checkLine(value, line, read);
      if (signed !== null) checkKey(signed);
      checkMissing();
    },
  };
}

const AS_IS = "in the very form that export writes: it was altered, export it again";

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(line: string): Fields {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Fields;
  } catch {
    // Handled below.
  }
  throw new Bad(`expected an object of JSON, found ${JSON.stringify(line.slice(0, 60))}`);
}

const isText = (value: unknown): value is string => typeof value === "string";
const isTextOrNull = (value: unknown) => value === null || isText(value);
const isNanos = (value: unknown) => isText(value) && /^-?\d{1,19}$/.test(value);

function headerOf(value: Fields): ExportHeader | null {
  const { format, ledger, environment, genesis, from, to, before, account } = value;
  const isHeader =
    format === FORMAT &&
    [ledger, environment, genesis, before].every(isText) &&
    [from, to].every(Number.isSafeInteger) &&
    isTextOrNull(account);
  return isHeader ? (value as unknown as ExportHeader) : null;
}

function notHeader({ format }: Fields): string {
  const found = format === FORMAT ? "another form of it" : JSON.stringify(format ?? null);
  return `expected the header of format ${FORMAT}, found ${found}: export the ledger again, with this version of the program`;
}

function checkHeader(
  { ledger, environment, from, before, account }: ExportHeader,
  names: LedgerNames,
  empty: Head,
): void {
  if (ledger !== names.name) {
    throw new Bad(
      `an export of ledger "${ledger}", and "${names.name}" is configured: set COUNTERFOIL_LEDGER`,
    );
  }
  if (environment !== names.environment) {
    throw new Bad(
      `an export of environment "${environment}", and "${names.environment}" is configured: set COUNTERFOIL_ENVIRONMENT`,
    );
  }
  if (from !== 1 || account !== null) {
    throw new Bad("an export of a part of the ledger: only a whole one can be imported");
  }
  if (before !== empty.hash) throw new Bad(`before position 1 stands ${empty.hash}, not ${before}`);
}

/** Checks the signature of a head. The owner of its key cannot be checked here. */
function signedHead(value: unknown, { verify }: ExportReaderOptions): TreeHead {
  const read = readTreeHead(JSON.stringify(value));
  if (!read.ok) throw new Bad(`the signed head at the end: ${read.reason}`);
  const { signed } = read;
  if (verify(signed.public_key, signedText(signed), signed.signature)) return value as TreeHead;
  throw new Bad("the signature of the head at the end does not hold");
}

const keysOf = <Key extends string>(object: Readonly<Record<Key, unknown>>) =>
  Object.keys(object) as Key[];

function eventOf(value: Fields): RecordedEvent | null {
  const { position, schema_version, occurred_at, recorded_at } = value;
  const { id, type, subject, data, hash, causation_id, correlation_id } = value;
  const isEvent =
    [position, schema_version].every(Number.isSafeInteger) &&
    [id, type, subject, data, hash].every(isText) &&
    [causation_id, correlation_id].every(isTextOrNull) &&
    (occurred_at === null || isNanos(occurred_at)) &&
    isNanos(recorded_at);
  if (!isEvent) return null;
  return {
    ...(value as unknown as RecordedEvent),
    occurred_at: occurred_at === null ? null : BigInt(occurred_at as string),
    recorded_at: BigInt(recorded_at as string),
  };
}

/** @param line the line that it must be printed as; null if that was checked before */
function exactEvent(value: Fields, line: string | null): RecordedEvent {
  const event = eventOf(value);
  if (event !== null && (line === null || eventLine(event) === line)) return event;
  throw new Bad(`expected an event, ${AS_IS}`);
}

/** @returns null if the body was no longer stored when the export was written */
function exactBytes(
  { body, base64: text }: Fields,
  line: string,
  sha256: string,
  { base64, hashing }: Pick<ExportReaderOptions, "base64" | "hashing">,
): Uint8Array | null {
  if (body !== sha256) throw new Bad(`expected the body ${sha256} of the delivery before it`);
  if (text === null && bodyLine({ sha256, base64: null }) === line) return null;
  const bytes = base64.decode(String(text));
  const isExact = bodyLine({ sha256, base64: base64.encode(bytes) }) === line;
  if (isExact && hashing.sha256(bytes) === sha256) return bytes;
  throw new Bad(`the bytes are not those of the body ${sha256}`);
}

function checkEvent(before: Head, event: RecordedEvent, hashing: Hashing): void {
  const { position, type, schema_version } = event;
  if (position !== before.position + 1) {
    throw new Bad(`found position ${position}, expected ${before.position + 1}`);
  }
  const expected = chainHash(before.hash, event, hashing);
  if (event.hash !== expected) {
    throw new Bad(`position ${position} has hash ${event.hash}, expected ${expected}`);
  }
  if (event.recorded_at < before.recordedAt) {
    throw new Bad(`position ${position} was recorded before the event before it`);
  }
  if (isTooNew(event)) {
    throw new Bad(
      `${type} has schema version ${schema_version}, which this program does not know: import it with the program that wrote it`,
    );
  }
  if (!isFindable(event)) throw new Bad(`the data of ${type} does not name what it is about`);
}

/** Whether the event can be indexed: an amendment by its fact, a delivery's body by its digest. */
function isFindable(event: RecordedEvent): boolean {
  if (AMENDMENTS.has(event.type)) return isText(dataOf(event).event_id) && isText(factIdOf(event));
  return event.type !== "DeliveryReceived" || bodyOf(event) !== null;
}

/** Checks an event's place in the export that this header begins. */
function checkIsOf({ to, genesis }: ExportHeader, event: RecordedEvent, names: LedgerNames): void {
  if (event.position === 1) checkFirst(event, names, genesis);
  if (event.position > to) throw new Bad(`position ${event.position} is beyond the last, ${to}`);
}

function checkFirst(event: RecordedEvent, names: LedgerNames, genesis: string): void {
  const { name, environment } = dataOf(event);
  const isOpening = event.type === "LedgerOpened" && event.hash === genesis;
  if (!isOpening || name !== names.name || environment !== names.environment) {
    throw new Bad("position 1 does not open the ledger that the header names");
  }
}
