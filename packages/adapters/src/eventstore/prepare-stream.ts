import {
  LedgerMismatch,
  StreamCorrupted,
  StreamMissing,
  StreamUnavailable,
} from "@counterfoil/processing/ports/errors";
import type { Connection, Timing } from "./connection.ts";
import { decodeEvent } from "./stored-event.ts";
import { type StreamReader, truncated } from "./stream-reader.ts";
import { writeEvents } from "./write.ts";

type PrepareOptions = Readonly<{
  connection: Connection;
  reader: StreamReader;
  ledger: string;
  readOnly: boolean;
  /** The authenticated user; null without authentication. */
  user: string | null;
  timing: Timing;
  logger?: Readonly<{ warn(fields: object, message: string): void }> | undefined;
}>;

/**
 * Checks a stream before it is used, and restricts writing to a new one to this user. It makes the
 * first call to the server, so that a wrong connection string, password or port is detected at once.
 *
 * @throws StreamMissing if it is opened read-only and does not exist
 * @throws StreamCorrupted if its beginning was truncated, or its metadata lets the server truncate it
 * @throws LedgerMismatch if its first event belongs to another ledger, or to another client
 */
export async function prepareStream(options: PrepareOptions): Promise<void> {
  const { reader, ledger, readOnly } = options;
  const metadata = await readMetadata(reader);
  const { stream } = reader;
  const page = await reader.page({ stream, direction: "forwards", from: "start", count: 1 });
  if (page === null) {
    if (!readOnly) return restrictToUser(options, metadata);
    throw new StreamMissing(`no event stream ${stream} yet: the first ingestor creates it`);
  }
  const [first] = page;
  if (first === undefined) throw truncated(stream, "none of its events is left");
  if (first.revision !== 0) throw truncated(stream, `it begins at revision ${first.revision}`);
  const event = decodeEvent(first)?.event;
  if (event === undefined) {
    throw new LedgerMismatch(
      `stream ${stream} begins with ${first.type} of another client, expected LedgerOpened: set another COUNTERFOIL_LEDGER`,
    );
  }
  const name = event.type === "LedgerOpened" ? nameIn(event.data) : ledger;
  if (name === ledger) return;
  throw new LedgerMismatch(
    `stream ${stream} holds ledger "${name}", expected "${ledger}": set COUNTERFOIL_LEDGER or COUNTERFOIL_EVENTSTORE_URL so that they agree`,
  );
}

type Metadata = Readonly<{ revision: number; settings: Readonly<Record<string, unknown>> }>;

const TRUNCATING = ["$maxAge", "$maxCount", "$tb"];

/** @throws StreamCorrupted if settings let the server drop events, now or at its next scavenge */
async function readMetadata({ stream, page }: StreamReader): Promise<Metadata> {
  const metastream = `$$${stream}`;
  const request = { stream: metastream, direction: "backwards", from: "end", count: 1 } as const;
  const [last] = (await page(request)) ?? [];
  if (last === undefined) return { revision: -1, settings: {} };
  const settings = Object(parsed(last.data, metastream)) as Metadata["settings"];
  const set = TRUNCATING.filter((key) => Boolean(settings[key]));
  if (set.length > 0) throw truncated(stream, `its metadata sets ${set.join(", ")}`);
  return { revision: last.revision, settings };
}

function parsed(data: Uint8Array, metastream: string): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString());
  } catch {
    throw new StreamCorrupted(`the metadata in ${metastream} is no JSON: write it again`);
  }
}

function nameIn(data: string): unknown {
  return (JSON.parse(data) as { name?: unknown }).name;
}

/**
 * By default every user of the server may append to any stream, and no event can be removed again. With
 * authentication, only this user may write to a new ledger, delete it, or change its metadata. An
 * existing ACL is left unchanged. If two ingestors start at once, one of them sets it.
 */
async function restrictToUser(
  { connection, reader, user, timing, logger }: PrepareOptions,
  { revision, settings }: Metadata,
): Promise<void> {
  if (user === null || settings.$acl !== undefined) return;
  const acl = { $w: [user], $d: [user], $mw: [user] };
  const event = {
    id: crypto.randomUUID(),
    type: "$metadata",
    contentType: "application/json" as const,
    metadata: new Uint8Array(),
    data: Buffer.from(JSON.stringify({ ...settings, $acl: acl })),
  };
  const stream = `$$${reader.stream}`;
  try {
    await writeEvents(connection, { stream, expectedRevision: revision, events: [event] }, timing);
  } catch (error) {
    if (!(error instanceof StreamUnavailable)) throw error;
    const message = "the stream could not be kept for this user alone: set its $acl by hand";
    logger?.warn({ err: error, stream: reader.stream, acl }, message);
  }
}
