import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { jointRanges, leafHash, rootOf } from "@counterfoil/core/audit/merkle-log";
import {
  addEvent,
  changeMap,
  EMPTY,
  entryHash,
  keyOf,
  proveKey,
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
export type Kept = "tree" | "map" | "head" | "nothing";

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
  if (kept !== "head") {
    proof.head.public_key = proof.public_key;
    proof.head.key_id = keyIdOf(proof.public_key, hashing);
    proof.head.signature = await sign(signedText(proof.head as never));
  }
  return seal(proof, sign);
}

/** The proof's own signature alone. */
export async function seal(proof: Proof, sign: Sign): Promise<string> {
  const { signature: _, ...said } = proof as Proof & { signature?: string };
  return canonicalJson({ ...said, signature: await sign(`${FORMAT}\n${canonicalJson(said)}`) });
}
