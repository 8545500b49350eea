import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { HeldLock, RoleLocks } from "../ports/role-locks.ts";

type RoleLocksHarness = Readonly<{
  /** Another instance on the same locks, as another process would open it. */
  open(): Promise<RoleLocks>;
  dispose(): Promise<void>;
}>;

type Use = () => Readonly<{ locks: RoleLocks; others: RoleLocks }>;

const NEVER = new AbortController().signal;

/** What every engine's role locks promise, see ports/role-locks.ts. */
export function describeRoleLocksContract(
  name: string,
  makeHarness: () => Promise<RoleLocksHarness>,
): void {
  describe(`role locks: ${name}`, () => {
    let harness: RoleLocksHarness | null = null;
    let fixture: ReturnType<Use> | null = null;
    beforeEach(async () => {
      harness = await makeHarness();
      fixture = { locks: await harness.open(), others: await harness.open() };
    });
    afterEach(() => harness?.dispose());
    const use: Use = () => {
      if (fixture === null) throw new Error("the fixture exists only inside a test");
      return fixture;
    };
    describeExclusion(use);
    describeWaiting(use);
  });
}

function describeExclusion(use: Use): void {
  test("one holds a lock at a time, and whoever comes after the release", async () => {
    const { locks, others } = use();
    const held = await locks.tryAcquire("projector");
    expect(await others.tryAcquire("projector")).toBeNull();
    expect(await locks.tryAcquire("projector")).toBeNull();
    await held?.release();
    const next = await others.tryAcquire("projector");
    expect(next).not.toBeNull();
    await next?.release();
  });

  test("locks of other names are others", async () => {
    const { locks, others } = use();
    const names = ["projector:balances", "projector:deposits", "projector/../balances", "ä 漢"];
    const held = await Promise.all(names.map((name) => locks.tryAcquire(name)));
    expect(held).not.toContain(null);
    for (const name of names) expect(await others.tryAcquire(name)).toBeNull();
    for (const lock of held) await lock?.release();
  });

  test("a held lock is not lost, and releasing it twice takes it from nobody", async () => {
    const { locks, others } = use();
    const held = await locks.tryAcquire("rebuild");
    expect(held?.lost.aborted).toBe(false);
    await held?.release();
    const next = await others.tryAcquire("rebuild");
    await held?.release();
    expect(await locks.tryAcquire("rebuild")).toBeNull();
    await next?.release();
  });
}

function describeWaiting(use: Use): void {
  test("who waits gets the lock when it is free", async () => {
    const { locks, others } = use();
    const held = await locks.acquire("publisher", NEVER);
    const waiting = others.acquire("publisher", NEVER);
    expect(await Promise.race([waiting, pause(120)])).toBe("nothing");
    await held?.release();
    const next = await waiting;
    expect(next).not.toBeNull();
    await next?.release();
  });

  test("of many that wait each gets its turn, alone", async () => {
    const { locks, others } = use();
    let holders = 0;
    let turns = 0;
    const take = async (from: RoleLocks) => {
      const lock = (await from.acquire("ingestor", NEVER)) as HeldLock;
      holders += 1;
      expect(holders).toBe(1);
      await pause(2);
      holders -= 1;
      turns += 1;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 10 }, (_, at) => take(at % 2 === 0 ? locks : others)));
    expect(turns).toBe(10);
  });

  test("an abort ends the waiting with nothing, and leaves the lock to others", async () => {
    const { locks, others } = use();
    expect(await locks.acquire("gateway", AbortSignal.abort())).toBeNull();
    const held = await locks.acquire("gateway", NEVER);
    const controller = new AbortController();
    const waiting = others.acquire("gateway", controller.signal);
    controller.abort();
    expect(await waiting).toBeNull();
    await held?.release();
    const next = await others.tryAcquire("gateway");
    expect(next).not.toBeNull();
    await next?.release();
  });

  test("an abort after the lock was taken changes nothing", async () => {
    const { locks, others } = use();
    const controller = new AbortController();
    const held = await locks.acquire("feed", controller.signal);
    controller.abort();
    expect(await others.tryAcquire("feed")).toBeNull();
    await held?.release();
  });
}

function pause(ms: number): Promise<"nothing"> {
  return new Promise((resolve) => setTimeout(() => resolve("nothing"), ms));
}
