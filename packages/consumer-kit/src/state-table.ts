import type { StateOf, StateTopic } from "@counterfoil/contracts/kafka";
import type { State } from "./message.ts";

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
