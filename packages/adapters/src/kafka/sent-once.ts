import type { ICustomPartitioner, Message } from "kafkajs";

/**
 * Notices whether the client sent a message more than once.
 *
 * kafkajs 2.2.4 remembers by broker what has been answered. Where a leader moves between two tries
 * of a send to several brokers, it leaves out what has moved to a broker that had answered, and
 * sends again, under new sequence numbers, what has moved to another: the transaction would commit
 * with holes and repeats. What is sent to one partition alone is safe: there the brokers know a
 * repeat by its number.
 */
export interface SentOnce {
  /** Asked by the client for every message at every try, so that it sees them all. */
  readonly createPartitioner: ICustomPartitioner;
  /** Forgets what was before. @returns after the send, whether it took a single try. */
  watch(): () => boolean;
}

export function createSentOnce(choose: ICustomPartitioner): SentOnce {
  let seen = new WeakSet<Message>();
  let isRepeated = false;
  return {
    createPartitioner: () => {
      const partitionOf = choose();
      return (args) => {
        if (seen.has(args.message)) isRepeated = true;
        seen.add(args.message);
        return partitionOf(args);
      };
    },
    watch: () => {
      seen = new WeakSet();
      isRepeated = false;
      return () => !isRepeated;
    },
  };
}
