import {
  PublisherFenced,
  RecordTooLarge,
  TopicsUnavailable,
} from "@counterfoil/processing/ports/topic-errors";

const FENCED = new Set(["INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"]);
/** The client does not know all codes by name. */
const FENCED_CODES = new Set([47, 90]);
const TOO_LARGE = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);

/** A failure of the client as an error of the port. Other errors stay as they are. */
export function portError(error: unknown, doing: string): unknown {
  const chain = causesOf(error);
  if (!chain.some(isOfClient)) return error;
  const message = `${doing}: ${chain.map(({ message: text }) => text).at(-1)}`;
  const is = (types: ReadonlySet<unknown>, codes?: ReadonlySet<unknown>) =>
    chain.some(({ type, code }) => types.has(type) || codes?.has(code));
  if (is(FENCED, FENCED_CODES)) {
    return new PublisherFenced(
      `${message}. Either another publisher of this ledger is at work, or this one slept through its transaction's time`,
      { cause: error },
    );
  }
  if (is(TOO_LARGE)) return new RecordTooLarge(message, { cause: error });
  return new TopicsUnavailable(message, { cause: error });
}

export type Failure = Error & {
  type?: unknown;
  code?: unknown;
  /** The address of the broker that failed. */
  broker?: unknown;
  originalError?: unknown;
  errors?: unknown;
};

const isOfClient = ({ name }: Failure): boolean => name.startsWith("KafkaJS");

/** The error and what caused it, outermost first. */
export function causesOf(error: unknown): readonly Failure[] {
  const chain: Failure[] = [];
  const queue: unknown[] = [error];
  while (queue.length > 0) {
    const next = queue.shift();
    if (!(next instanceof Error) || chain.includes(next)) continue;
    const failure: Failure = next;
    chain.push(failure);
    queue.push(failure.cause, failure.originalError);
    if (Array.isArray(failure.errors)) queue.push(...failure.errors);
  }
  return chain;
}

/** Runs a call of the client. @throws errors of the port. */
export async function asPort<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw portError(error, doing);
  }
}
