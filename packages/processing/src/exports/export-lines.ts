import type { TreeHead } from "@counterfoil/contracts/audit";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";

/**
 * An export, format 1: lines of JSON (docs/audit.md). First its header, then the events in the order
 * of the stream, each body behind the delivery that brought it, and at last how many there were. It
 * holds no time and no version of a program: exports of one stream are the same, byte for byte, on
 * whatever engine it lies, and a line has one form only, so that any altered byte shows.
 */
export const FORMAT = "counterfoil-export/1";

/** What an export holds of which ledger. */
export type ExportHeader = Readonly<{
  ledger: string;
  environment: string;
  /** The hash of position 1: many ledgers have the same name. */
  genesis: string;
  /** The first and the last position that it may hold. */
  from: number;
  to: number;
  /** What stands before the first of them: the hash of the event there, or of the ledger's name. */
  before: string;
  /** Where it holds the events of one account alone. */
  account: string | null;
}>;

/** The last line, without which an export is cut. */
export type ExportEnd = Readonly<{
  events: number;
  bodies: number;
  hash: string;
  /** Of the tree over the events (docs/stream-format.md); null where not all of them are here. */
  root: string | null;
  /** A signed head over the last position, for who has its key or another head; null where none is. */
  head: TreeHead | null;
}>;

/** The bytes of a delivery, or that they are not stored any more. */
export type ExportBody = Readonly<{ sha256: string; base64: string | null }>;

export const headerLine = (header: ExportHeader): string => {
  const { ledger, environment, genesis, from, to, before, account } = header;
  return JSON.stringify({
    ...{ format: FORMAT, ledger, environment, genesis },
    ...{ from, to, before, account },
  });
};

export const eventLine = (event: RecordedEvent): string => {
  const { position, id, type, schema_version, subject } = event;
  const occurred_at = event.occurred_at === null ? null : String(event.occurred_at);
  const times = { occurred_at, recorded_at: String(event.recorded_at) };
  const { causation_id, correlation_id, data, hash } = event;
  return JSON.stringify({
    ...{ position, id, type, schema_version, subject, ...times },
    ...{ causation_id, correlation_id, data, hash },
  });
};

export const bodyLine = ({ sha256, base64 }: ExportBody): string =>
  JSON.stringify({ body: sha256, base64 });

export const endLine = ({ events, bodies, hash, root, head }: ExportEnd): string =>
  JSON.stringify({ end: hash, events, bodies, root, head });

export type Data = Readonly<Record<string, unknown>>;

/** What an event says; nothing where it was altered so that it is no JSON, or is a newer program's. */
export function dataOf(event: RecordedEvent): Data {
  if (isTooNew(event)) return {};
  try {
    return Object(readData(event)) as Data;
  } catch {
    return {};
  }
}

/** The digest of the body that a delivery brought; null where an event names none. */
export function bodyOf(event: RecordedEvent): string | null {
  if (event.type !== "DeliveryReceived") return null;
  const { sha256 } = dataOf(event);
  return typeof sha256 === "string" ? sha256 : null;
}

/** So many digests take a few megabytes. */
const REMEMBERED_MAX = 100_000;

/**
 * Says of which deliveries an export holds the body. A body stands in it once; again only where so
 * many others came in between that remembering all of them would not end.
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
