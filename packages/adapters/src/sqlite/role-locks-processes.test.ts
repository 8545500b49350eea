import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { startProcess } from "../testing/start-process.ts";
import { createRoleLocks } from "./role-locks.ts";

const NEVER = new AbortController().signal;

describe("role locks between processes and threads", () => {
  let dataDir = "";
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "counterfoil-locks-"));
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  test("a process that is killed holds nothing any more", async () => {
    const locks = createRoleLocks({ dataDir });
    const holder = startProcess(new URL("testing/lock-holder.ts", import.meta.url), [
      dataDir,
      "projector",
    ]);
    await holder.printed(1);
    expect(await locks.tryAcquire("projector")).toBeNull();
    const waiting = locks.acquire("projector", NEVER);
    await holder.kill();
    const held = await waiting;
    expect(held).not.toBeNull();
    await held?.release();
  });

  test("processes that wait follow one another", async () => {
    const first = startProcess(new URL("testing/lock-holder.ts", import.meta.url), [
      dataDir,
      "projector",
    ]);
    await first.printed(1);
    const second = startProcess(new URL("testing/lock-holder.ts", import.meta.url), [
      dataDir,
      "projector",
    ]);
    const third = startProcess(new URL("testing/lock-holder.ts", import.meta.url), [
      dataDir,
      "projector",
    ]);
    await first.kill();
    const next = await Promise.race([
      second.printed(1).then(() => second),
      third.printed(1).then(() => third),
    ]);
    const last = next === second ? third : second;
    expect(last.lines).toHaveLength(0);
    await next.kill();
    await last.printed(1);
    await last.kill();
  });

  test("a worker thread excludes its own process, until it ends", async () => {
    const locks = createRoleLocks({ dataDir });
    const worker = new Worker(new URL("testing/lock-holder.ts", import.meta.url), {
      argv: [dataDir, "projector"],
      execArgv: ["--disable-warning=ExperimentalWarning"],
      stdout: true,
    });
    await once(worker.stdout, "data");
    expect(await locks.tryAcquire("projector")).toBeNull();
    await worker.terminate();
    const held = await locks.acquire("projector", NEVER);
    expect(held).not.toBeNull();
    await held?.release();
  });
});
