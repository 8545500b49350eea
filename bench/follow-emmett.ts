import { type EmmettEvent, emmett } from "./emmett.ts";
import { type Appends, createTally, type Followed } from "./follow-tally.ts";

const LAST = "Last";
/** A reader that has not reached the end by then has failed. */
const PATIENCE_MS = 60_000;

/** Emmett's store and consumer; each writer has its own stream and connection. */
export async function followEmmett(url: string, work: Appends): Promise<Followed> {
  const first = emmett.getPostgreSQLEventStore(url);
  // The first append creates the tables.
  await first.appendToStream<EmmettEvent>("first", [{ type: "First", data: { id: "first" } }]);
  const tally = createTally();
  const consumer = emmett.postgreSQLEventStoreConsumer({
    connectionString: url,
    consumerId: "bench",
    pulling: { batchSize: 100, pullingFrequencyInMs: 0 },
  });
  const { promise: isAtEnd, resolve } = Promise.withResolvers<void>();
  consumer.reactor<EmmettEvent>({
    processorId: "bench",
    processorInstanceId: "bench",
    eachMessage: ({ type, data, metadata }) => {
      if (type === LAST) resolve();
      else tally.see(String(data.id), Number(metadata.globalPosition));
    },
  });
  const running = consumer.start();
  try {
    const writers = Array.from({ length: work.writers }, (_, at) => write(url, at, work));
    const appended = (await Promise.all(writers)).flat();
    await first.appendToStream<EmmettEvent>("last", [{ type: LAST, data: {} }]);
    await Promise.race([isAtEnd, late(), running]);
    return tally.followed(appended);
  } finally {
    await consumer.close();
    await first.close();
  }
}

async function write(
  url: string,
  writer: number,
  { appends, eventsAtOnce }: Appends,
): Promise<readonly string[]> {
  const store = emmett.getPostgreSQLEventStore(url, { schema: { autoMigration: "None" } });
  const ids: string[] = [];
  try {
    for (let number = 0; number < appends; number += 1) {
      const events = Array.from({ length: eventsAtOnce }, (_, at) => ({
        type: "MovementRecorded",
        data: { id: `${writer}/${number}/${at}` },
      }));
      await store.appendToStream<EmmettEvent>(`stream-${writer}`, events);
      ids.push(...events.map(({ data }) => data.id));
    }
    return ids;
  } finally {
    await store.close();
  }
}

function late(): Promise<never> {
  return new Promise((_, reject) => {
    const error = new Error(`emmett's consumer was not at the end within ${PATIENCE_MS / 1000} s`);
    setTimeout(() => reject(error), PATIENCE_MS).unref();
  });
}
