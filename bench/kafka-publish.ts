import { loadConfig } from "@counterfoil/adapters/config";
import { type Backends, connect } from "@counterfoil/adapters/connect";
import { startBroker } from "@counterfoil/adapters/kafka/testing/broker";
import { createKafkaTopics } from "@counterfoil/adapters/kafka/topics";
import { MODEL_NAMES, PROJECTIONS } from "@counterfoil/processing/models/registry";
import type { Topics, TopicTransaction } from "@counterfoil/processing/ports/topics";
import { openProjectionRun, runTo } from "@counterfoil/processing/projection/run";
import { startPublisher } from "@counterfoil/publisher/publisher";
import { pino } from "pino";
import { inFolder } from "./append.ts";
import { publishBare } from "./kafka-bare.ts";
import { alternate, type BenchOptions, type BenchRow } from "./measure.ts";
import { fillStream } from "./rebuild.ts";

/** States after which the publisher pauses: a figure that includes a pause would be useless. */
const TROUBLE: ReadonlySet<string> = new Set([
  "unavailable",
  "refused",
  "failed",
  "fenced",
  "forked",
]);
const logger = pino({ level: "error" });

/**
 * Publishes the stream and the models to a broker that is started for it. The
 * limit is the client alone: a transactional producer with the same records in the same batches.
 */
export async function benchKafkaPublish(options: BenchOptions): Promise<BenchRow> {
  return inFolder((dataDir) =>
    withProjectedLedger(dataDir, options, async (backends) => {
      const broker = await startBroker({ isLongLived: true });
      try {
        return await measure({ backends, brokers: [broker.address] }, options);
      } finally {
        await broker.dispose();
      }
    }),
  );
}

type World = Readonly<{ backends: Backends; brokers: readonly string[] }>;

async function measure(world: World, { rounds }: BenchOptions): Promise<BenchRow> {
  const { brokers } = world;
  const transactions: TopicTransaction[] = [];
  const facts = (await world.backends.stream.head()).position;
  let number = 0;
  const nextPrefix = () => `bench${++number}`;
  // The first run records the transactions that the limit publishes.
  await publishSeconds(world, nextPrefix(), (transaction) => transactions.push(transaction));
  const ours = async () => facts / (await publishSeconds(world, nextPrefix()));
  const limit = async () => {
    const prefix = nextPrefix();
    await createKafkaTopics({ brokers, prefix, logger }).prepare();
    return facts / (await publishBare({ brokers, prefix, logger, transactions }));
  };
  const measured = await alternate(rounds, ours, limit);
  const messages = transactions.reduce((sum, { records }) => sum + records.length, 0);
  return {
    name: "facts published/s, Kafka",
    unit: "facts/s",
    limitName: "a bare kafkajs transactional producer",
    target: 0.7,
    note: `${messages} records of ${facts} facts in ${transactions.length} transactions`,
    ...measured,
  };
}

/** A ledger as an ingestor and four projectors leave it. */
async function withProjectedLedger<T>(
  dataDir: string,
  { facts, accounts }: BenchOptions,
  work: (backends: Backends) => Promise<T>,
): Promise<T> {
  const backends = await connect(loadConfig({ COUNTERFOIL_DATA_DIR: dataDir }), "ingest");
  try {
    const { stream, catalogue, hashing } = backends;
    await fillStream(stream, Math.ceil(facts / 3), accounts);
    const { position } = await stream.head();
    for (const model of MODEL_NAMES) {
      const projection = PROJECTIONS[model];
      const { tables, version: modelVersion } = projection;
      await catalogue.create(model, { tables, modelVersion, generation: 1 });
      const store = await catalogue.openForWriting(model, 1);
      await runTo(
        stream,
        await openProjectionRun({ stream, projection, store, hashing }),
        position,
      );
      await store.close();
    }
    return await work(backends);
  } finally {
    await backends.close();
  }
}

/** Seconds from opening the topics to the commit of the last transaction. */
async function publishSeconds(
  { backends, brokers }: World,
  prefix: string,
  onTransaction: (transaction: TopicTransaction) => void = () => undefined,
): Promise<number> {
  const topics = watched(createKafkaTopics({ brokers, prefix, logger }), onTransaction);
  const { position: end } = await backends.stream.head();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let openedAt = 0;
  const publisher = startPublisher({
    backends,
    topics,
    logger,
    report: (event) => {
      if (event.kind === "open") openedAt = performance.now();
      if (event.kind === "state" && TROUBLE.has(event.state)) reject(new Error(event.state));
      if (event.kind !== "commit" || event.position < end) return;
      resolve((performance.now() - openedAt) / 1000);
    },
  });
  try {
    return await promise;
  } finally {
    await publisher.stop();
  }
}

function watched(topics: Topics, onTransaction: (transaction: TopicTransaction) => void): Topics {
  return {
    ...topics,
    open: async () => {
      const publisher = await topics.open();
      return {
        ...publisher,
        publish: async (transaction) => {
          await publisher.publish(transaction);
          onTransaction(transaction);
        },
      };
    },
  };
}
