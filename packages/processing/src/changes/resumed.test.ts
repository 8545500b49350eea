import { nodeHashing as hashing } from "@counterfoil/adapters/node/runtime";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ANOMALIES, ANOMALY_CHANGES, ATTENTION_COUNTS, STOPPED } from "../models/columns.ts";
import type { ModelStore, Rows } from "../ports/model-store.ts";
import { createRowBuffer } from "../projection/row-buffer.ts";
import { openStopped, readStops } from "../projection/stopped.ts";
import { createMemoryModelCatalogue } from "../testing/memory-model-catalogue.ts";
import { sampleEvent } from "../testing/sample-event.ts";
import { followStops } from "./resumed.ts";

const TABLES = [STOPPED, ANOMALIES, ANOMALY_CHANGES, ATTENTION_COUNTS];

async function openStore(): Promise<ModelStore> {
  const catalogue = createMemoryModelCatalogue();
  await catalogue.create("trades", { tables: TABLES, modelVersion: 1 });
  return catalogue.openForWriting("trades", 1);
}

type Step = Readonly<{
  /** `built again`: the subjects that had stopped before the one named are projected. */
  what: "stop" | "resume" | "fail again" | "wait" | "pass" | "built again";
  subject: number;
  /** Whether a reader looks before the next step. */
  isSeen: boolean;
}>;

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(
    ...(["stop", "stop", "stop", "resume", "resume", "fail again", "wait"] as const),
    ...(["pass", "built again"] as const),
  ),
  subject: fc.nat(5),
  isSeen: fc.boolean(),
});

/** The writing side: a model's store, whose subjects stop and go on as a projection's do. */
async function openModel() {
  let store = await openStore();
  let position = 1;

  async function commit(change: (stopped: ReturnType<typeof openStopped>) => Promise<void>) {
    const buffer = createRowBuffer(store, await store.checkpoint(), hashing);
    const stopped = openStopped(await readStops(store), { store, buffer, hashing });
    await change(stopped);
    await buffer.commit(position, "");
  }

  const eventOf = (number: number) => ({
    ...sampleEvent(position, { subject: `s${number}` }),
    ...{ position, hash: "", recorded_at: BigInt(position) },
  });

  async function take({ what, subject }: Step): Promise<void> {
    const name = `s${subject}`;
    const isStopped = (await readStops(store)).has(name);
    if (what === "pass" || (what === "stop" && !isStopped)) position += 1;
    await commit(async (stopped) => {
      if (what === "stop" && !isStopped) await stopped.stop(eventOf(subject), new Error("first"));
      if (what === "resume" && isStopped) await stopped.clear(name, position);
      if (what === "fail again") await stopped.failAgain(name, new Error(`at ${position}`));
      if (what === "wait" && isStopped) {
        position += 1;
        await stopped.wait(eventOf(subject));
      }
    });
    if (what === "built again") await buildAgain(name);
  }

  /** By a program that stops at fewer subjects, at the positions where they had stopped. */
  async function buildAgain(upTo: string): Promise<void> {
    const before = await readStops(store);
    store = await openStore();
    await commit(async (stopped) => {
      for (const [subject, at] of before) {
        const event = { ...eventOf(0), subject, position: at };
        if (subject > upTo) await stopped.stop(event, new Error("first"));
      }
    });
  }

  return { take, rows: (): Rows => store, checkpoint: () => store.checkpoint() };
}

test("a follower knows the stopped subjects and which of them went on, whatever it has seen", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 40 }), async (steps) => {
      const model = await openModel();
      const follower = followStops();
      let before = new Map<string, number>();
      for (const step of steps) {
        await model.take(step);
        if (!step.isSeen) continue;
        const moment = { generation: 1, checkpoint: await model.checkpoint() };
        const left = await follower.follow(model.rows(), moment);
        const now = await readStops(model.rows());
        const gone = [...before].filter(([subject, at]) => now.get(subject) !== at);
        const lowestOf = (positions: readonly number[]) =>
          positions.length === 0 ? null : Math.min(...positions);
        expect(left).toBe(lowestOf(gone.map(([, at]) => at)));
        expect(follower.lowest()).toBe(lowestOf([...now.values()]));
        before = now;
      }
    }),
    { numRuns: 200 },
  );
});

test("a follower reads what has changed, and nothing while nothing has", async () => {
  const model = await openModel();
  const follower = followStops();
  let rows = 0;
  const counted = (): Rows => ({
    ...model.rows(),
    select: async (table, selection) => {
      const found = await model.rows().select(table, selection);
      if (table === STOPPED) rows += found.length;
      return found;
    },
  });
  const follow = async () => {
    const before = rows;
    await follower.follow(counted(), { generation: 1, checkpoint: await model.checkpoint() });
    return rows - before;
  };
  const take = (what: Step["what"], subject: number) => model.take({ what, subject, isSeen: true });
  for (let subject = 0; subject < 100; subject += 1) await take("stop", subject);
  expect(await follow()).toBe(100);
  expect(await follow()).toBe(0);
  await take("stop", 100);
  // That of the last position that was seen is read again.
  expect(await follow()).toBe(2);
  await take("resume", 50);
  expect(await follow()).toBeLessThanOrEqual(2);
  await take("pass", 0);
  expect(await follow()).toBeLessThanOrEqual(2);
  await take("pass", 0);
  expect(await follow()).toBe(0);
});
