import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import type { ModelName } from "@counterfoil/contracts/fact";
import type { Nanos } from "@counterfoil/core/exact/time";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { createIngest } from "@counterfoil/processing/ingest/ingest";
import { openLedger } from "@counterfoil/processing/ingest/startup";
import { balancesProjection } from "@counterfoil/processing/models/balances/projection";
import { lifecycleProjection } from "@counterfoil/processing/models/lifecycle/projection";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import type { Delivery, Receipt } from "@counterfoil/processing/ports/ingest";
import type { ModelCatalogue } from "@counterfoil/processing/ports/model-store";
import type { Projection } from "@counterfoil/processing/projection/projection";
import { openProjectionRun, type ProjectionRun } from "@counterfoil/processing/projection/run";
import { createManualClock, type ManualClock } from "@counterfoil/processing/testing/manual-clock";
import { createMemoryEventStream } from "@counterfoil/processing/testing/memory-event-stream";
import { createMemoryModelCatalogue } from "@counterfoil/processing/testing/memory-model-catalogue";
import { SCENARIOS } from "@counterfoil/simulator/play-deliveries";
import type { ScenarioStep } from "@counterfoil/simulator/scenarios/scenario";

const PROJECTIONS: readonly Projection[] = [
  balancesProjection,
  ...[WITHDRAWALS, DEPOSITS, TRADES].map(lifecycleProjection),
];

/** A ledger in memory that records deliveries, and projects them when `fold` is called. */
export type TestLedger = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  clock: ManualClock;
  deliver: (step: ScenarioStep) => Promise<Receipt>;
  /** Delivers a documented flow, and projects it. */
  play: (scenario: string) => Promise<readonly Receipt[]>;
  /** Projects all recorded events into these models, by default into all. */
  fold: (...models: readonly ModelName[]) => Promise<void>;
  build: (model: ModelName, generation: number) => Promise<ProjectionRun>;
}>;

/** 2026-01-01: later than every time in a documented flow. */
export const START: Nanos = 1_767_225_600_000_000_000n;

/** The storage of a test ledger. */
export type TestEngine = Pick<TestLedger, "stream" | "catalogue">;

const inMemory = async (clock: ManualClock): Promise<TestEngine> => ({
  stream: createMemoryEventStream({ ledger: "default", hashing: nodeHashing, clock }),
  catalogue: createMemoryModelCatalogue(),
});

export async function createTestLedger(open = inMemory): Promise<TestLedger> {
  const clock = createManualClock(START);
  const { stream, catalogue } = await open(clock);
  await openLedger(stream, { name: "default", environment: "test" }, nodeHashing);
  const ingest = createIngest({ stream, translations: TRANSLATIONS, hashing: nodeHashing, clock });
  const runs = new Map<ModelName, ProjectionRun>();
  let frames = 0;

  async function build(model: ModelName, generation: number): Promise<ProjectionRun> {
    const projection = PROJECTIONS.find((each) => each.model === model) as Projection;
    const layout = { tables: projection.tables, modelVersion: projection.version, generation };
    await catalogue.create(model, layout);
    const store = await catalogue.openForWriting(model, generation);
    return openProjectionRun({ stream, projection, store, hashing: nodeHashing });
  }

  async function fold(...models: readonly ModelName[]): Promise<void> {
    for (const [model, run] of runs) {
      if (models.length > 0 && !models.includes(model)) continue;
      const { position } = run.checkpoint;
      await run.fold(await stream.read({ after: position, limit: 1_000_000 }));
    }
  }

  async function deliver(step: ScenarioStep): Promise<Receipt> {
    const isFeed = step.kind === "feed-snapshot" || step.kind === "feed-update";
    if (isFeed) frames += 1;
    if (isFeed && frames === 1) {
      const opening = { provider: "zerohash", connection: "c1", multi_chain: true } as const;
      await ingest.feedOpened({ ...opening, openedAt: clock.now() });
    }
    const receipt = await ingest.submit(deliveryOf(step, clock.now(), frames));
    // Every delivery has its own time.
    await clock.advance(1);
    return receipt;
  }

  for (const { model } of PROJECTIONS) runs.set(model, await build(model, 1));
  return {
    stream,
    catalogue,
    clock,
    deliver,
    fold,
    build,
    play: async (name) => {
      const receipts: Receipt[] = [];
      for (const step of SCENARIOS.get(name)?.steps ?? []) receipts.push(await deliver(step));
      await fold();
      return receipts;
    },
  };
}

function deliveryOf(step: ScenarioStep, receivedAt: Nanos, frame: number): Delivery {
  const text = "text" in step ? step.text : step.body;
  const isFeed = "text" in step;
  return {
    provider: step.kind === "layer1-webhook" ? "layer1" : "zerohash",
    channel: isFeed ? "feed" : "webhook",
    payloadType: isFeed ? "feed" : "payloadType" in step ? step.payloadType : "",
    notificationId: null,
    place: isFeed ? { connection: "c1", frame } : null,
    verdict: { signature: isFeed ? "none" : "valid" },
    bytes: new TextEncoder().encode(text),
    receivedAt,
    correlationId: null,
  };
}
