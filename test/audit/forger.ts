import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import {
  createGrowingTree,
  jointRanges,
  leafHash,
  rootOf,
} from "@counterfoil/core/audit/merkle-log";
import {
  addEvent,
  changeMap,
  EMPTY,
  entryHash,
  keyOf,
  proveKey,
  type SubjectEntry,
} from "@counterfoil/core/audit/subject-map";
import { keyIdOf, signedText } from "@counterfoil/core/audit/tree-head";
import { canonicalJson } from "@counterfoil/core/exact/json";
import { chainHash } from "@counterfoil/core/stream/chain";
import { hashing } from "../system/support.ts";

type Fields = Record<string, string | null>;

/** A proof as it is parsed, to be altered. */
export type Proof = {
  account: string;
  balance: string | null;
  public_key: string;
  head: Record<string, string>;
  events: Fields[];
  entries: Fields[];
  snapshots: Fields[];
  bodies: Record<string, string | null>;
  map: { number: string; position: string; digest: string; siblings: string[] };
  tree: string[];
  consistency: unknown[];
};

type Sign = (text: string) => Promise<string>;
const FORMAT = "counterfoil/balance-proof/v1";

/** What whoever has the key can make of an altered proof: everything fits again, but for `kept`. */
type Kept = "tree" | "map" | "head" | "nothing";

/**
 * Seals an altered proof as its maker could have: hashes, tree, map, head and seal are made anew over
 * a ledger that holds these events and, in all other places, anything.
 */
export async function reseal(proof: Proof, sign: Sign, kept: Kept = "nothing"): Promise<string> {
  const hashOf = (event: Fields) =>
    chainHash(
      String(event.before),
      {
        ...(event as object as RecordedEvent),
        position: Number(event.position),
        schema_version: Number(event.schema_version),
        occurred_at: event.occurred_at === null ? null : BigInt(String(event.occurred_at)),
        recorded_at: BigInt(String(event.recorded_at)),
      },
      hashing,
    );
  const size = Number(proof.head.tree_size);
  if (kept !== "tree") {
    const leaves = new Map(
      proof.events.map((event) => [Number(event.position) - 1, leafHash(hashOf(event), hashing)]),
    );
    const node = ({ level, index }: { level: number; index: number }): string => {
      if (level === 0) return leaves.get(index) ?? hashing.sha256(`leaf ${index}`);
      const width = 2 ** level;
      return rootOf(
        { start: index * width, end: (index + 1) * width },
        split(level, index),
        hashing,
      );
    };
    const split = (level: number, index: number) => (asked: { level: number; index: number }) =>
      asked.level === level && asked.index === index
        ? hashing.sha256(
            Buffer.concat([
              Buffer.of(1),
              Buffer.from(node({ level: level - 1, index: 2 * index }), "hex"),
              Buffer.from(node({ level: level - 1, index: 2 * index + 1 }), "hex"),
            ]),
          )
        : node(asked);
    const indexes = [...leaves.keys()];
    proof.tree = jointRanges(indexes, size).map((range) => rootOf(range, node, hashing));
    proof.head.root = rootOf({ start: 0, end: size }, node, hashing);
    proof.consistency = [];
  }
  if (kept !== "map") {
    const own = proof.events.filter(({ subject }) => subject === proof.account);
    const key = keyOf(proof.account, hashing);
    const digest = own.reduce((before, event) => addEvent(before, hashOf(event), hashing), EMPTY);
    const entry = {
      subject: proof.account,
      number: own.length,
      position: Number(own.at(-1)?.position),
      digest,
    };
    const others = ["a", "b", "c"].map((other) => ({
      key: keyOf(other, hashing),
      entry: hashing.sha256(other),
    }));
    const leaves = [...others, { key, entry: entryHash(entry, hashing) }];
    const { changed, root } = changeMap(new Map(), leaves, hashing);
    const { siblings } = proveKey(changed, key, hashing);
    const [number, position] = [String(entry.number), String(entry.position)];
    proof.map = { number, position, digest, siblings: [...siblings] };
    proof.head.map_root = root;
  }
  if (kept !== "head") proof.head = await signHead(proof.head, proof.public_key, sign);
  return seal(proof, sign);
}

/** A head as whoever has that key can sign it. */
export async function signHead<Head extends object>(
  head: Head,
  public_key: string,
  sign: Sign,
): Promise<Head> {
  const said = { ...head, public_key, key_id: keyIdOf(public_key, hashing) };
  return { ...said, signature: await sign(signedText(said as never)) };
}

/** The proof's own signature alone. */
export async function seal(proof: Proof, sign: Sign): Promise<string> {
  const { signature: _, ...said } = proof as Proof & { signature?: string };
  return canonicalJson({ ...said, signature: await sign(`${FORMAT}\n${canonicalJson(said)}`) });
}

/** A line of an export as it is parsed, to be altered. */
export type Line = Record<string, unknown>;

export const linesOf = (text: string): Line[] =>
  text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
export const textOf = (lines: readonly Line[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join("");

/** An altered export as its maker could have written it: hashes, counts, root and head are made anew. */
export async function resealExport(
  lines: readonly Line[],
  { key, sign }: Readonly<{ key: string; sign: Sign }>,
): Promise<string> {
  const [header = {}, ...rest] = lines.map((line) => ({ ...line }));
  const end = rest.pop() ?? {};
  const tree = createGrowingTree(hashing);
  const subjects = new Map<string, SubjectEntry>();
  const events = rest.filter((line) => "hash" in line);
  let hash = String(header.before);
  for (const event of events) {
    const { position, subject } = event as object as RecordedEvent;
    const [occurred_at, recorded_at] = [event.occurred_at, event.recorded_at].map((time) =>
      time === null ? null : BigInt(String(time)),
    );
    hash = chainHash(hash, { ...event, occurred_at, recorded_at } as never, hashing);
    event.hash = hash;
    if (event === events[0] && header.from === 1) header.genesis = hash;
    tree.add(hash);
    const { number = 0, digest = EMPTY } = subjects.get(subject) ?? {};
    const added = addEvent(digest, hash, hashing);
    subjects.set(subject, { subject, number: number + 1, position, digest: added });
  }
  const bodies = rest.filter(({ base64 }) => typeof base64 === "string").length;
  Object.assign(end, { end: hash, events: events.length, bodies });
  if (end.root !== null) end.root = tree.root();
  if (end.head !== null) {
    const leaves = [...subjects.values()].map((entry) => ({
      key: keyOf(entry.subject, hashing),
      entry: entryHash(entry, hashing),
    }));
    const { root: map_root } = changeMap(new Map(), leaves, hashing);
    const said = {
      ...(end.head as object),
      genesis: header.genesis,
      hash,
      root: end.root,
      map_root,
    };
    end.head = await signHead(said, key, sign);
  }
  return textOf([header, ...rest, end]);
}
