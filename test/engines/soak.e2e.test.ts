import { setTimeout as wait } from "node:timers/promises";
import { newDatabase } from "@counterfoil/adapters/postgres/testing/new-database";
import { describeOwnPostgres } from "@counterfoil/adapters/postgres/testing/use-postgres";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import { createRandom } from "@counterfoil/simulator/random";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { createApi, whenServed } from "../e2e/support/api.ts";
import { type Environment, endAllProcesses, runCommand } from "../e2e/support/counterfoil.ts";
import { newFolder, removeFolders } from "../e2e/support/folder.ts";
import { createMemoryGroup } from "../e2e/support/memory-group.ts";
import { recordedDeliveries } from "../e2e/support/recorded-deliveries.ts";
import { configOf, feedConfigOf } from "../e2e/support/stand-in.ts";
import { type LivingRole, startLivingRole } from "./living-role.ts";
import { startLoad } from "./load.ts";
import { keepMutating, keepReading } from "./soak/askers.ts";
import { startHostileFeed } from "./soak/hostile-feed.ts";
import { keepHostileSockets } from "./soak/hostile-sockets.ts";
import { tell } from "./tell.ts";
import { whenCaughtUp } from "./when-caught-up.ts";

/** Ten minutes on each engine: `pnpm soak`. */
const SECONDS = Number(process.env.COUNTERFOIL_SOAK_SECONDS ?? 60);
const SEED = process.env.COUNTERFOIL_SOAK_SEED ?? "soak";
const RATE = 40;
const READERS = 3;
const MEMORY_MAX = 512 * 1024 * 1024;
/** On a machine that has more V8 collects later; where the kernel bounds nothing it stays below this. */
const UNBOUNDED_MAX = 768 * 1024 * 1024;
const PATIENCE_MS = 240_000 + SECONDS * 4_000;

afterEach(endAllProcesses);
afterAll(removeFolders);

describe("a soak on SQLite", () => soak(async () => configOf(newFolder())));

describeOwnPostgres("a soak on PostgreSQL", (use) =>
  soak(async () => ({
    ...configOf(newFolder()),
    COUNTERFOIL_POSTGRES_URL: await newDatabase(use().url),
  })),
);

/** Kills it and pauses it at random, until the time is over. @returns how often */
async function trouble(service: LivingRole) {
  const random = createRandom(SEED, "trouble");
  const done = { killed: 0, paused: 0 };
  for (const deadline = performance.now() + SECONDS * 1000; performance.now() < deadline; ) {
    await wait(random.between(2_000, 8_000));
    if (random.chance(0.7)) {
      await service.pause(random.between(100, 3_000));
      done.paused += 1;
    } else {
      await service.kill();
      await service.whenReady();
      done.killed += 1;
    }
  }
  return done;
}

const historyOf = (label: string) => {
  const many = 20 * SECONDS;
  return generateHistory({ seed: `${SEED} ${label}`, deposits: many, withdrawals: many });
};

/** Everything at once: what is acknowledged is there once, and the models are those of a rebuild. */
function soak(environment: () => Promise<Environment>): void {
  test(
    "loses nothing, doubles nothing, fails nobody and stays small",
    async () => {
      const feed = await startHostileFeed(createRandom(SEED, "feed"));
      const env = { ...(await environment()), ...feedConfigOf(feed) };
      const memory = createMemoryGroup(MEMORY_MAX);
      const service = startLivingRole(["start"], env, { memory });
      await service.whenReady();
      const stopping = new AbortController();
      const { signal } = stopping;
      const statuses = new Map<string, number>();
      const mutants = new Set<string>();
      const asking = (label: string) => ({
        ...{ address: service.address, signal, random: createRandom(SEED, label) },
        tell: (what: string, status: number) => {
          const key = status < 500 ? String(status) : `${what} ${status}`;
          statuses.set(key, (statuses.get(key) ?? 0) + 1);
        },
      });
      const load = startLoad({
        webhooks: webhookDeliveries(historyOf("load").steps),
        ratePerSecond: RATE,
        nextAddress: service.address,
      });
      const hostile = [
        keepMutating({
          ...asking("mutants"),
          webhooks: webhookDeliveries(historyOf("mutants").steps),
          onAcknowledged: (id) => mutants.add(id),
        }),
        keepHostileSockets(service.address, signal),
        ...Array.from({ length: READERS }, (_, at) => keepReading(asking(`reader ${at}`))),
      ];
      const done = await trouble(service);
      stopping.abort();
      await Promise.all(hostile);
      await feed.stop();
      await service.whenReady();
      await load.finish();

      const api = createApi(await service.whenReady());
      const before = await whenCaughtUp(api);
      const head = Number(before.head);
      const recorded = new Set(await recordedDeliveries(api, head));
      const lost = [...load.acknowledged, ...mutants].filter((id) => !recorded.has(id));
      const memoryMax = service.memoryMax();
      const counts = {
        acknowledged: load.acknowledged.size,
        mutants: mutants.size,
        recorded: recorded.size,
        frames: feed.sent(),
        events: head,
        bounded: memory !== null,
        megabytes: Math.round(memoryMax / 1024 / 1024),
      };
      tell(`${SECONDS} s of soak`, { ...done, ...counts, statuses, load: load.statuses });
      expect(lost).toEqual([]);
      expect(load.acknowledged.size).toBeGreaterThan(SECONDS);
      expect([...statuses.keys()].filter((key) => / 5(?!03)\d\d$/.test(key))).toEqual([]);
      expect([...load.statuses.keys()].filter((key) => /^5(?!03)/.test(key))).toEqual([]);
      const verified = await runCommand(["verify", "--models", "--json"], env);
      const { events, findings } = JSON.parse(verified.stdout);
      // Frames that were received before the feed ended may still be appended.
      expect([events >= head, findings]).toEqual([true, []]);
      const rebuilt = await runCommand(["rebuild", "all", "--json"], env);
      // Nothing stands still, so each was activated for equal digests at one position.
      expect(before.projections.map(({ stopped_keys }) => stopped_keys)).toEqual([0, 0, 0, 0]);
      expect(JSON.parse(rebuilt.stdout)).toMatchObject(
        before.projections.map(() => ({ outcome: "activated" })),
      );
      await whenServed(api, [2, 2, 2, 2]);
      expect(await service.stop()).toBe(0);
      expect(memoryMax).toBeLessThanOrEqual(memory === null ? UNBOUNDED_MAX : MEMORY_MAX);
      memory?.remove();
    },
    PATIENCE_MS,
  );
}
