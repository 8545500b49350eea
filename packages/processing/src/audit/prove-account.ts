import type { TreeHead } from "@counterfoil/contracts/audit";
import type { DataOf } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { consistencyRanges, jointRanges } from "@counterfoil/core/audit/merkle-log";
import { canonicalJson } from "@counterfoil/core/exact/json";
import { compareText } from "@counterfoil/core/exact/text";
import { isTooNew, readData } from "@counterfoil/core/stream/read-event";
import type { Base64 } from "../exports/check-export.ts";
import { balancesProjection } from "../models/balances/projection.ts";
import { readBodies } from "../ports/event-stream.ts";
import type { Rows } from "../ports/model-store.ts";
import { type Facts, factsOf, foldAccount, NotProvable, placeOf } from "./account-facts.ts";
import {
  AUDIT_LAYOUT,
  advanceIndex,
  LARGE_PAGE,
  rootIn,
  rootsIn,
  subjectIn,
} from "./audit-index.ts";
import { createHeads, type HeadsOptions, readStore } from "./heads.ts";
import { rotationsOf } from "./key-rotation.ts";

export type ProveOptions = HeadsOptions & Readonly<{ base64: Base64; eventsMax?: number }>;

export type ProveQuery = Readonly<{
  account: string;
  /** The proof is under the newest head at or before it; null: a head is made. */
  at: number | null;
  /** Sizes of heads that somebody holds: that the proof's head goes on from them is proven too. */
  since: readonly number[];
}>;

/** What the proof consists of, as canonical JSON has it (docs/stream-format.md). */
export type BalanceProof = Readonly<{ text: string; balance: string | null; head: TreeHead }>;

const FORMAT = "counterfoil/balance-proof/v1";
/** That a head goes on from so many before it is proven unasked: days, where one is made every hour. */
const EARLIER_HEADS = 100;

/**
 * Everything that the balance of an account follows from, and that it is everything: all facts of the
 * account as a head has them, the deliveries that brought them with their bytes and signatures, and
 * the order and arithmetic that the rules make of them. Whoever holds the head's key, or a head, can
 * check it without this program and without the ledger.
 *
 * The facts are folded anew: nothing of the read models is believed.
 *
 * @throws NotProvable where there is no such head or account, or it has too many events for one file
 */
export async function proveAccount(
  options: ProveOptions,
  query: ProveQuery,
): Promise<BalanceProof> {
  const { account } = query;
  const head = await headFor(options, query.at);
  const facts = await factsOf(options, account, Number(head.position));
  if (facts.events.length === 0) {
    throw new NotProvable(`no event of account ${account} up to position ${head.position}`);
  }
  const inOrder = [...facts.events, ...facts.feeds].toSorted((a, b) => a.position - b.position);
  const folded = await foldAccount(options, account, inOrder);
  if (folded === null) throw new NotProvable(`${account} is no account: it has no balance`);
  const proven = [...facts.events, ...facts.deliveries, ...facts.feeds].toSorted(
    (a, b) => a.position - b.position,
  );
  const public_key = await options.signer.publicKey();
  const proof = {
    format: FORMAT,
    public_key,
    account,
    ...folded,
    rules: { model: "balances", version: String(balancesProjection.version) },
    head,
    rotations: await rotationsOf(options.stream).then((all) =>
      all.map(({ position, new_key, new_signature, old_key, old_signature }) => {
        return { new_key, new_signature, old_key, old_signature, position: String(position) };
      }),
    ),
    events: proven.map((event) => eventRecord(event, facts.before)),
    bodies: await bodiesOf(options, facts),
    ...(await underHead(options, head, { account, proven, since: query.since })),
  };
  const fields = Object.entries(proof).map(([name, value]) => [name, jsonOf(value)] as const);
  const signature = await options.signer.sign(`${FORMAT}\n${objectOf(fields)}`);
  const text = objectOf([...fields, ["signature", JSON.stringify(signature)]]);
  return { text, balance: folded.balance, head };
}

/**
 * RFC 8785 text. Where a list is long its objects were made with their keys in order, and the runtime
 * prints them as they are: ten times as fast.
 */
const jsonOf = (value: unknown): string =>
  Array.isArray(value) ? JSON.stringify(value) : canonicalJson(value);

type Field = readonly [name: string, json: string];

function objectOf(fields: readonly Field[]): string {
  const inOrder = fields.toSorted(([a], [b]) => compareText(a, b));
  return `{${inOrder.map(([name, json]) => `"${name}":${json}`).join(",")}}`;
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

/** An event without its hash: that follows from what it says and from the hash before it. */
function eventRecord(event: RecordedEvent, befores: ReadonlyMap<number, string>) {
  const { position, id, type, schema_version, subject, occurred_at, recorded_at } = event;
  const { causation_id, correlation_id, data } = event;
  // The keys in order, see `jsonOf`.
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

/**
 * The bytes of deliveries, by their digests; null where they are not kept any more. Bytes that may
 * name other accounts (snapshots, pages of a backfill) are nobody else's to see: they are left out.
 */
async function bodiesOf({ stream, base64 }: ProveOptions, { events, deliveries }: Facts) {
  const shared = new Set(events.filter((one) => placeOf(one) !== undefined).map(causeOf));
  const named = deliveries.flatMap((delivery) => {
    if (isTooNew(delivery) || shared.has(delivery.id)) return [];
    const { channel, sha256, length } = readData(delivery) as DataOf<"DeliveryReceived">;
    return ONE_ACCOUNT.has(channel) ? [{ sha256, length }] : [];
  });
  const bodies: Record<string, string | null> = {};
  for await (const [{ sha256 }, bytes] of readBodies(stream, named)) {
    bodies[sha256] = bytes && base64.encode(bytes);
  }
  return bodies;
}

const ONE_ACCOUNT: ReadonlySet<string> = new Set(["webhook", "feed"]);

const causeOf = ({ causation_id }: RecordedEvent): string | null => causation_id;

type Asked = Readonly<{
  account: string;
  proven: readonly RecordedEvent[];
  since: readonly number[];
}>;

/** That these events lie under the head, are all of the account, and that it goes on from others. */
async function underHead(options: ProveOptions, head: TreeHead, asked: Asked) {
  const { catalogue, hashing } = options;
  const size = Number(head.tree_size);
  const earlier = await createHeads(options).upTo(size, EARLIER_HEADS);
  const sizes = new Set([...asked.since, ...earlier.map(({ tree_size }) => Number(tree_size))]);
  const indexes = asked.proven.map(({ position }) => position - 1);
  const read = async (rows: Rows) => ({
    tree: await rootsIn(rows, jointRanges(indexes, size), hashing),
    consistency: await consistencyOf(rows, sizes, size, options),
  });
  const present = await readStore(catalogue, "audit", async (rows, { position, digest }) => ({
    ...(await read(rows)),
    map: position === size && digest === head.root ? await mapIn(rows, asked, head, options) : null,
  }));
  if (present?.map) return present;
  // Of an older head the map is built again, as it was then.
  const scratch = await catalogue.openScratch("audit", AUDIT_LAYOUT);
  try {
    const building = { ...options, nextTurn: options.clock.nextTurn, page: LARGE_PAGE };
    await advanceIndex({ ...building, listsEvents: false }, scratch, size);
    return { ...(await read(scratch)), map: await mapIn(scratch, asked, head, options) };
  } finally {
    await scratch.close();
  }
}

async function mapIn(
  rows: Rows,
  { account }: Asked,
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
