import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { keyState } from "@counterfoil/core/access/api-key";
import { SECOND } from "@counterfoil/core/exact/time";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { openLedger } from "../ingest/startup.ts";
import { StreamUnavailable } from "../ports/errors.ts";
import type { EventStream } from "../ports/event-stream.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { createMemoryEventStream } from "../testing/memory-event-stream.ts";
import { createMemoryKeyStore } from "../testing/memory-key-store.ts";
import { createKey, followKeys, type KeyKeeping, readKeys, revokeKey, rotateKey } from "./keys.ts";

const START = 1_767_225_600n * SECOND;
const DAY = 86_400n * SECOND;
const secretOf = (id: string) => ({
  id: `${id}-id`,
  prefix: `cf_${id}`,
  secret: `cf_${id}_secret`,
});
const request = { role: "reader", platform: "ABC123", name: "books", expiresAt: null } as const;
const actor = "a person";

let clock: ReturnType<typeof createManualClock>;
let keeping: KeyKeeping;

beforeEach(async () => {
  clock = createManualClock(START);
  const stream = createMemoryEventStream({ ledger: "default", hashing: nodeHashing, clock });
  await openLedger(stream, { name: "default", environment: "test" }, nodeHashing);
  keeping = { stream, clock, hashing: nodeHashing, keys: createMemoryKeyStore() };
});

const create = (id: string, also: Partial<Parameters<typeof createKey>[1]["request"]> = {}) =>
  createKey(keeping, { request: { ...request, ...also }, secret: secretOf(id), actor });

describe("keys", () => {
  test("are events; neither the secret nor its digest is on the stream", async () => {
    const key = await create("one", { expiresAt: START + 2n * DAY });
    const { stream, keys } = keeping;
    const digest = nodeHashing.sha256("cf_one_secret");
    expect(await keys.digests()).toEqual(new Map([["one-id", digest]]));
    const events = await stream.read({ after: 1, limit: 9 });
    expect(events.map(({ type, subject }) => [type, subject])).toEqual([
      ["ApiKeyCreated", "key:one-id"],
    ]);
    expect(events[0]?.data).not.toMatch(new RegExp(`_secret|${digest}`));
    const stages = [START, START + 2n * DAY - 1n, START + 2n * DAY];
    expect(stages.map((at) => keyState(key, at))).toEqual(["active", "active", "expired"]);
  });

  test("are revoked once, and stay listed", async () => {
    await create("one");
    await clock.advance(1000);
    const revoked = await revokeKey(keeping, { id: "one-id", actor });
    await clock.advance(1000);
    expect(await revokeKey(keeping, { id: "one-id", actor })).toEqual(revoked);
    expect((await readKeys(keeping.stream)).get("one-id")).toEqual(revoked);
    expect(revoked).toMatchObject({ revokedAt: START + SECOND });
    expect(await keeping.keys.digests()).toEqual(new Map());
    expect(await revokeKey(keeping, { id: "nobody", actor })).toBeNull();
    expect((await keeping.stream.head()).position).toBe(3);
  });

  test("are rotated in one append: the same rights, as much time as the old one had", async () => {
    await create("one", { expiresAt: START + 2n * DAY });
    await clock.advance(86_400_000);
    const rotated = await rotateKey(keeping, { id: "one-id", secret: secretOf("two"), actor });
    expect(rotated).toMatchObject({
      outcome: "rotated",
      key: { id: "two-id", platform: "ABC123", role: "reader", expiresAt: START + 3n * DAY },
    });
    const keys = await readKeys(keeping.stream);
    expect(keys.get("one-id")?.revokedAt).toBe(keys.get("two-id")?.createdAt);
    expect([...(await keeping.keys.digests()).keys()]).toEqual(["two-id"]);
    const again = { id: "one-id", secret: secretOf("three"), actor };
    expect(await rotateKey(keeping, again)).toEqual({ outcome: "revoked" });
    expect(await rotateKey(keeping, { ...again, id: "?" })).toEqual({ outcome: "missing" });
  });

  test("whose append fails leave no digest", async () => {
    const append = async () => Promise.reject(new StreamUnavailable("away"));
    const broken = { ...keeping, stream: { ...keeping.stream, append } as EventStream };
    await expect(createKey(broken, { request, secret: secretOf("one"), actor })).rejects.toThrow(
      "away",
    );
    expect(await keeping.keys.digests()).toEqual(new Map());
  });
});

describe("the key directory of a process", () => {
  test("requires a key once there was one, even if its digest is lost", async () => {
    const current = followKeys({ ...keeping });
    expect((await current()).requiresKey).toBe(false);
    await create("one");
    await clock.advance(1000);
    const { requiresKey, withPrefix } = await current();
    expect(requiresKey).toBe(true);
    const digest = nodeHashing.sha256("cf_one_secret");
    expect(withPrefix("cf_one")).toMatchObject([{ key: { id: "one-id" }, digest }]);
    expect(withPrefix("cf_two")).toEqual([]);
    await keeping.keys.remove("one-id");
    await clock.advance(1000);
    const after = await current();
    expect(after.requiresKey).toBe(true);
    expect(after.withPrefix("cf_one")).toMatchObject([{ digest: null }]);
  });

  test("is at most a second old; 5 s while the engine is unavailable, and then it throws", async () => {
    await create("one");
    let isAway = false;
    let looks = 0;
    const read: EventStream["read"] = async (query) => {
      looks += 1;
      if (isAway) throw new StreamUnavailable("away");
      return keeping.stream.read(query);
    };
    const current = followKeys({ ...keeping, stream: { ...keeping.stream, read } as EventStream });
    await Promise.all([current(), current(), current()]);
    await clock.advance(999);
    await current();
    expect(looks).toBe(1);
    await revokeKey(keeping, { id: "one-id", actor });
    await clock.advance(1);
    const [found] = (await current()).withPrefix("cf_one");
    expect(found?.key.revokedAt).not.toBeNull();
    isAway = true;
    await clock.advance(4999);
    expect((await current()).requiresKey).toBe(true);
    await clock.advance(1);
    await expect(current()).rejects.toThrow("away");
  });

  test("a ledger without keys stays accessible while its stream is unavailable, if it was read before", async () => {
    let isAway = true;
    const read: EventStream["read"] = async (query) => {
      if (isAway) throw new StreamUnavailable("away");
      return keeping.stream.read(query);
    };
    const current = followKeys({ ...keeping, stream: { ...keeping.stream, read } as EventStream });
    await expect(current()).rejects.toThrow("away");
    isAway = false;
    expect((await current()).requiresKey).toBe(false);
    isAway = true;
    await clock.advance(60_000);
    expect((await current()).requiresKey).toBe(false);
  });
});
