import type { TreeHead } from "@counterfoil/contracts/audit";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { accountParts } from "@counterfoil/core/account";
import { createGrowingTree } from "@counterfoil/core/audit/merkle-log";
import { formatTime } from "@counterfoil/core/exact/time";
import { emptyHead } from "@counterfoil/core/stream/chain";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import { eventsOfSubject, type SubjectSources } from "../audit/subject-events.ts";
import type { LedgerNames } from "../ingest/startup.ts";
import { StreamCorrupted } from "../ports/errors.ts";
import { type NamedBody, readBodies } from "../ports/event-stream.ts";

/**
 * An export, format 1: lines of JSON (docs/audit.md). It consists of a header, the events in stream
 * order, each body after the delivery that names it, and an end line with the counts. It holds no time
 * and no program version: exports of one stream are identical, byte for byte, on every engine. Each
 * line has one canonical form, so that every altered byte is detected.
 */
export const FORMAT = "counterfoil-export/1";

/** The ledger of an export, and the range that it covers. */
export type ExportHeader = Readonly<{
  ledger: string;
  environment: string;
  /** The hash of position 1, because ledgers can share a name. */
  genesis: string;
  /** The first and the last position of the range. */
  from: number;
  to: number;
  /** The hash before the first position: that of the previous event, or of the ledger's name. */
  before: string;
  /** The account, if the export holds only its events. */
  account: string | null;
}>;

/** The last line; an export without it is truncated. */
type ExportEnd = Readonly<{
  events: number;
  bodies: number;
  hash: string;
  /** The root of the tree over the events (docs/stream-format.md); null if the export does not hold all of them. */
  root: string | null;
  /** A signed head over the last position, to be checked with its key or another head; null if there is none. */
  head: TreeHead | null;
}>;

/** Base64 encoding, provided by the runtime. */
export type Base64 = Readonly<{
  encode: (bytes: Uint8Array) => string;
  decode: (text: string) => Uint8Array;
}>;

/** The bytes of a delivery; null if they are no longer stored. */
type ExportBody = Readonly<{ sha256: string; base64: string | null }>;

/** The first line of an export. */
export const headerLine = (header: ExportHeader): string => {
  const { ledger, environment, genesis, from, to, before, account } = header;
  return JSON.stringify({
    ...{ format: FORMAT, ledger, environment, genesis },
    ...{ from, to, before, account },
  });
};

/** The line of an event. */
export const eventLine = (event: RecordedEvent): string =>
  JSON.stringify({
    position: event.position,
    id: event.id,
    type: event.type,
    schema_version: event.schema_version,
    subject: event.subject,
    occurred_at: event.occurred_at === null ? null : String(event.occurred_at),
    recorded_at: String(event.recorded_at),
    causation_id: event.causation_id,
    correlation_id: event.correlation_id,
    data: event.data,
    hash: event.hash,
  });

/** The line of a delivery's bytes. */
export const bodyLine = ({ sha256, base64 }: ExportBody): string =>
  JSON.stringify({ body: sha256, base64 });

/** The last line of an export, by which a reader knows that it is whole. */
export const endLine = ({ events, bodies, hash, root, head }: ExportEnd): string =>
  JSON.stringify({ end: hash, events, bodies, root, head });

type Data = Readonly<Record<string, unknown>>;

/** The data of an event; empty if it is not valid JSON, or was written by a newer program. */
export function dataOf(event: RecordedEvent): Data {
  if (isTooNew(event)) return {};
  try {
    return Object(readData(event)) as Data;
  } catch {
    return {};
  }
}

/** The digest of a delivery's body; null if the event names none. */
export function bodyOf(event: RecordedEvent): string | null {
  if (event.type !== "DeliveryReceived") return null;
  const { sha256 } = dataOf(event);
  return typeof sha256 === "string" ? sha256 : null;
}

/** Limit of the remembered digests, which take a few megabytes. */
const REMEMBERED_MAX = 100_000;

/**
 * Decides after which deliveries an export holds the body. A body is exported once, and again only if
 * more than `max` other bodies came in between, which bounds the memory.
 */
export function createBodyMemory(max: number = REMEMBERED_MAX): (sha256: string) => boolean {
  const recent = new Set<string>();
  return (sha256) => {
    const isNew = !recent.delete(sha256);
    recent.add(sha256);
    if (recent.size > max) {
      const [oldest] = recent;
      if (oldest !== undefined) recent.delete(oldest);
    }
    return isNew;
  };
}

/** The range to export: positions, both included, and optionally the events of one account only. */
export type ExportRange = Readonly<{ from: number; to: number; account: string | null }>;

export type RangeReadOptions = ExportRange &
  SubjectSources &
  Readonly<{
    signal?: AbortSignal | undefined;
    onProgress?: ((done: number, total: number) => void) | undefined;
  }>;

type ExportOptions = RangeReadOptions &
  Readonly<{
    names: LedgerNames;
    base64: Base64;
    /** The signed head over the last position, if there is one. */
    head?: TreeHead | null;
  }>;

const PAGE = 2000;

/** Reads the events of a range page by page, in bounded memory. */
async function* eventsInRange(options: RangeReadOptions): AsyncGenerator<readonly RecordedEvent[]> {
  const { stream, from, to, account, signal, onProgress } = options;
  if (account !== null) {
    for await (const page of eventsOfSubject(options, { subject: account, from, to })) {
      signal?.throwIfAborted();
      yield page;
    }
    onProgress?.(to - from + 1, to - from + 1);
    return;
  }
  for (let after = from - 1; after < to; ) {
    signal?.throwIfAborted();
    const page = await stream.read({ after, limit: Math.min(PAGE, to - after) });
    const last = page.at(-1);
    if (last === undefined) throw new StreamCorrupted(`position ${after + 1}: no event is there`);
    yield page;
    after = last.position;
    onProgress?.(after - from + 1, to - from + 1);
  }
}

/**
 * Writes a range of a ledger as lines of text, each with its line end. The lines hold everything that
 * an import or an external check needs. Nothing is checked here: altered events are exported as stored.
 *
 * @returns the number of exported events
 */
export async function* exportLines(options: ExportOptions): AsyncGenerator<string, number> {
  const { stream, account, base64 } = options;
  const header = await headerOf(options);
  yield `${headerLine(header)}\n`;
  const isFirstBody = createBodyMemory();
  const isFirst = ({ sha256 }: NamedBody) => isFirstBody(sha256);
  const tree = options.from === 1 && account === null ? createGrowingTree(options.hashing) : null;
  let [events, bodies, hash] = [0, 0, header.before];
  for await (const page of eventsInRange(options)) {
    const named = account === null ? page.flatMap(namedBody).filter(isFirst) : [];
    const reading = readBodies(stream, named);
    let [text, next] = ["", 0];
    for (const event of page) {
      text += `${eventLine(event)}\n`;
      events += 1;
      tree?.add(event.hash);
      hash = event.hash;
      if (named[next]?.position !== event.position) continue;
      next += 1;
      const [{ sha256 }, bytes] = (await reading.next()).value as BodyRead;
      if (bytes !== null) bodies += 1;
      text += `${bodyLine({ sha256, base64: bytes && base64.encode(bytes) })}\n`;
      if (text.length < TEXT_MAX) continue;
      yield text;
      text = "";
    }
    yield text;
  }
  const head = options.head ?? null;
  yield `${endLine({ events, bodies, hash, root: tree?.root() ?? null, head })}\n`;
  return events;
}

type BodyRead = readonly [NamedBody, Uint8Array | null];

function namedBody(event: RecordedEvent): readonly (NamedBody & Readonly<{ position: number }>)[] {
  const sha256 = bodyOf(event);
  if (sha256 === null) return [];
  return [{ sha256, length: Number(dataOf(event).length), position: event.position }];
}

/** The text of a page is written in parts of about this size, because bodies are long. */
const TEXT_MAX = 1024 * 1024;

async function headerOf(options: ExportOptions): Promise<ExportHeader> {
  const { stream, names, hashing, from, to, account } = options;
  const hashAt = async (position: number) => {
    const [event] = await stream.read({ after: position - 1, limit: 1 });
    if (event?.position === position) return event.hash;
    throw new StreamCorrupted(`position ${position}: no event is there`);
  };
  const genesis = await hashAt(1);
  const before = from === 1 ? emptyHead(names.name, hashing).hash : await hashAt(from - 1);
  const ledger = { ledger: names.name, environment: names.environment };
  return { ...ledger, genesis, from, to, before, account };
}

/** A cell: text, or a whole number. Amounts are text with all their digits. */
type Cell = string | number | null;
type FactRow = readonly Cell[];
type FactColumn = Readonly<{ name: string; type: "text" | "integer" }>;

/** Fields of the facts' data, one column each. */
const FIELDS = [
  ...["provider", "account", "participant_code", "account_group", "account_label", "account_type"],
  ...["asset", "account_id", "run_id", "run_type", "movement_id", "movement_type", "change"],
  ...["balance", "deposit_id", "withdrawal_id", "payment", "fund", "trade_id", "leg_id", "leg"],
  ...["status", "amount", "settled_amount", "quantity", "rate", "notional", "total"],
  ...["quoted_currency", "fee", "fee_asset", "network", "transaction_hash", "reference", "reason"],
];

/** The columns of the table in order: the envelope, the fields, and the whole data as JSON. */
export const FACT_COLUMNS: readonly FactColumn[] = [
  { name: "position", type: "integer" },
  ...["event_id", "type", "subject", "occurred_at", "recorded_at", "delivery_id"].map(textColumn),
  ...FIELDS.map(textColumn),
  ...["amends", "data", "hash"].map(textColumn),
];

function textColumn(name: string): FactColumn {
  return { name, type: "text" };
}

/** The events of a range as rows of one flat table, page by page. */
export async function* factRows(options: RangeReadOptions): AsyncGenerator<readonly FactRow[]> {
  for await (const page of eventsInRange(options)) yield page.map(factRow);
}

function factRow(event: RecordedEvent): FactRow {
  const { position, id, type, subject, occurred_at, recorded_at, causation_id } = event;
  const times = [occurred_at === null ? null : formatTime(occurred_at), formatTime(recorded_at)];
  const data = dataOf(event);
  const fields = { ...partsOf(data), ...data };
  const amends = typeof data.event_type === "string" ? textOf(data.event_id) : null;
  return [
    ...[position, id, type, subject, ...times, causation_id],
    ...FIELDS.map((name) => textOf(fields[name])),
    ...[amends, event.data, event.hash],
  ];
}

/** The owner of an account is part of its id. */
function partsOf({ account }: Data): Data {
  return typeof account === "string" ? accountParts(account) : {};
}

const textOf = (value: unknown): string | null =>
  value === undefined || value === null ? null : String(value);

/** Writes the table as CSV (RFC 4180) with a header line. @returns the number of rows */
export async function* exportCsv(options: RangeReadOptions): AsyncGenerator<string, number> {
  yield csvLine(FACT_COLUMNS.map(({ name }) => name));
  let count = 0;
  for await (const rows of factRows(options)) {
    count += rows.length;
    yield rows.map(csvLine).join("");
  }
  return count;
}

const csvLine = (row: FactRow): string => `${row.map(csvCell).join(",")}\r\n`;

/** A missing value is an empty cell, an empty text a pair of quotes. */
function csvCell(cell: Cell): string {
  if (typeof cell !== "string") return cell === null ? "" : String(cell);
  return cell === "" || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
