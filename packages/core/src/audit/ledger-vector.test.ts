import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { testHashing as hashing } from "../translate/testing/hashing.ts";
import { growTiles, hashInTile, leafHash, rootOf, type Tile } from "./merkle-log.ts";
import { addEvent, changeMap, EMPTY, entryHash, keyOf, type SubjectEntry } from "./subject-map.ts";

const FORMAT = readFileSync(new URL("../../../../docs/stream-format.md", import.meta.url), "utf8");
type Printed = Readonly<{ position: number; subject: string; hash: string }>;
const VECTOR: readonly Printed[] = JSON.parse(
  /```json\n(\[[\s\S]*?\n\])\n```/.exec(FORMAT)?.[1] ?? "",
);

/** The roots in the document were computed apart from this code, with Python's hashlib. */
test("the documented ledger has the documented leaf, tree and map", () => {
  const leaves = VECTOR.map(({ hash }) => leafHash(hash, hashing));
  expect(VECTOR).toHaveLength(4);
  expect(FORMAT).toContain(`    ${leaves[0]}\n`);
  const [tile] = growTiles(
    { size: 0, open: [] },
    VECTOR.map(({ hash }) => hash),
    hashing,
  );
  const root = rootOf(
    { start: 0, end: 4 },
    (node) => hashInTile(tile as Tile, node, hashing) as string,
    hashing,
  );
  expect(FORMAT).toContain(`    ${root}\n`);

  const entries = new Map<string, SubjectEntry>();
  for (const { position, subject, hash } of VECTOR) {
    const { number, digest } = entries.get(subject) ?? { number: 0, digest: EMPTY };
    const next = { subject, number: number + 1, position, digest: addEvent(digest, hash, hashing) };
    entries.set(subject, next);
  }
  const changes = [...entries.values()].map((entry) => ({
    key: keyOf(entry.subject, hashing),
    entry: entryHash(entry, hashing),
  }));
  expect(FORMAT).toContain(`    ${changeMap(new Map(), changes, hashing).root}\n`);
});
