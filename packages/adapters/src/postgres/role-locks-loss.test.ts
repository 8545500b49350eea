import { once } from "node:events";
import { beforeEach, expect, test } from "@jest/globals";
import { startProcess } from "../testing/start-process.ts";
import { createRoleLocks } from "./role-locks.ts";
import { describeOwnPostgres, fixtureOf } from "./testing/use-postgres.ts";

const HOLDER = new URL("testing/role-holder.ts", import.meta.url);
const NEVER = new AbortController().signal;

describeOwnPostgres("role locks whose holder is gone", (use) => {
  let ledger = "";
  beforeEach(() => {
    ledger = fixtureOf(use().url).newLedger();
  });
  const newLocks = () => createRoleLocks({ url: use().url, ledger });
  const killAll = () =>
    fixtureOf(use().url).query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );

  test("a process that is killed holds nothing any more", async () => {
    const holder = startProcess(HOLDER, [use().url, ledger, "projector"]);
    await holder.printed(1);
    const locks = newLocks();
    expect(await locks.tryAcquire("projector")).toBeNull();
    const waiting = locks.acquire("projector", NEVER);
    await holder.kill();
    const held = await waiting;
    expect(held?.lost.aborted).toBe(false);
    await held?.release();
  });

  test("processes that wait follow one another", async () => {
    const first = startProcess(HOLDER, [use().url, ledger, "projector"]);
    await first.printed(1);
    const others = [1, 2].map(() => startProcess(HOLDER, [use().url, ledger, "projector"]));
    await first.kill();
    const next = await Promise.race(others.map((each) => each.printed(1).then(() => each)));
    const last = others.find((each) => each !== next);
    expect(last?.lines).toHaveLength(0);
    await next.kill();
    await last?.printed(1);
    await last?.kill();
  });

  test("a holder hears that its connection was lost, and lets go of nothing afterwards", async () => {
    const held = await newLocks().acquire("publisher", NEVER);
    const lost = held === null ? null : once(held.lost, "abort");
    await killAll();
    await lost;
    const next = await newLocks().acquire("publisher", NEVER);
    await held?.release();
    expect(await newLocks().tryAcquire("publisher")).toBeNull();
    expect(next?.lost.aborted).toBe(false);
    await next?.release();
  });

  test("who waits goes on waiting when the server comes back", async () => {
    const locks = newLocks();
    const held = await locks.acquire("ingestor", NEVER);
    const controller = new AbortController();
    const abandoned = locks.acquire("ingestor", controller.signal);
    const waiting = locks.acquire("ingestor", NEVER);
    const lost = held === null ? null : once(held.lost, "abort");
    await use().stop();
    await lost;
    controller.abort();
    expect(await abandoned).toBeNull();
    await expect(locks.tryAcquire("ingestor")).rejects.toThrow("COUNTERFOIL_POSTGRES_URL");
    await use().start();
    const next = await waiting;
    expect(next).not.toBeNull();
    await next?.release();
  });

  test("a holder that sleeps too long loses its lock to who waits, and hears of it when it wakes", async () => {
    const holder = startProcess(HOLDER, [use().url, ledger, "projector"]);
    await holder.printed(1);
    holder.signal("SIGSTOP");
    const held = await newLocks().acquire("projector", NEVER);
    expect(held).not.toBeNull();
    holder.signal("SIGCONT");
    await holder.printed(2);
    expect(holder.lines).toEqual(["held", "lost"]);
    await holder.kill();
    await held?.release();
  });
});
