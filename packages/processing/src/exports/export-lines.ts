import type { TreeHead } from "@counterfoil/contracts/audit";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";

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
export type ExportEnd = Readonly<{
  events: number;
  bodies: number;
  hash: string;
  /** The root of the tree over the events (docs/stream-format.md); null if the export does not hold all of them. */
  root: string | null;
  /** A signed head over the last position, to be checked with its key or another head; null if there is none. */
  head: TreeHead | null;
}>;

/** The bytes of a delivery; null if they are no longer stored. */
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
