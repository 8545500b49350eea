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

/** Missing facts of a key, and the fact after them. */
export type Hole = Readonly<{ key: string; from: number; to: number; fact: Fact }>;

/** Callbacks of a reader. The next message is read when a handler has resolved. */
export type Handlers = Readonly<{
  /**
   * Called for each fact once, in the order of its key. Where a process was paused inside a handler, another one may
   * have handled the same fact: let the store compare its number.
   */
  onFact?: (fact: Fact) => Promise<void> | void;
  /** Called for a record that is new, has changed, or was removed. Let the store compare its position, as above. */
  onChange?: (change: StateChange) => Promise<void> | void;
  /** Called for each signed head; after a crash one may be repeated. */
  onHead?: (head: SignedHead) => Promise<void> | void;
  /** Called if facts are missing, which should raise an alarm; the fact after the hole follows. */
  onHole?: (hole: Hole) => Promise<void> | void;
  /** Called for a message that breaks the contract, which is then skipped. Without this handler, reading ends. */
  onInvalid?: (error: MessageInvalid) => Promise<void> | void;
}>;

export type ReadingOptions = Handlers &
  Readonly<{
    /** Given by a reader that stores its state itself; in memory by default. */
    sequences?: FactSequences;
    states?: StateTable;
  }>;

export interface Reading {
  readonly states: StateTable;
  /** Handles one message. @throws MessageInvalid without a handler for it; the errors of handlers */
  take(raw: RawMessage): Promise<void>;
  /** Call it after the group has reassigned its partitions: other processes may have read in between. */
  rebalanced(): void;
}

/** Turns messages into facts and changes. Independent of a Kafka client. */
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

/** How a fact follows the previous ones of its key. */
export type InSequence =
  | Readonly<{ outcome: "next" }>
  /** This fact, or a later one, has been read before. */
  | Readonly<{ outcome: "repeat" }>
  /** Facts `from` to `to` of the key have never been read. */
  | Readonly<{ outcome: "hole"; from: number; to: number }>;

/** The last number of each key. A reader that stores it with its own results resumes exactly. */
export interface FactSequences {
  /** Compares a fact with the last number of its key, and advances that number. */
  take(fact: Pick<Fact, "key" | "keySequence">): Promise<InSequence>;
  /** Other processes may have read in between: remembered numbers still detect repeats, but not holes. */
  rebalanced(): void;
}

/**
 * Detects repeats and holes by `counterfoil_key_sequence`.
 *
 * @param lastOf the number that any process of the group has stored; called once per key, and
 *   again after a rebalance. Without it the first fact of each key is accepted with any number.
 */
export function createFactSequences(
  lastOf?: (key: string) => number | Promise<number>,
): FactSequences {
  const last = new Map<string, number>();
  /** Without a store: the last numbers that this process read before the rebalance. */
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
    /** null: it is new here; undefined: unknown, because another process may have read it and it is not stored. */
    before: StateOf<Topic> | null | undefined;
    /** null: it was removed. */
    after: StateOf<Topic> | null;
    position: number;
    generation: number;
  }>;
}[Name];

/** The present records of state topics, in memory: the content of a compacted topic. */
export interface StateTable {
  /** Applies a state. @returns null if it is older than the known one, or equal to it */
  take<Name extends StateTopic>(state: State<Name>): Promise<StateChange<Name> | null>;
  /** The record, if this process has read it since the last rebalance. */
  get<Name extends StateTopic>(topic: Name, key: string): StateOf<Name> | null;
  /** All records of a topic that this process has read since the last rebalance. */
  records<Name extends StateTopic>(topic: Name): readonly StateOf<Name>[];
  /** Other processes may have read in between: remembered records still detect older states, but are not `before`. */
  rebalanced(): void;
}

/** A record as a reader stored it; `record` is null if it was removed. */
export type StoredState<Name extends StateTopic = StateTopic> = Readonly<{
  position: number;
  record: StateOf<Name> | null;
}>;

/** Finds the state that any process of the group has stored; null if there is none. */
export type FindStoredState = <Name extends StateTopic>(
  topic: Name,
  key: string,
) => StoredState<Name> | null | Promise<StoredState<Name> | null>;

type Known = Readonly<{ position: number; text: string; record: unknown }>;

/** @param stored called once per record, and again after a rebalance */
export function createStateTable(stored?: FindStoredState): StateTable {
  const present = createTopicRecords();
  /** Without a store: the records that this process read before the rebalance. */
  const earlier = createTopicRecords();
  /** Whether a record that is not known is certainly new. */
  let isComplete = true;

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
      // A removed record stays known as removed, because an older state may still arrive.
      known.set(key, { position, text, record });
      if (before === undefined && read?.position === position && text === read.text) return null;
      const isUnknown = before === undefined && !isComplete;
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
        isComplete = false;
        present.moveTo(earlier);
      }
      present.clear();
    },
  };
}

/** Records by topic and key. */
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
