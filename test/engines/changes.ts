import { systemClock } from "@counterfoil/adapters/node/runtime";
import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { sourcesOf } from "@counterfoil/processing/changes/change-rows";
import { generateHistory } from "@counterfoil/simulator/history/generate-history";
import type { ScenarioStep } from "@counterfoil/simulator/scenarios/scenario";
import { webhookDeliveries } from "@counterfoil/simulator/testing/deliveries";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createClient } from "../../packages/client/src/client.ts";
import {
  createTestGateway,
  type TestGateway,
} from "../../services/gateway/src/testing/test-gateway.ts";
import {
  createTestLedger,
  type TestEngine,
  type TestLedger,
} from "../../services/gateway/src/testing/test-ledger.ts";

type OpenEngine = (clock: TestLedger["clock"]) => Promise<TestEngine>;
type Seen = Readonly<{ event: string; id: string; position: number; place: string }>;

const CHANGES_MIN = 10_000;

/** Readers of `/v1/changes` over a real socket, beside models that go on at paces of their own. */
export function describeChanges(name: string, open: OpenEngine): void {
  describe(`changes on ${name}`, () => {
    let ledger: TestLedger;
    let gateway: TestGateway;
    let address: string;

    beforeAll(async () => {
      ledger = await createTestLedger(open);
      gateway = await createTestGateway(ledger, { clock: systemClock });
      address = await gateway.start();
    });

    afterAll(async () => {
      await gateway.stop();
      await ledger.catalogue.close();
      await ledger.stream.close();
    });

    /** What the models' rows say that has changed. */
    async function recorded(): Promise<readonly string[]> {
      const found: string[] = [];
      for (const model of modelName.options) {
        await gateway.models.snapshot(model, async (rows) => {
          for (const { changes: table, id, topic } of sourcesOf(model)) {
            const all = await rows.select(table, { orderBy: table.key, limit: 1_000_000 });
            found.push(...all.map((row) => `${topic} ${row.position} ${row[id]}`));
          }
        });
      }
      return found.sort();
    }

    test("a reader that is cut off at random, and comes back, sees every change once and in order", async () => {
      const seen: Seen[] = [];
      const random = randomFrom(7);
      const states = new Set<string>();
      const connected: boolean[] = [];
      let connections = 0;
      const isCut = new AbortController();
      const cutting: typeof fetch = async (url, init) => {
        if (random() < 0.1) throw new TypeError("refused");
        connections += 1;
        const response = await fetch(url, init);
        return cutAfter(response, 1 + Math.floor(random() * 1_500_000));
      };
      const client = createClient({ baseUrl: address, fetch: cutting });
      const reading = (async () => {
        const onConnection = (isConnected: boolean) => connected.push(isConnected);
        const options = { signal: isCut.signal, onConnection };
        for await (const { id, event, data } of client.streamChanges({ after: "0" }, options)) {
          if (event === "state") states.add(data.state);
          if (event === "state" || event === "reset") continue;
          seen.push({ event, id: data.id, position: Number(data.position), place: id });
        }
      })().catch((error) => {
        if (!isCut.signal.aborted) throw error;
      });

      const { steps } = generateHistory({ seed: "changes", deposits: 620, withdrawals: 620 });
      let delivered = 0;
      for (const hook of webhookDeliveries(steps)) {
        const kind = hook.provider === "layer1" ? "layer1-webhook" : "zerohash-webhook";
        await ledger.deliver({ ...hook, kind } as ScenarioStep);
        delivered += 1;
        if (delivered === 60) {
          await ledger.fold("balances");
          await until(() => states.has("behind"));
          await ledger.fold();
          await until(() => states.has("current"));
        }
        if (delivered % 40 !== 0) continue;
        // Each model by itself, some for a while not at all.
        const [model = "balances"] = shuffled(modelName.options, random);
        await ledger.fold(model);
        if (delivered % 1000 === 0) await systemClock.sleep(1_500);
      }
      await ledger.fold();
      const expected = await recorded();
      expect(expected.length).toBeGreaterThan(CHANGES_MIN);
      await until(() => seen.length >= expected.length);
      isCut.abort();
      await reading;

      const told = seen.map(({ event, position, id }) => `${event} ${position} ${id}`);
      expect(told.toSorted()).toEqual(expected);
      expect(new Set(seen.map(({ place }) => place)).size).toBe(seen.length);
      for (const [event, of] of Map.groupBy(seen, (one) => one.event)) {
        if (event === "anomalies") continue;
        const positions = of.map(({ position }) => position);
        expect(positions).toEqual(positions.toSorted((one, other) => one - other));
      }
      expect([...states].sort()).toEqual(["behind", "current"]);
      expect(connections).toBeGreaterThan(5);
      expect(connected).toEqual(connected.map((_, at) => at % 2 === 0));
      expect(connected).toHaveLength(2 * connections);
    });

    test("from the beginning, all models come in the order of the stream", async () => {
      const expected = await recorded();
      const seen = await readUntil(`${address}/v1/changes?after=0`, expected.length);
      const places = seen.map(({ place }) => place.split(".").map(Number));
      // The first change of a position has number 1, the next ones the numbers that follow.
      const wrong = places.filter(([position = 0, number = 0], at) => {
        const [before = 0, last = 0] = places[at - 1] ?? [];
        const next = position === before ? last + 1 : 1;
        return position < before || number !== next;
      });
      expect(wrong).toEqual([]);
      expect(seen).toHaveLength(expected.length);
    });
  });
}

async function readUntil(url: string, count: number): Promise<readonly Seen[]> {
  const { origin } = new URL(url);
  const seen: Seen[] = [];
  const done = new AbortController();
  const client = createClient({ baseUrl: origin });
  for await (const { id, event, data } of client.streamChanges(
    { after: "0" },
    { signal: done.signal },
  )) {
    if (event === "state" || event === "reset") continue;
    seen.push({ event, id: data.id, position: Number(data.position), place: id });
    if (seen.length === count) break;
  }
  done.abort();
  return seen;
}

/** The answer, cut off after so many bytes, wherever that is. */
function cutAfter(response: Response, bytesMax: number): Response {
  let bytes = 0;
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.length;
      if (bytes < bytesMax) return controller.enqueue(chunk);
      controller.enqueue(chunk.subarray(0, chunk.length - (bytes - bytesMax)));
      controller.error(new Error("cut off"));
    },
  });
  return new Response(response.body?.pipeThrough(cut) ?? null, response);
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await systemClock.sleep(20);
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const shuffled = (models: readonly ModelName[], random: () => number): readonly ModelName[] =>
  models.toSorted(() => random() - 0.5);
