import type { ConsistencyProof, InclusionProof, TreeHead } from "@counterfoil/contracts/audit";
import type { DataOf } from "@counterfoil/contracts/fact";
import { consistencyRanges, inclusionRanges, leafHash } from "@counterfoil/core/audit/merkle-log";
import { keyIdOf, signedText } from "@counterfoil/core/audit/tree-head";
import { formatTime } from "@counterfoil/core/exact/time";
import type { Hashing } from "@counterfoil/core/hashing";
import { integer, own, text } from "../models/columns.ts";
import { type Clock, shareAnswer } from "../ports/clock.ts";
import {
  GenerationMissing,
  StreamForked,
  StreamMissing,
  StreamUnavailable,
} from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { HeadKeyring } from "../ports/head-keys.ts";
import type {
  Checkpoint,
  ModelCatalogue,
  ModelLayout,
  ModelStore,
  Row,
  Rows,
  StoreName,
  Table,
} from "../ports/model-store.ts";
import type { RoleLocks } from "../ports/role-locks.ts";
import { beyondPart, type Page, type PageRequest, readPage } from "../queries/answers.ts";
import { AUDIT_LAYOUT, advanceIndex, rootIn, rootsIn } from "./audit-index.ts";
import { ensureCurrentKey, recordRotation } from "./key-rotation.ts";

/** Signed tree heads of one ledger, and proofs under them. */
export interface Heads {
  /**
   * Makes a head over the whole stream; returns the last one if nothing was appended since. Appends
   * nothing itself.
   *
   * @throws StreamForked if the stream contradicts what was signed before
   */
  make(options?: MakeOptions): Promise<TreeHead>;
  /**
   * Makes a head with the present key, then puts another key in place and appends the event that
   * records this.
   *
   * @param begin called before the event is appended, when nothing can refuse the rotation any more
   */
  rotate(begin?: () => Promise<unknown>): Promise<DataOf<"HeadKeyRotated">>;
  /** The last head that was made; makes none. */
  last(): Promise<TreeHead | null>;
  /** The newest heads made here at or before a position, the last first. */
  upTo(position: number, limit: number): Promise<readonly TreeHead[]>;
  /** The heads made here after a position, ordered by position. */
  list(after: number, page: PageRequest): Promise<Page<TreeHead>>;
  /**
   * Proves that a tree of a size contains the event at a position; by default the newest head's
   * tree.
   */
  proveInclusion(position: number, treeSize?: number): Promise<InclusionProof>;
  /** Proves that the tree of `to` contains the tree of `from` unchanged. */
  proveConsistency(from: number, to: number): Promise<ConsistencyProof>;
}

type MakeOptions = Readonly<{
  /**
   * Rebuilds the index and signs the present stream even if it contradicts earlier heads: after a
   * backup was restored. Holders of those heads will still find the contradiction.
   */
  rebuild?: boolean;
  /** Stops before a head is made; the next call continues from there. */
  signal?: AbortSignal | undefined;
}>;

/** The position or tree does not exist yet. */
export class NotInTree extends Error {
  override readonly name = "NotInTree";
}

/** Why there is no proof of a position in a tree that ends before it. */
export const outsideTree = (position: number, treeSize: number): string =>
  `a tree of size ${treeSize} holds positions 1 to ${treeSize}, found position ${position}: name a head whose tree_size is ${position} or more`;

export type HeadsOptions = Readonly<{
  ledger: string;
  stream: EventStream;
  catalogue: ModelCatalogue;
  locks: Pick<RoleLocks, "acquire">;
  clock: Clock;
  hashing: Hashing;
  signer: HeadKeyring;
  /** Events of one step towards a head, see `SHARED_PAGE`. */
  page?: number | undefined;
}>;

/**
 * Stored in the order in which they were made and never deleted: they cannot be derived from
 * anything.
 */
export const HEADS: Table = {
  name: "heads",
  columns: { number: own(integer), position: own(integer), head: own(text) },
  key: ["number"],
  indexes: [["position", "number"]],
  digested: "none",
};
const HEADS_LAYOUT: ModelLayout = { tables: [HEADS], modelVersion: 1 };
export const HEADS_KEY = ["integer", "integer"] as const;

/** How long making a head waits for another process that makes one. */
const LOCK_TIMEOUT_MS = 60_000;

/** The heads of one ledger, stored beside its models. A lock admits one process at a time to making one. */
export function createHeads(options: HeadsOptions): Heads {
  const { stream, catalogue, clock } = options;

  let queue: Promise<unknown> = Promise.resolve();

  function makeNext(asked: MakeOptions): Promise<TreeHead> {
    const made = queue.then(() => withHeadsLock(options, () => makeInStores(options, asked)));
    queue = made.catch(() => undefined);
    return made;
  }

  const makeShared = shareAnswer(() => makeNext({}));

  /** Concurrent calls share one head; one that can be stopped or asks for a rebuild makes its own. */
  const make = (asked: MakeOptions = {}): Promise<TreeHead> =>
    asked.rebuild || asked.signal !== undefined ? makeNext(asked) : makeShared();

  /** Reads the tree if it has that size; otherwise makes a head first. */
  async function withTree<T>(size: number, read: (rows: Rows) => Promise<T>): Promise<T> {
    if ((await sizeOf(catalogue)) < size) await make();
    const found = await readStore(catalogue, "audit", async (rows, { position }) =>
      position < size ? { position } : { value: await read(rows) },
    );
    if (found !== null && "value" in found) return found.value;
    const end = found?.position ?? 0;
    throw new NotInTree(`there is no position ${size}: the stream ends at ${end}`);
  }

  return {
    make,
    rotate: (begin) =>
      withHeadsLock(options, async () => {
        const { genesis } = await makeInStores(options, {});
        return recordRotation({ ...options, genesis, keys: options.signer, begin });
      }),
    last: () => readStore(catalogue, "heads", async (rows) => (await lastHead(rows))?.head ?? null),
    upTo: async (position, limit) =>
      (await readStore(catalogue, "heads", (rows) => headsUpTo(rows, position, limit))) ?? [],
    list: async (after, page) => {
      const listed = await readStore(catalogue, "heads", (rows) =>
        listHeads(rows, after, page, clock),
      );
      return listed ?? { data: [], next: null };
    },
    proveInclusion: async (position, treeSize) => {
      const size = treeSize ?? Number((await make()).tree_size);
      return withTree(size, (rows) =>
        inclusionIn(rows, stream, { position, size }, options.hashing),
      );
    },
    proveConsistency: (from, to) =>
      withTree(to, (rows) => consistencyIn(rows, { from, to }, options.hashing)),
  };
}

/** Only one process at a time makes heads. */
async function withHeadsLock<T>(
  { locks, clock }: HeadsOptions,
  work: () => Promise<T>,
): Promise<T> {
  const timeout = new AbortController();
  const made = new AbortController();
  void clock.sleep(LOCK_TIMEOUT_MS, made.signal).then(() => timeout.abort());
  const lock = await locks.acquire("heads", timeout.signal).finally(() => made.abort());
  if (lock === null) throw new StreamUnavailable("another process is making a head: try again");
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function makeInStores(
  options: HeadsOptions,
  { rebuild = false, signal }: MakeOptions,
): Promise<TreeHead> {
  const { catalogue } = options;
  if (rebuild) await dropStore(catalogue, "audit");
  const index = await openStore(catalogue, "audit", AUDIT_LAYOUT);
  try {
    const kept = await openStore(catalogue, "heads", HEADS_LAYOUT);
    try {
      return await makeHead(options, { index, kept, rebuild, signal });
    } finally {
      await kept.close();
    }
  } finally {
    await index.close();
  }
}

type Stores = Readonly<{ index: ModelStore; kept: ModelStore; rebuild: boolean }> &
  Pick<MakeOptions, "signal">;

async function makeHead(
  options: HeadsOptions,
  { index, kept, rebuild, signal }: Stores,
): Promise<TreeHead> {
  const { stream, ledger, clock, signer, hashing } = options;
  const end = (await stream.head()).position;
  if (end === 0) throw new StreamMissing(`ledger "${ledger}" is empty: there is nothing to sign`);
  const last = await lastHead(kept);
  const checkpoint = await advanceIndex(
    { ...options, nextTurn: clock.nextTurn, signal },
    index,
    end,
  );
  if (last !== null && !rebuild) await checkContinues(index, checkpoint, last.head, hashing);
  await ensureCurrentKey(stream, signer, hashing);
  const public_key = await signer.publicKey();
  const unsigned = {
    ledger,
    genesis: await hashAt(stream, 1),
    position: String(checkpoint.position),
    hash: checkpoint.hash,
    tree_size: String(checkpoint.position),
    root: checkpoint.digest,
    map_root: checkpoint.state_digest,
    signed_at: formatTime(clock.now()),
    key_id: keyIdOf(public_key, hashing),
    public_key,
  };
  if (last !== null && hasSameContent(last.head, unsigned)) return last.head;
  const head = { ...unsigned, signature: await signer.sign(signedText(unsigned)) };
  const { position, hash, digest, state_digest } = checkpoint;
  const row = { number: (last?.number ?? 0) + 1, position, head: JSON.stringify(head) };
  await kept.commit({
    inserts: [{ table: HEADS, rows: [row] }],
    puts: [],
    deletes: [],
    checkpoint: { position, hash, digest, state_digest },
  });
  return head;
}

/**
 * Checks that the new head contains what was signed before, so that no two histories are signed.
 */
async function checkContinues(
  index: ModelStore,
  { position }: Checkpoint,
  last: TreeHead,
  hashing: Hashing,
): Promise<void> {
  const size = Number(last.tree_size);
  const found = size > position ? null : await rootIn(index, { start: 0, end: size }, hashing);
  if (found === last.root) return;
  const now = found === null ? `ends at ${position}` : `has root ${found} there`;
  throw new StreamForked(
    `the head of ${last.signed_at} signed root ${last.root} over position ${size}, and this stream ${now}: nothing was signed; \`counterfoil verify --models\` tells whether the index beside the stream is damaged; if a backup was restored, \`counterfoil head --rebuild\` signs what is there now, and whoever holds the earlier head will be told`,
  );
}

function hasSameContent(last: TreeHead, next: Omit<TreeHead, "signature">): boolean {
  const { signed_at: _, signature: __, ...content } = last;
  return Object.entries(content).every(
    ([name, value]) => next[name as keyof typeof next] === value,
  );
}

async function hashAt(stream: EventStream, position: number): Promise<string> {
  const [event] = await stream.read({ after: position - 1, limit: 1 });
  if (event?.position !== position) throw new NotInTree(`there is no position ${position}`);
  return event.hash;
}

async function lastHead(rows: Rows): Promise<{ number: number; head: TreeHead } | null> {
  const [row] = await rows.select(HEADS, { orderBy: ["number"], descending: true, limit: 1 });
  return row === undefined ? null : { number: Number(row.number), head: headOfRow(row) };
}

/** Heads made here after a position, ordered by size; of each size the first. */
export async function keptHeads(
  catalogue: ModelCatalogue,
  after: number,
  limit: number,
): Promise<readonly TreeHead[]> {
  const kept = await readStore(catalogue, "heads", async (rows) => {
    const where = [{ column: "position", is: ">", value: after }] as const;
    const found = await rows.select(HEADS, { where, orderBy: ["position", "number"], limit });
    return found.map(headOfRow);
  });
  return (kept ?? []).filter((head, at, all) => head.position !== all[at - 1]?.position);
}

const headOfRow = (row: Row): TreeHead => JSON.parse(String(row.head));

async function headsUpTo(rows: Rows, position: number, limit: number): Promise<TreeHead[]> {
  const found = await rows.select(HEADS, {
    where: [{ column: "position", is: "<=", value: position }],
    orderBy: ["position", "number"],
    descending: true,
    limit,
  });
  return found.map(headOfRow);
}

function listHeads(
  rows: Rows,
  after: number,
  page: PageRequest,
  { nextTurn }: Clock,
): Promise<Page<TreeHead>> {
  return readPage(page, {
    read: (beyond, limit) =>
      rows.select(HEADS, {
        where: [{ column: "position", is: ">", value: after }],
        orderBy: ["position", "number"],
        ...beyondPart(beyond),
        limit,
      }),
    keyOf: ({ position, number }) => [position ?? 0, number ?? 0],
    recordOf: headOfRow,
    nextTurn,
  });
}

async function inclusionIn(
  rows: Rows,
  stream: EventStream,
  { position, size }: Readonly<{ position: number; size: number }>,
  hashing: Hashing,
): Promise<InclusionProof> {
  const hash = await hashAt(stream, position);
  return {
    position: String(position),
    tree_size: String(size),
    hash,
    leaf: leafHash(hash, hashing),
    root: await rootIn(rows, { start: 0, end: size }, hashing),
    proof: [...(await rootsIn(rows, inclusionRanges(position - 1, size), hashing))],
  };
}

async function consistencyIn(
  rows: Rows,
  { from, to }: Readonly<{ from: number; to: number }>,
  hashing: Hashing,
): Promise<ConsistencyProof> {
  return {
    from: String(from),
    to: String(to),
    from_root: await rootIn(rows, { start: 0, end: from }, hashing),
    to_root: await rootIn(rows, { start: 0, end: to }, hashing),
    proof: [...(await rootsIn(rows, consistencyRanges(from, to), hashing))],
  };
}

async function openStore(
  catalogue: ModelCatalogue,
  store: StoreName,
  layout: ModelLayout,
): Promise<ModelStore> {
  const [known] = await catalogue.generations(store);
  // The index follows from the stream, so that of another version is rebuilt.
  if (store === "audit" && known !== undefined && known.modelVersion !== layout.modelVersion) {
    await dropStore(catalogue, store);
    return openStore(catalogue, store, layout);
  }
  const generation = known?.generation ?? (await catalogue.create(store, layout));
  return catalogue.openForWriting(store, generation ?? 1);
}

async function dropStore(catalogue: ModelCatalogue, store: StoreName): Promise<void> {
  for (const { generation } of await catalogue.generations(store)) {
    await catalogue.drop(store, generation);
  }
}

async function sizeOf(catalogue: ModelCatalogue): Promise<number> {
  const [known] = await catalogue.generations("audit");
  return known?.checkpoint.position ?? 0;
}

/** @returns null if nothing was ever stored, or it is being rebuilt */
export async function readStore<T>(
  catalogue: Pick<ModelCatalogue, "generations" | "openForReading">,
  store: StoreName,
  read: (rows: Rows, checkpoint: Checkpoint) => Promise<T>,
): Promise<T | null> {
  const [known] = await catalogue.generations(store);
  if (known === undefined) return null;
  try {
    const reader = await catalogue.openForReading(store, known.generation);
    try {
      return await reader.snapshot(read);
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (error instanceof GenerationMissing) return null;
    throw error;
  }
}
