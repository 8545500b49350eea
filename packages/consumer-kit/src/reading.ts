import { createFactSequences, type FactSequences } from "./fact-sequence.ts";
import {
  type Fact,
  type Message,
  MessageInvalid,
  parseMessage,
  type RawMessage,
  type State,
} from "./message.ts";
import { createStateTable, type StateChange, type StateTable } from "./state-table.ts";

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
