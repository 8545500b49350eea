import {
  LedgerMismatch,
  StreamCorrupted,
  StreamMissing,
} from "@counterfoil/processing/ports/errors";
import { decodeEvent } from "./stored-event.ts";
import { type StreamReader, truncated } from "./stream-reader.ts";

/**
 * Checks what must hold before a stream is used. It makes the first call to the server, so that a
 * wrong connection string, password or port shows at once.
 *
 * @throws StreamMissing when it is not there and `mayBeMissing` is false;
 * @throws StreamCorrupted when its beginning was cut away, or is to be;
 * @throws LedgerMismatch when its first event opens another ledger.
 */
export async function checkStream(
  reader: StreamReader,
  { ledger, mayBeMissing }: Readonly<{ ledger: string; mayBeMissing: boolean }>,
): Promise<void> {
  await checkMetadata(reader);
  const { stream } = reader;
  const page = await reader.page({ stream, direction: "forwards", from: "start", count: 1 });
  if (page === null) {
    if (mayBeMissing) return;
    throw new StreamMissing(`no event stream ${stream} yet: the first ingestor creates it`);
  }
  const [first] = page;
  if (first === undefined) throw truncated(stream, "none of its events is left");
  if (first.revision !== 0) throw truncated(stream, `it begins at revision ${first.revision}`);
  const { event } = decodeEvent(first, stream);
  const name = event.type === "LedgerOpened" ? nameIn(event.data) : ledger;
  if (name === ledger) return;
  throw new LedgerMismatch(
    `stream ${stream} holds ledger "${name}", expected "${ledger}": set COUNTERFOIL_LEDGER or COUNTERFOIL_EVENTSTORE_URL so that they agree`,
  );
}

const TRUNCATING = ["$maxAge", "$maxCount", "$tb"];

/** Settings that let the server drop events, now or at its next scavenge. */
async function checkMetadata({ stream, page }: StreamReader): Promise<void> {
  const metastream = `$$${stream}`;
  const request = { stream: metastream, direction: "backwards", from: "end", count: 1 } as const;
  const [last] = (await page(request)) ?? [];
  if (last === undefined) return;
  const metadata = Object(parsed(last.data, metastream)) as Readonly<Record<string, unknown>>;
  const set = TRUNCATING.filter((key) => Boolean(metadata[key]));
  if (set.length > 0) throw truncated(stream, `its metadata sets ${set.join(", ")}`);
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
