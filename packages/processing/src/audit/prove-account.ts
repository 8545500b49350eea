import type { TreeHead } from "@counterfoil/contracts/audit";
import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { consistencyRanges, jointRanges } from "@counterfoil/core/audit/merkle-log";
import { addEvent, EMPTY } from "@counterfoil/core/audit/subject-map";
import { compareText, counted } from "@counterfoil/core/exact/text";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import type { Base64 } from "../exports/export-ledger.ts";
import { balancesProjection } from "../models/balances/projection.ts";
import { NothingThere } from "../operator.ts";
import { type NamedBody, readBodies } from "../ports/event-stream.ts";
import type { Rows } from "../ports/model-store.ts";
import { type FactPage, factPages, foldAccount, NotProvable } from "./account-facts.ts";
import { AUDIT_LAYOUT, advanceIndex, damaged, rootIn, rootsIn, subjectIn } from "./audit-index.ts";
import { createHeads, type HeadsOptions, readStore } from "./heads.ts";
import { type Rotation, rotationsOf } from "./key-rotation.ts";
import { createKeptTexts, ordered, signedText } from "./proof-text.ts";

export type ProveOptions = HeadsOptions & Readonly<{ base64: Base64; eventsMax?: number }>;

export type ProveQuery = Readonly<{
  account: string;
  /** The proof uses the newest head at or before it; null makes a new head. */
  at: number | null;
  /** Sizes of heads that the reader holds: the proof also shows that its head continues them. */
  since: readonly number[];
}>;

type BalanceProof = Readonly<{
  /** The file in consecutive parts: canonical JSON in UTF-8 (docs/stream-format.md). */
  parts: readonly Uint8Array[];
  balance: string | null;
  head: TreeHead;
}>;

const FORMAT = "counterfoil/balance-proof/v1";
/**
 * Number of earlier heads that the proof's head is always shown to continue: days, if one is made
 * every hour.
 */
const EARLIER_HEADS = 100;

/**
 * Proves what the balance of an account follows from, and that it is complete: all facts of the
 * account under a head, the deliveries that contained them with their bytes and signatures, and the
 * order and arithmetic that the rules derive from them. With the head's key, or a head, it can be
 * checked without this program and without the ledger.
 *
 * The facts are folded again: nothing of the read models is trusted. They are read once, in pages,
 * of which only the bytes for the proof are kept: this takes about twice the file's memory.
 *
 * @throws NothingThere if there is no such account
 * @throws NotProvable if there is no such head, or the account has too many events for one file
 */
export async function proveAccount(
  options: ProveOptions,
  query: ProveQuery,
): Promise<BalanceProof> {
  const { account } = query;
  const head = await headFor(options, query.at);
  const kept: Kept = {
    ...{ events: createKeptTexts(), bodies: new Map(), shared: new Set() },
    own: { number: 0, digest: EMPTY },
  };
  const pages = factPages(options, account, Number(head.position));
  const folded = await foldAccount(options, account, keepPages(pages, kept, options));
  if (folded === null) throw new NothingThere(`${account} is no account: it has no balance`);
  const scope = { account, positions: kept.events.places(), since: query.since };
  const { tree, map, consistency } = await proveUnderHead(options, head, scope);
  checkIsComplete(map, kept, account);
  const short = {
    ...{ format: FORMAT, public_key: await options.signer.publicKey() },
    ...{ account, balance: folded.balance, head, map, consistency },
    rules: { model: "balances", version: String(balancesProjection.version) },
    rotations: await rotationsOf(options.stream).then((all) => all.map(rotationRecord)),
  };
  const long = {
    bodies: () => ({ brackets: "{}", pieces: bodyPieces(options, kept) }) as const,
    entries: () => ({ brackets: "[]", pieces: ordered(folded.entries) }) as const,
    events: () => ({ brackets: "[]", pieces: kept.events.inOrder() }) as const,
    snapshots: () => ({ brackets: "[]", pieces: ordered(folded.snapshots) }) as const,
    tree: () => ({ brackets: "[]", pieces: ordered(tree) }) as const,
  };
  const parts = await signedText(FORMAT, { short, long }, options.signer);
  return { parts, balance: folded.balance, head };
}

/** What is kept of the pages that were read. */
type Kept = Readonly<{
  /** The events in the proof's form, by position. */
  events: ReturnType<typeof createKeptTexts>;
  /** The recorded properties of deliveries' bytes, by digest; `by` lists the deliveries. */
  bodies: Map<string, NamedBody & Readonly<{ by: string[] }>>;
  /** Deliveries whose bytes also state other accounts. */
  shared: Set<string | null>;
  /** The account's own events, as the map counts them. */
  own: { number: number; digest: string };
}>;

/** Yields the events of each page that the rules fold, and keeps what the proof needs of it. */
async function* keepPages(
  pages: AsyncIterable<FactPage>,
  kept: Kept,
  { hashing }: Pick<ProveOptions, "hashing">,
): AsyncGenerator<readonly RecordedEvent[]> {
  for await (const { events, deliveries, feeds, before, shared } of pages) {
    for (const event of [...events, ...deliveries, ...feeds]) {
      kept.events.add(event.position, JSON.stringify(eventRecord(event, before)));
    }
    for (const { hash } of events) {
      kept.own.number += 1;
      kept.own.digest = addEvent(kept.own.digest, hash, hashing);
    }
    for (const delivery of deliveries) keepBody(kept, delivery);
    for (const id of shared) kept.shared.add(id);
    yield [...feeds, ...events].sort((a, b) => a.position - b.position);
  }
}

/**
 * Checks that the events are all that the map has of the account, before a proof says so. Their positions
 * come from the index beside the map, which may be damaged.
 *
 * @throws ModelCorrupted
 */
function checkIsComplete(
  map: Readonly<{ number: string; digest: string }>,
  { own }: Kept,
  account: string,
): void {
  if (map.number === String(own.number) && map.digest === own.digest) return;
  throw damaged(
    `lists ${counted(own.number, "event")} of ${account}, and its map counts ${map.number}`,
  );
}

async function headFor(options: ProveOptions, at: number | null): Promise<TreeHead> {
  const heads = createHeads(options);
  if (at === null) return heads.make();
  const [head] = await heads.upTo(at, 1);
  if (head !== undefined) return head;
  throw new NotProvable(
    `no head was signed at or before position ${at}: name a later point, or none for the present`,
  );
}

/** An event without its hash, which follows from its content and the previous hash. */
function eventRecord(event: RecordedEvent, befores: ReadonlyMap<number, string>) {
  const { position, id, type, schema_version, subject, occurred_at, recorded_at } = event;
  const { causation_id, correlation_id, data } = event;
  // The keys are in order, as RFC 8785 requires.
  return {
    before: befores.get(position),
    causation_id,
    correlation_id,
    data,
    id,
    occurred_at: occurred_at === null ? null : String(occurred_at),
    position: String(position),
    recorded_at: String(recorded_at),
    schema_version: String(schema_version),
    subject,
    type,
  };
}

const rotationRecord = ({ position, ...rotation }: Rotation) => {
  const { new_key, new_signature, old_key, old_signature } = rotation;
  return { new_key, new_signature, old_key, old_signature, position: String(position) };
};

function keepBody({ bodies }: Kept, delivery: RecordedEvent): void {
  if (isTooNew(delivery)) return;
  const { channel, sha256, length } = readData(delivery) as DataOf<"DeliveryReceived">;
  if (!ONE_ACCOUNT.has(channel)) return;
  const known = bodies.get(sha256);
  if (known === undefined) bodies.set(sha256, { sha256, length, by: [delivery.id] });
  else known.by.push(delivery.id);
}

/**
 * The bytes of deliveries by digest; null if they are no longer stored. Bytes that may name other
 * accounts (snapshots, pages of a backfill) are confidential and omitted.
 */
async function* bodyPieces({ stream, base64 }: ProveOptions, { bodies, shared }: Kept) {
  const named = bodies.values().filter(({ by }) => by.some((id) => !shared.has(id)));
  const inOrder = [...named].sort((a, b) => compareText(a.sha256, b.sha256));
  for await (const [{ sha256 }, bytes] of readBodies(stream, inOrder)) {
    yield `"${sha256}":${bytes === null ? "null" : `"${base64.encode(bytes)}"`}`;
  }
}

const ONE_ACCOUNT: ReadonlySet<string> = new Set(["webhook", "feed"]);

type ProofScope = Readonly<{
  account: string;
  /** The positions of all events of the proof. */
  positions: readonly number[];
  since: readonly number[];
}>;

/**
 * Proves that these events are under the head, are all events of the account, and that the head
 * continues earlier ones.
 */
async function proveUnderHead(options: ProveOptions, head: TreeHead, scope: ProofScope) {
  const { catalogue, hashing } = options;
  const size = Number(head.tree_size);
  const earlier = await createHeads(options).upTo(size, EARLIER_HEADS);
  const sizes = new Set([...scope.since, ...earlier.map(({ tree_size }) => Number(tree_size))]);
  const indexes = scope.positions.map((position) => position - 1);
  const read = async (rows: Rows) => ({
    tree: await rootsIn(rows, jointRanges(indexes, size), hashing),
    consistency: await consistencyOf(rows, sizes, size, options),
  });
  const present = await readStore(catalogue, "audit", async (rows, { position, digest }) => ({
    ...(await read(rows)),
    map: position === size && digest === head.root ? await mapIn(rows, scope, head, options) : null,
  }));
  const map = present?.map;
  if (present !== null && map) return { ...present, map };
  // The map of an older head is rebuilt as it was then.
  const scratch = await catalogue.openScratch("audit", AUDIT_LAYOUT);
  try {
    const building = { ...options, nextTurn: options.clock.nextTurn };
    await advanceIndex({ ...building, listsEvents: false }, scratch, size);
    return { ...(await read(scratch)), map: await mapIn(scratch, scope, head, options) };
  } finally {
    await scratch.close();
  }
}

async function mapIn(
  rows: Rows,
  { account }: ProofScope,
  { root, map_root }: TreeHead,
  { hashing }: ProveOptions,
) {
  const found = await subjectIn(rows, account, hashing);
  if (found === null)
    throw new NotProvable(`the map of ${map_root} under ${root} lacks ${account}`);
  const { number, position, digest, siblings } = found;
  return { number: String(number), position: String(position), digest, siblings };
}

async function consistencyOf(
  rows: Rows,
  sizes: ReadonlySet<number>,
  to: number,
  { hashing }: ProveOptions,
) {
  const proofs = [];
  for (const from of [...sizes].toSorted((a, b) => a - b)) {
    if (from === to) continue;
    if (from > to) {
      throw new NotProvable(
        `the head over ${to} is older than the one over ${from}: name a later point`,
      );
    }
    const proof = await rootsIn(rows, consistencyRanges(from, to), hashing);
    const root = await rootIn(rows, { start: 0, end: from }, hashing);
    proofs.push({ proof, root, tree_size: String(from) });
  }
  return proofs;
}
