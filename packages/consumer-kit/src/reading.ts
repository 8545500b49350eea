import type { StateOf, StateTopic } from "@counterfoil/contracts/kafka";
import {
  type Fact,
  type Message,
  MessageInvalid,
  parseMessage,
  type RawMessage,
  type SignedHead,
  type State,
} from "./message.ts";

/** Facts of a key that never came before one that did. */
export type Hole = Readonly<{ key: string; from: number; to: number; fact: Fact }>;

/** Callbacks of a reader. The next message is read when a handler has resolved. */
export type Handlers = Readonly<{
  /** Each fact once, in the order of its key. */
  onFact?: (fact: Fact) => Promise<void> | void;
  /** A record that is new here, differs from before, or was removed. */
  onChange?: (change: StateChange) => Promise<void> | void;
  /** Signed heads as they come; after a crash one may come again. */
  onHead?: (head: SignedHead) => Promise<void> | void;
  /** Facts are missing, which is an alarm; the fact behind the hole is handed over afterwards. */
  onHole?: (hole: Hole) => Promise<void> | void;
  /** A message that breaks the contract is skipped. Without this handler, reading ends there. */
  onInvalid?: (error: MessageInvalid) => Promise<void> | void;
}>;

export type ReadingOptions = Handlers &
  Readonly<{
    /** Both as a reader that stores them by itself has them. */
    sequences?: FactSequences;
    states?: StateTable;
  }>;

export interface Reading {
  readonly states: StateTable;
  /** @throws MessageInvalid without a handler for it, and whatever a handler throws. */
  take(raw: RawMessage): Promise<void>;
  /** Others may have read since: to be called when the group has dealt its partitions out again. */
  rebalanced(): void;
}

/** Turns messages into facts and changes; it knows nothing of Kafka but what a message is. */
export function createReading(options: ReadingOptions): Reading {
  const { states = createStateTable(), sequences = createFactSequences() } = options;

  async function handleFact(fact: Fact): Promise<void> {
    const found = await sequences.take(fact);
    if (found.outcome === "repeat") return;
    if (found.outcome === "hole") {
      const { from, to } = found;
      await options.onHole?.({ key: fact.key, from, to, fact });
    }
    await options.onFact?.(fact);
  }

  async function handleState(state: State): Promise<void> {
    const change = await states.take(state);
    if (change !== null) await options.onChange?.(change);
  }

  return {
    states,
    async take(raw) {
      const message = await readOrReport(raw, options.onInvalid);
      if (message?.kind === "fact") await handleFact(message);
      if (message?.kind === "state") await handleState(message);
      if (message?.kind === "head") await options.onHead?.(message);
    },
    rebalanced() {
      sequences.rebalanced();
      states.rebalanced();
    },
  };
}

async function readOrReport(
  raw: RawMessage,
  onInvalid: Handlers["onInvalid"],
): Promise<Message | null> {
  try {
    return parseMessage(raw);
  } catch (error) {
    if (!(error instanceof MessageInvalid) || onInvalid === undefined) throw error;
    await onInvalid(error);
    return null;
  }
}

/** How a fact follows the ones before it of its key. */
export type InSequence =
  | Readonly<{ outcome: "next" }>
  /** This one, or a later one, has been read before. */
  | Readonly<{ outcome: "repeat" }>
  /** Facts `from` to `to` of the key have never been read. */
  | Readonly<{ outcome: "hole"; from: number; to: number }>;

/** The last number of each key. A reader that stores it with its own results goes on where it left off. */
export interface FactSequences {
  take(fact: Pick<Fact, "key" | "keySequence">): Promise<InSequence>;
  /** Others may have read since: what is remembered shows repeats still, but no holes. */
  rebalanced(): void;
}

/**
 * Recognises repeats and holes by `counterfoil_key_sequence`.
 *
 * @param lastOf what was stored, by whichever process of the group; asked for each key once, and
 *   again after a rebalance. Without it the first fact of each key is accepted as it comes.
 */
export function createFactSequences(
  lastOf?: (key: string) => number | Promise<number>,
): FactSequences {
  const last = new Map<string, number>();
  /** Without a store: what this process had read before the rebalance. */
  const earlier = new Map<string, number>();
  return {
    async take({ key, keySequence }) {
      const read = last.get(key);
      const before = read ?? (lastOf === undefined ? earlier.get(key) : await lastOf(key)) ?? 0;
      if (keySequence <= before) return { outcome: "repeat" };
      last.set(key, keySequence);
      const isFirst = read === undefined && lastOf === undefined;
      if (isFirst || keySequence === before + 1) return { outcome: "next" };
      return { outcome: "hole", from: before + 1, to: keySequence - 1 };
    },
    rebalanced() {
      if (lastOf === undefined) for (const [key, number] of last) earlier.set(key, number);
      last.clear();
    },
  };
}

/** How a record changed. */
export type StateChange<Name extends StateTopic = StateTopic> = {
  [Topic in Name]: Readonly<{
    topic: Topic;
    key: string;
    /** null: it is new here; undefined: another process may have read it, and nobody stored it. */
    before: StateOf<Topic> | null | undefined;
    /** null: it was removed. */
    after: StateOf<Topic> | null;
    position: number;
    generation: number;
  }>;
}[Name];

/** The present records of state topics, in memory: the content of a compacted topic. */
export interface StateTable {
  /** @returns null where the state is older than the known one, or equal to it. */
  take<Name extends StateTopic>(state: State<Name>): Promise<StateChange<Name> | null>;
  /** The record as this process read it, of partitions that it has since the last rebalance. */
  get<Name extends StateTopic>(topic: Name, key: string): StateOf<Name> | null;
  /** Every such record of a topic. */
  records<Name extends StateTopic>(topic: Name): readonly StateOf<Name>[];
  /** Others may have read since: what is remembered shows what is older still, but not what was before. */
  rebalanced(): void;
}

/** A record as a reader stored it; `record` is null where it was removed. */
export type StoredState<Name extends StateTopic = StateTopic> = Readonly<{
  position: number;
  record: StateOf<Name> | null;
}>;

/** What was stored, by whichever process of the group; null where nothing was. */
export type FindStoredState = <Name extends StateTopic>(
  topic: Name,
  key: string,
) => StoredState<Name> | null | Promise<StoredState<Name> | null>;

type Known = Readonly<{ position: number; text: string; record: unknown }>;

/** @param stored asked for each record once, and again after a rebalance */
export function createStateTable(stored?: FindStoredState): StateTable {
  const present = createTopicRecords();
  /** Without a store: what this process had read before the rebalance. */
  const earlier = createTopicRecords();
  let isWhole = true;

  async function findStored(topic: StateTopic, key: string): Promise<Known | undefined> {
    const found = (await stored?.(topic, key)) ?? null;
    return found === null ? undefined : { ...found, text: JSON.stringify(found.record) };
  }

  return {
    async take<Name extends StateTopic>(state: State<Name>) {
      const { topic, key, record, position, generation } = state;
      const known = present.of(topic);
      const before = known.get(key) ?? (await findStored(topic, key));
      const read = before ?? earlier.of(topic).get(key);
      if (read !== undefined && position < read.position) return null;
      const text = JSON.stringify(record);
      // Removed records stay known as removed: an older state may still come.
      known.set(key, { position, text, record });
      if (before === undefined && read?.position === position && text === read.text) return null;
      const isUnknown = before === undefined && !isWhole;
      if (!isUnknown && text === (before?.text ?? "null")) return null;
      const was = isUnknown ? undefined : (before?.record ?? null);
      return { topic, key, before: was, after: record, position, generation } as StateChange<Name>;
    },
    get: <Name extends StateTopic>(topic: Name, key: string) =>
      (present.of(topic).get(key)?.record ?? null) as StateOf<Name> | null,
    records: <Name extends StateTopic>(topic: Name) =>
      [...present.of(topic).values()]
        .map(({ record }) => record)
        .filter((record) => record !== null) as StateOf<Name>[],
    rebalanced() {
      if (stored === undefined) {
        isWhole = false;
        present.moveTo(earlier);
      }
      present.clear();
    },
  };
}

/** By topic and key. */
function createTopicRecords() {
  const topics = new Map<StateTopic, Map<string, Known>>();
  const of = (topic: StateTopic): Map<string, Known> => {
    const known = topics.get(topic) ?? new Map<string, Known>();
    topics.set(topic, known);
    return known;
  };
  return {
    of,
    moveTo(other: Readonly<{ of: typeof of }>): void {
      for (const [topic, known] of topics) {
        for (const [key, record] of known) other.of(topic).set(key, record);
      }
    },
    clear: () => topics.clear(),
  };
}
