import type { TreeHead } from "@counterfoil/contracts/audit";
import { configSchema } from "@counterfoil/contracts/config";
import { HeadKeyUnusable } from "@counterfoil/processing/ports/errors";
import { createManualClock } from "@counterfoil/processing/testing/manual-clock";
import { expect, test } from "@jest/globals";
import { reportHeadKey, startHeads } from "./heads.ts";

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
