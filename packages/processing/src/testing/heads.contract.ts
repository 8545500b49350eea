import { leafHash } from "@counterfoil/core/audit/merkle-log";
import { keyOf, proveKey } from "@counterfoil/core/audit/subject-map";
import { isConsistent, isIncluded, isProven } from "@counterfoil/core/audit/testing/verify-proof";
import { keyIdOf, readTreeHead, signedText } from "@counterfoil/core/audit/tree-head";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { testHashing as hashing } from "@counterfoil/core/translate/testing/hashing";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { BRANCHES, loadBranches, SUBJECT_EVENTS, SUBJECTS, TILES } from "../audit/audit-index.ts";
import { createHeads } from "../audit/heads.ts";
import { HeadKeyReplaced, trustedKeys } from "../audit/key-rotation.ts";
import { verifyExpected, verifyHeads, verifyIndex } from "../audit/signed-trees.ts";
import { eventsOfSubject, findSubjectPositions } from "../audit/subject-events.ts";
import { HeadKeyUnusable, ModelCorrupted, StreamCorrupted, StreamForked } from "../ports/errors.ts";
import type { HeadKeyring, HeadSigner } from "../ports/head-keys.ts";
import type { Row, Table } from "../ports/model-store.ts";
import { createManualClock } from "./manual-clock.ts";
import { createMemoryEventStream, createMemoryStreamStorage } from "./memory-event-stream.ts";
import { createMemoryRoleLocks } from "./memory-role-locks.ts";
import type { ModelHarness } from "./model-fixture.ts";
import { sampleEvent } from "./sample-event.ts";

/** No real signatures: what is signed is the processing's, with which key is the adapter's. */
const signatureBy = (key: string, text: string | Uint8Array): string =>
  hashing.sha256(`${key} signs ${text}`).repeat(2);
const isSignedBy = (key: string, text: string, signature: string): boolean =>
  signature === signatureBy(key, text);
const signerOf = (key: string): HeadSigner => ({
  publicKey: async () => key,
  sign: async (text) => signatureBy(key, text),
});

/** Keys that follow one another: aa…, bb…, cc…; `state` is what lies in the files. */
function createKeyring() {
  const state = { present: 0xaa, next: 0xbb, adopts: true, isUsable: true };
  const hex = (key: number) => key.toString(16).repeat(32);
  const keys: HeadKeyring = {
    publicKey: async () => {
      if (state.isUsable) return hex(state.present);
      throw new HeadKeyUnusable("the key's file holds no key");
    },
    sign: async (text) => signatureBy(hex(state.present), text),
    successor: async () => signerOf(hex(state.next)),
    adopt: async (key) => {
      if (key !== hex(state.next) || !state.adopts) return false;
      state.present = state.next;
      state.next += 0x11;
      return true;
    },
  };
  return { state, keys, hex };
}

/** Signed heads and proofs over the rows of an engine: the same on each. */
export function describeHeadsContract(
  name: string,
  makeHarness: () => Promise<ModelHarness>,
): void {
  describe(`signed heads: ${name}`, () => {
    let world: Awaited<ReturnType<typeof createWorld>>;
    beforeEach(async () => {
      world = await createWorld(await makeHarness());
    });
    afterEach(() => world.dispose());

    test("are made over what is there, and once", async () => {
      await world.append(1200);
      const head = await world.heads.make();
      expect(readTreeHead(JSON.stringify(head))).toEqual({ ok: true, signed: head });
      expect(head).toMatchObject({
        ledger: "default",
        genesis: world.events[0]?.hash,
        position: "1200",
        hash: world.events[1199]?.hash,
        tree_size: "1200",
        key_id: keyIdOf("aa".repeat(32), hashing),
        signature: signatureBy("aa".repeat(32), signedText(head)),
      });
      expect(await world.heads.make()).toEqual(head);
      await world.append(1);
      expect((await world.heads.make()).tree_size).toBe("1201");
      const page = { limit: 10, beyond: null };
      const listed = async (after: number) => (await world.heads.list(after, page)).data;
      expect((await listed(0)).map(({ position }) => position)).toEqual(["1200", "1201"]);
      expect((await listed(1200)).map(({ position }) => position)).toEqual(["1201"]);
    });

    test("have one root, however often the index was brought up to date", async () => {
      for (const count of [1, 2, 255, 700, 1043]) {
        await world.append(count);
        await world.heads.make();
      }
      const { root, map_root } = await world.heads.make();
      await world.catalogue.drop("audit", 1);
      expect(await world.heads.make()).toMatchObject({ root, map_root, tree_size: "2001" });
    });

    test("prove each event and each earlier head", async () => {
      const sizes: number[] = [];
      const roots = new Map<number, string>();
      for (const count of [1, 6, 250, 600]) {
        await world.append(count);
        const { tree_size, root } = await world.heads.make();
        sizes.push(Number(tree_size));
        roots.set(Number(tree_size), root);
      }
      for (const size of sizes) {
        const root = roots.get(size) as string;
        for (const position of new Set([1, Math.ceil(size / 2), size])) {
          const { proof, leaf } = await world.heads.proveInclusion(position, size);
          expect(leaf).toBe(leafHash(world.events[position - 1]?.hash as string, hashing));
          const claim = { index: position - 1, size, leaf, root, proof };
          expect(isIncluded(claim)).toBe(true);
        }
        for (const from of sizes.filter((each) => each <= size)) {
          const { proof } = await world.heads.proveConsistency(from, size);
          const fromRoot = roots.get(from) as string;
          expect(isConsistent({ from, to: size, fromRoot, toRoot: root, proof })).toBe(true);
        }
      }
      await expect(world.heads.proveInclusion(1, 858)).rejects.toThrow(/ends at 857/);
      expect((await world.heads.proveInclusion(857)).tree_size).toBe("857");
    });

    test("prove that a subject has these events, and another none", async () => {
      await world.append(700);
      const { map_root: root } = await world.heads.make();
      const reader = await world.catalogue.openForReading("audit", 1);
      await reader.snapshot(async (rows) => {
        for (const subject of ["account 3", "account nobody has"]) {
          const key = keyOf(subject, hashing);
          const proof = proveKey(await loadBranches(rows, [key]), key, hashing);
          const isThere = subject === "account 3";
          const entry = isThere ? world.entryOf(subject) : null;
          expect(isProven({ root, key, entry }, proof)).toBe(true);
          expect(isProven({ root, key, entry: isThere ? null : root }, proof)).toBe(false);
        }
      });
      await reader.close();
    });

    test("tell where a subject's events are, and how far they know", async () => {
      const { stream, catalogue, events } = world;
      const sources = { stream, catalogue, hashing };
      const subject = "account 3";
      const own = (from: number, to: number) =>
        events.flatMap((event) =>
          event.subject === subject && event.position >= from && event.position <= to
            ? event.position
            : [],
        );
      const find = (after: number, limit: number) =>
        findSubjectPositions(sources, { subject, after, limit });
      const listed = async (from: number, to: number) => {
        const pages = await Array.fromAsync(eventsOfSubject(sources, { subject, from, to }));
        return pages.flat().map(({ position }) => position);
      };
      await world.append(1200);
      expect(await find(0, 5)).toEqual({ positions: [], upTo: 0, total: 0 });
      expect(await listed(1, 1200)).toEqual(own(1, 1200));
      await world.heads.make();
      await world.append(300);
      const positions = own(101, 1500).slice(0, 5);
      const total = own(1, 1200).length;
      expect(await find(100, 5)).toEqual({ positions, upTo: 1200, total });
      expect((await find(0, 500)).positions).toEqual(own(1, 1200));
      expect(await listed(1, 1500)).toEqual(own(1, 1500));
      expect(await listed(90, 1300)).toEqual(own(90, 1300));
      expect(await listed(1250, 1400)).toEqual(own(1250, 1400));
      // Of a stream that it has not followed the index says nothing.
      world.rewriteFrom(1100);
      expect(await find(0, 5)).toEqual({ positions: [], upTo: 0, total: 0 });
      expect(await listed(1, 1500)).toEqual(own(1, 1500));
    });

    test("are refused over a stream that contradicts the last one", async () => {
      await world.append(30);
      const head = await world.heads.make();
      world.rewriteFrom(21);
      await expect(world.heads.make()).rejects.toThrow(StreamForked);
      // Not even where the index was thrown away, so that nothing but the head remembers.
      await world.catalogue.drop("audit", 1);
      await expect(world.heads.make()).rejects.toThrow(/signed root .* nothing was signed/);
      world.events.splice(25);
      await expect(world.heads.make()).rejects.toThrow(StreamForked);
      const other = await world.heads.make({ rebuild: true });
      expect(other.tree_size).toBe("25");
      expect(await world.verify([head])).toMatchObject([{ position: 26, what: "head" }]);
      await world.append(5);
      const third = await world.heads.make();
      expect(await world.verify([head, third])).toMatchObject([
        { position: 30, what: "equivocation" },
        { position: 1, what: "head" },
      ]);
    });

    test.each([
      { name: "tiles", table: TILES, changes: { hashes: "0".repeat(64) }, what: "next head" },
      { name: "branches", table: BRANCHES, changes: { slots: ",".repeat(15) }, what: "next head" },
      { name: "subjects", table: SUBJECTS, changes: { events: 99 }, what: "next head" },
      { name: "events", table: SUBJECT_EVENTS, changes: null, what: "list of events" },
    ] as const)("$name of the index damaged: found, and the $what is refused", async (row) => {
      const { table, changes, what } = row;
      await world.append(200);
      await world.heads.make();
      expect(await world.verifyIndex()).toEqual([]);
      await world.alterIndex(table, changes);
      const [finding, ...others] = await world.verifyIndex();
      expect(finding).toMatchObject({ what: "index", position: null });
      expect(finding?.detail).toContain(table.name);
      expect(others).toEqual([]);
      if (what === "next head") {
        await world.append(37);
        await expect(world.heads.make()).rejects.toThrow(ModelCorrupted);
      } else {
        const listed = async () => {
          for (let n = 0; n < 37; n += 1) await world.eventsOf(`account ${n}`);
        };
        await expect(listed()).rejects.toThrow(
          /lists \d events of account \d+, and its map counts \d/,
        );
      }
      await world.heads.make({ rebuild: true });
      expect(await world.verifyIndex()).toEqual([]);
    });

    test("are made for a reader beside one that is stopped", async () => {
      await world.append(600);
      const stopping = new AbortController();
      const stopped = world.heads.make({ signal: stopping.signal });
      const readers = [world.heads.make(), world.heads.make()];
      stopping.abort(new Error("stopped by the test"));
      await expect(stopped).rejects.toThrow("stopped by the test");
      const [head, other] = await Promise.all(readers);
      expect(head).toMatchObject({ tree_size: "600" });
      expect(other).toBe(head);
    });

    test("are rebuilt on request beside a reader that needs one", async () => {
      await world.append(30);
      await world.heads.make();
      world.rewriteFrom(21);
      const refused = world.heads.make();
      const rebuilt = world.heads.make({ rebuild: true });
      await expect(refused).rejects.toThrow(StreamForked);
      expect((await rebuilt).hash).toBe(world.events[29]?.hash);
    });

    test("are refused over a chain that does not hold", async () => {
      await world.append(30);
      world.alter(17, { subject: "another account" });
      await expect(world.heads.make()).rejects.toThrow(StreamCorrupted);
      await expect(world.heads.make()).rejects.toThrow(/position 17/);
    });

    test("another key follows, and the present one vouches for those before it", async () => {
      await world.append(10);
      const first = await world.heads.make();
      const { old_key, new_key } = await world.heads.rotate();
      expect([old_key, new_key]).toEqual(["aa".repeat(32), "bb".repeat(32)]);
      expect(await world.heads.make()).toMatchObject({ position: "11", public_key: new_key });
      await world.heads.rotate();
      const present = (await world.heads.make()).public_key;
      expect(present).toBe("cc".repeat(32));
      const trusted = await world.trustedBy(present);
      expect([...trusted]).toEqual([
        [present, Number.POSITIVE_INFINITY],
        [new_key, 11],
        [old_key, 10],
      ]);
      // Also by whoever holds only the key that was replaced.
      expect([...(await world.trustedBy(old_key))]).toEqual([[old_key, 10]]);
      expect(await world.verify([first])).toEqual([]);
      // Whoever writes into the stream names a key of his own, for which nobody signed.
      world.alter(11, { data: world.events[10]?.data.replaceAll("aa", "ee") ?? "" });
      expect([...(await world.trustedBy(present))].map(([key]) => key)).toEqual([present, new_key]);
      world.alter(12, { data: "{" });
      expect((await world.trustedBy(present)).size).toBe(1);
    });

    test("one that is stopped on the way signs nothing, and the next goes on", async () => {
      await world.append(3);
      const reason = new Error("Ctrl-C");
      const signal = AbortSignal.abort(reason);
      await expect(world.heads.make({ signal })).rejects.toBe(reason);
      expect(await world.heads.last()).toBeNull();
      expect((await world.heads.make()).position).toBe("3");
    });

    test("a rotation that is refused has not begun", async () => {
      await world.append(3);
      let begun = 0;
      const rotate = () =>
        world.heads.rotate(async () => {
          begun += 1;
        });
      world.keyring.state.isUsable = false;
      await expect(rotate()).rejects.toThrow(HeadKeyUnusable);
      expect(begun).toBe(0);
      world.keyring.state.isUsable = true;
      await rotate();
      expect(begun).toBe(1);
    });

    test("a rotation whose process died is finished by the next head", async () => {
      await world.append(3);
      world.keyring.state.adopts = false;
      await world.heads.rotate();
      await expect(world.heads.make()).rejects.toThrow(HeadKeyReplaced);
      world.keyring.state.adopts = true;
      expect((await world.heads.make()).public_key).toBe("bb".repeat(32));
    });

    test("find what was done to the stream under them, and nothing else", async () => {
      await world.append(10);
      const first = await world.heads.make();
      await world.append(10);
      const second = await world.heads.make();
      await world.append(10);
      const third = await world.heads.make();
      await world.append(5);
      expect(await world.verify([third, first, second, second])).toEqual([]);
      const expected = { position: 20, hash: second.hash };
      expect(await world.expect(expected)).toEqual([]);
      const other = { ...expected, hash: first.hash };
      expect(await world.expect(other)).toMatchObject([{ position: 20, what: "expected" }]);

      const whole = [...world.events];
      const restore = () => world.events.splice(0, world.events.length, ...whole);
      world.events.splice(25);
      expect(await world.verify([second])).toEqual([]);
      expect(await world.verify([first, third])).toMatchObject([{ position: 26 }]);
      restore();
      world.alter(7, { data: "{}" });
      expect(await world.verify([first])).toMatchObject([{ position: 7 }]);
      restore();
      world.rewriteFrom(15);
      const [found, ...more] = await world.verify([first, second, third]);
      expect(found).toMatchObject({ position: 11, what: "head" });
      expect(found?.detail).toMatch(/positions 11 to 20 \(the head over position 10 holds\)/);
      expect(more).toMatchObject([{ position: 11, what: "head" }]);
      expect(await world.expect(expected)).toMatchObject([{ position: 20 }]);
    });
  });
}

async function createWorld(harness: ModelHarness) {
  const catalogue = await harness.open();
  const storage = createMemoryStreamStorage();
  const clock = createManualClock(1_800_000_000_000_000_000n);
  const stream = createMemoryEventStream({ ledger: "default", hashing, clock, storage });
  const locks = createMemoryRoleLocks();
  const keyring = createKeyring();
  const signer = keyring.keys;
  const options = { ledger: "default", stream, catalogue, clock, hashing, locks, signer };
  const { nextTurn } = clock;
  const { events } = storage;
  let made = 0;

  /** Seals the events from a position on again, as whoever holds the files can. */
  function resealFrom(position: number): void {
    for (let at = position - 1; at < events.length; at += 1) {
      const event = events[at] as (typeof events)[number];
      const before = at === 0 ? emptyHead("default", hashing).hash : (events[at - 1]?.hash ?? "");
      events[at] = { ...event, hash: chainHash(before, event, hashing) };
    }
  }

  function alter(position: number, changes: Partial<(typeof events)[number]>): void {
    events[position - 1] = { ...(events[position - 1] as (typeof events)[number]), ...changes };
  }

  return {
    catalogue,
    stream,
    events,
    keyring,
    heads: createHeads(options),
    trustedBy: (key: string) => trustedKeys({ stream, ledger: "default", verify: isSignedBy }, key),
    async append(count: number): Promise<void> {
      const first = made + 1;
      made += count;
      const added = Array.from({ length: count }, (_, at) =>
        sampleEvent(first + at, { subject: `account ${(first + at) % 37}` }),
      );
      await stream.append(events.length, added);
    },
    alter,
    rewriteFrom(position: number): void {
      alter(position, { data: '{"change":"1000000"}' });
      resealFrom(position);
    },
    entryOf(subject: string): string {
      const own = events.filter((event) => event.subject === subject);
      const digest = own.reduce(
        (before, { hash }) => hashing.sha256(Buffer.from(before + hash, "hex")),
        "0".repeat(64),
      );
      const values = [subject, String(own.length), String(own.at(-1)?.position), digest];
      return hashing.sha256(JSON.stringify(values));
    },
    verifyIndex: () => verifyIndex({ ...options, nextTurn }),
    /** Changes the first row of a table of the index, or removes it. */
    async alterIndex(table: Table, changes: Row | null): Promise<void> {
      const [known] = await catalogue.generations("audit");
      const store = await catalogue.openForWriting("audit", known?.generation ?? 0);
      const [row = {}] = await store.select(table, { orderBy: table.key, limit: 1 });
      const puts = changes === null ? [] : [{ table, rows: [{ ...row, ...changes }] }];
      const keys = [table.key.map((column) => row[column] ?? null)];
      const deletes = changes === null ? [{ table, keys }] : [];
      await store.commit({ inserts: [], puts, deletes, checkpoint: await store.checkpoint() });
      await store.close();
    },
    async eventsOf(subject: string): Promise<void> {
      for await (const _ of eventsOfSubject(options, { subject, from: 1, to: events.length }));
    },
    verify: (heads: Parameters<typeof verifyHeads>[0]["heads"]) =>
      verifyHeads({ ...options, nextTurn, heads }),
    expect: (expected: Parameters<typeof verifyExpected>[1]) =>
      verifyExpected({ ...options, nextTurn }, expected),
    async dispose(): Promise<void> {
      await catalogue.close();
      await harness.dispose();
    },
  };
}
