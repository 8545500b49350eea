import type { TreeHead } from "@counterfoil/contracts/audit";
import { configSchema } from "@counterfoil/contracts/config";
import { formatTime } from "@counterfoil/core/exact/time";
import { HeadKeyUnusable } from "@counterfoil/processing/ports/errors";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { afterEach, expect, test } from "@jest/globals";
import { keepHeads, reportHeadKey, startHeads } from "./heads.ts";

const POSTGRES = { COUNTERFOIL_POSTGRES_URL: "postgres://localhost/ledger" };
const KEY = { COUNTERFOIL_HEAD_KEY_FILE: "/run/secrets/head.key" };

test.each<[string, Record<string, string>, number]>([
  ["in the ledger's own folder", {}, 1],
  ["on a server, by a key that was named", { ...POSTGRES, ...KEY }, 1],
  ["on a server, by whatever key each process has: none", POSTGRES, 0],
])("heads are signed on a schedule %s", async (_where, given, expected) => {
  const clock = createManualClock(1_800_000_000_000_000_000n);
  const said: string[] = [];
  const say = (_: unknown, text?: string) => said.push(text ?? String(_));
  let made = 0;
  const make = async () => ({ signature: String(++made) }) as TreeHead;
  const { stop } = startHeads({
    config: configSchema.parse(given),
    heads: { last: async () => null, make },
    clock,
    logger: { info: say, error: say } as never,
  });
  await clock.advance(61 * 60_000);
  await stop();
  expect(made).toBe(expected);
  expect(said).toEqual([expect.stringMatching(expected === 0 ? /HEAD_KEY_FILE/ : /^head signed$/)]);
});

test("a key that cannot sign is told at the start, not when somebody needs a head", () => {
  const told: unknown[] = [];
  const logger = { error: (what: object) => told.push(what) };
  reportHeadKey({ existingKey: () => null }, logger as never);
  expect(told).toEqual([]);
  const err = new HeadKeyUnusable("no key");
  const existingKey = () => {
    throw err;
  };
  reportHeadKey({ existingKey }, logger as never);
  expect(told).toEqual([{ err, code: "head_key_unusable" }]);
});

const MINUTE = 60_000;
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Two processes that sign a head every hour, and a writer that appends. */
function twoProcesses() {
  const clock = createManualClock(1_800_000_000_000_000_000n);
  const made: string[] = [];
  const failures: unknown[] = [];
  const state = { last: null as TreeHead | null, position: 0, fails: false };
  const heads = {
    last: async () => state.last,
    make: async () => {
      if (state.fails) throw new Error("no disk");
      if (state.last?.position === String(state.position)) return state.last;
      const signed_at = formatTime(clock.now());
      state.last = {
        position: String(state.position),
        signed_at,
        signature: signed_at,
      } as TreeHead;
      return state.last;
    },
  };
  for (let process = 0; process < 2; process += 1) {
    const stopping = new AbortController();
    const onMade = ({ position }: TreeHead) => made.push(position);
    const onFailed = (error: unknown) => failures.push(error);
    const schedule = { heads, clock, everySeconds: 3600, onMade, onFailed };
    const ended = keepHeads(schedule, stopping.signal);
    stops.push(async () => {
      stopping.abort();
      await ended;
    });
  }
  return { clock, made, failures, state };
}

test("a head an hour, by whoever is first, and none where nothing came", async () => {
  const { clock, made, state } = twoProcesses();
  state.position = 5;
  await clock.advance(59 * MINUTE);
  expect(made).toEqual([]);
  await clock.advance(2 * MINUTE);
  expect(made).toEqual(["5"]);
  await clock.advance(180 * MINUTE);
  expect(made).toEqual(["5"]);
  state.position = 8;
  await clock.advance(61 * MINUTE);
  expect(made).toEqual(["5", "8"]);
});

test("one that failed is tried again", async () => {
  const { clock, made, failures, state } = twoProcesses();
  state.position = 1;
  state.fails = true;
  await clock.advance(62 * MINUTE);
  expect([made, failures.length > 0]).toEqual([[], true]);
  state.fails = false;
  await clock.advance(3 * MINUTE);
  expect(made).toEqual(["1"]);
});
