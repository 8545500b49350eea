import type { StateOf, StateTopic } from "@counterfoil/contracts/kafka";
import {
  type Fact,
  type Message,
  MessageInvalid,
  parseMessage,
  type RawMessage,
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
}

/** Turns messages into facts and changes; it knows nothing of Kafka but what a message is. */
export function createReading(options: ReadingOptions): Reading {
  const { states = createStateTable(), sequences = createFactSequences() } = options;

  async function handleFact(fact: Fact): Promise<void> {
    const found = sequences.take(fact);
    if (found.outcome === "repeat") return;
    if (found.outcome === "hole") {
      const { from, to } = found;
      await options.onHole?.({ key: fact.key, from, to, fact });
    }
    await options.onFact?.(fact);
  }

  async function handleState(state: State): Promise<void> {
    const change = states.take(state);
    if (change !== null) await options.onChange?.(change);
  }

  return {
    states,
    async take(raw) {
      const message = await readOrReport(raw, options.onInvalid);
      if (message?.kind === "fact") await handleFact(message);
      if (message?.kind === "state") await handleState(message);
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
  take(fact: Pick<Fact, "key" | "keySequence">): InSequence;
  /** The last number that was read; 0 where none was. */
  lastOf(key: string): number;
}

/**
 * Recognises repeats and holes by `counterfoil_key_sequence`.
 *
 * @param lastOf what was read before this process began. Without it a reader that does not begin at
 *   the topic's beginning accepts the first fact of each key as it comes.
 */
export function createFactSequences(lastOf?: (key: string) => number): FactSequences {
  const last = new Map<string, number>();
  const known = (key: string) => last.get(key) ?? lastOf?.(key) ?? 0;
  return {
    lastOf: known,
    take({ key, keySequence }) {
      const before = known(key);
      const isFirst = !last.has(key) && lastOf === undefined;
      if (keySequence <= before) return { outcome: "repeat" };
      last.set(key, keySequence);
      if (isFirst || keySequence === before + 1) return { outcome: "next" };
      return { outcome: "hole", from: before + 1, to: keySequence - 1 };
    },
  };
}

/** How a record changed. */
export type StateChange<Name extends StateTopic = StateTopic> = {
  [Topic in Name]: Readonly<{
    topic: Topic;
    key: string;
    /** null: it is new here. */
    before: StateOf<Topic> | null;
    /** null: it was removed. */
    after: StateOf<Topic> | null;
    position: number;
    generation: number;
  }>;
}[Name];

/** The present records of state topics, in memory: the content of a compacted topic. */
export interface StateTable {
  /** @returns null where the state is older than the known one, or equal to it. */
  take<Name extends StateTopic>(state: State<Name>): StateChange<Name> | null;
  get<Name extends StateTopic>(topic: Name, key: string): StateOf<Name> | null;
  /** Every present record of a topic. */
  records<Name extends StateTopic>(topic: Name): readonly StateOf<Name>[];
}

type Known = Readonly<{ position: number; text: string; record: unknown }>;

export function createStateTable(): StateTable {
  const topics = new Map<StateTopic, Map<string, Known>>();
  const knownOf = (topic: StateTopic): Map<string, Known> => {
    const known = topics.get(topic) ?? new Map<string, Known>();
    topics.set(topic, known);
    return known;
  };
  return {
    take<Name extends StateTopic>(state: State<Name>) {
      const { topic, key, record, position, generation } = state;
      const known = knownOf(topic);
      const before = known.get(key);
      if (before !== undefined && position < before.position) return null;
      const text = JSON.stringify(record);
      // Removed records stay known as removed: an older state may still come.
      known.set(key, { position, text, record });
      if (text === (before?.text ?? "null")) return null;
      const change = { topic, key, before: before?.record ?? null, after: record };
      return { ...change, position, generation } as StateChange<Name>;
    },
    get: <Name extends StateTopic>(topic: Name, key: string) =>
      (knownOf(topic).get(key)?.record ?? null) as StateOf<Name> | null,
    records: <Name extends StateTopic>(topic: Name) =>
      [...knownOf(topic).values()]
        .map(({ record }) => record)
        .filter((record) => record !== null) as StateOf<Name>[],
  };
}
