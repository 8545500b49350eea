import type { Hashing } from "@counterfoil/core/hashing";
import { StreamCorrupted } from "@counterfoil/processing/ports/errors";
import type { Body } from "@counterfoil/processing/ports/event-stream";
import type { Connection, Timing } from "./connection.ts";
import type { ServerEvent, StoredEvent } from "./stored-event.ts";
import type { StreamReader } from "./stream-reader.ts";
import { isTombstoned, tombstone, writeEvents } from "./write.ts";

/** Stores the raw bytes of deliveries: one stream per body, one chunk per event. */
export type StreamBodies = Readonly<{
  /** Resolves when all are durable. A stored body is left unchanged, an incomplete one is completed. */
  store(bodies: readonly Body[]): Promise<void>;
  /** @throws StreamCorrupted if the bytes do not match the digest */
  read(sha256: string): Promise<Uint8Array | null>;
  /** As `read`, for several. */
  readAll(digests: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Deletes permanently; a body that was not stored cannot be stored afterwards either. */
  erase(digests: readonly string[]): Promise<void>;
}>;

type Options = Readonly<{
  ledger: string;
  connection: Connection;
  page: StreamReader["page"];
  hashing: Hashing;
  timing: Timing;
}>;

/** Half of the smallest append limit of servers. It must never change, because any version may complete a body. */
const CHUNK_BYTES = 512 * 1024;
const AT_ONCE = 16;
const PAGE_CHUNKS = 16;

/** Bodies in streams of their own, `body-<ledger>-<sha256>`, in chunks. */
export function createStreamBodies(options: Options): StreamBodies {
  const { ledger, connection, hashing, page, timing } = options;
  const nameOf = (sha256: string) => `body-${ledger}-${sha256}`;
  const read = async (sha256: string): Promise<Uint8Array | null> => {
    const stream = nameOf(sha256);
    const bytes = await readBytes(page, stream);
    if (bytes !== null && hashing.sha256(bytes) !== sha256) {
      throw new StreamCorrupted(
        `stream ${stream} holds other bytes than its digest says: restore it from a backup`,
      );
    }
    return bytes;
  };
  return {
    store: async (bodies) => {
      await inGroups(bodies, (body) => storeBody(options, nameOf(body.sha256), body));
    },
    read,
    readAll: async (digests) => {
      const bodies = await inGroups(
        digests,
        async (digest) => [digest, await read(digest)] as const,
      );
      return new Map(
        bodies.flatMap(([digest, bytes]) => (bytes === null ? [] : [[digest, bytes]])),
      );
    },
    erase: async (digests) => {
      await inGroups(digests, (digest) => tombstone(connection, nameOf(digest), timing));
    },
  };
}

async function inGroups<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const done: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    done.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  }
  return done;
}

/**
 * Stores a body chunk by chunk, each at its own revision. A chunk's id is derived from its content, so
 * that the server recognises a repeat: a second writer, or a retry, changes nothing.
 */
async function storeBody(options: Options, stream: string, body: Body): Promise<void> {
  const { connection, timing } = options;
  const count = chunkCount(body.bytes.length);
  try {
    for (let at = 0; at < count; at += 1) {
      const events = [chunkOf(body, at, count, options.hashing)];
      const write = { stream, expectedRevision: at - 1, events };
      const result = await writeEvents(connection, write, timing);
      if (result.outcome === "conflict" && result.revision < at - 1) throw vanished(stream, at);
    }
  } catch (error) {
    // An erased digest is never stored again.
    if (!isTombstoned(error)) throw error;
  }
}

const chunkCount = (bytes: number): number => Math.max(1, Math.ceil(bytes / CHUNK_BYTES));

function chunkOf({ sha256, bytes }: Body, at: number, of: number, hashing: Hashing): ServerEvent {
  return {
    id: uuidOf(hashing.sha256(`${sha256} ${at} ${of}`)),
    type: "BodyChunk",
    contentType: "application/octet-stream",
    metadata: Buffer.from(JSON.stringify({ chunk: at, of, bytes: bytes.length })),
    data: bytes.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES),
  };
}

/** A digest as a UUID of version 8, which is for custom derivations. */
function uuidOf(hex: string): string {
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
  ];
  return [...parts, hex.slice(20, 32)].join("-");
}

/** Reads all chunks; null if the body is missing, erased, or incomplete (its writer died). */
async function readBytes(page: StreamReader["page"], stream: string): Promise<Uint8Array | null> {
  const chunks: StoredEvent[] = [];
  for (;;) {
    const from = chunks.length;
    const found = await page({ stream, direction: "forwards", from, count: PAGE_CHUNKS }).catch(
      (error) => {
        if (isTombstoned(error)) return null;
        throw error;
      },
    );
    if (found === null || found.length === 0 || found[0]?.revision !== from) return null;
    chunks.push(...found);
    if (chunks.length >= chunkTotal(found[0], stream))
      return Buffer.concat(chunks.map(({ data }) => data));
  }
}

/** The number of chunks of a body, which is in the metadata of each. */
function chunkTotal({ metadata }: StoredEvent, stream: string): number {
  try {
    return (JSON.parse(Buffer.from(metadata).toString()) as { of: number }).of;
  } catch {
    throw new StreamCorrupted(
      `stream ${stream} holds what counterfoil has not written: remove it, and deliver the body again`,
    );
  }
}

function vanished(stream: string, chunks: number): StreamCorrupted {
  return new StreamCorrupted(
    `stream ${stream} lost some of its first ${chunks} chunks while it was written: the server lost commits; deliver it again`,
  );
}
