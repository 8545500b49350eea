import type { ModelName } from "@counterfoil/contracts/fact";
import {
  FACT_TOPIC,
  HEAD_TOPIC,
  STATE_TOPICS,
  type StateTopic,
} from "@counterfoil/contracts/kafka";
import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { ANOMALIES } from "@counterfoil/processing/models/columns";
import { RECORDS } from "@counterfoil/processing/models/lifecycle/tables";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import type { Rows } from "@counterfoil/processing/ports/model-store";
import type { TopicRecord } from "@counterfoil/processing/ports/topics";
import { anomalyRecord } from "@counterfoil/processing/queries/anomaly-record";
import { balanceRecord } from "@counterfoil/processing/queries/balances";
import { lifecycleRecord } from "@counterfoil/processing/queries/lifecycle-record";
import { expect } from "@jest/globals";
import { allRows } from "./support.ts";

export type PublishedRecord = Pick<TopicRecord, "key" | "value"> &
  Readonly<{ topic: string; headers: Readonly<Record<string, string>> }>;

/** By topic and key: what a compacted topic keeps. */
export type States = Readonly<Record<StateTopic, Readonly<Record<string, unknown>>>>;

/** The last value of each key; keys whose last record is a tombstone are gone. */
export function lastStates(records: readonly PublishedRecord[]): States {
  const states = emptyStates();
  for (const { topic, key, value } of records) {
    if (topic === FACT_TOPIC || topic === HEAD_TOPIC) continue;
    const ofTopic = states[topic as StateTopic];
    if (value === null) delete ofTopic[key];
    else ofTopic[key] = JSON.parse(value);
  }
  return states;
}

const emptyStates = () =>
  Object.fromEntries(Object.keys(STATE_TOPICS).map((topic) => [topic, {}])) as Record<
    StateTopic,
    Record<string, unknown>
  >;

/** What the HTTP interface shows of the same models; what depends on the clock is null. */
export async function shownStates(
  read: <T>(model: ModelName, work: (rows: Rows) => Promise<T>) => Promise<T>,
): Promise<States> {
  const states = emptyStates();
  for (const model of MODEL_NAMES) {
    await read(model, async (rows) => {
      if (model === "balances") {
        for (const row of await allRows(rows, ACCOUNTS)) {
          states.balances[String(row.id)] = balanceRecord(row);
        }
      } else {
        for (const row of await allRows(rows, RECORDS)) {
          states[model][String(row.id)] = await lifecycleRecord(rows, row, { stuck: null });
        }
      }
      for (const row of await allRows(rows, ANOMALIES)) {
        states.anomalies[String(row.id)] = anomalyRecord(row, model);
      }
    });
  }
  return states;
}

/** Facts: each once, each key's in order and numbered without a hole; all of them up to a position. */
export function expectAllFacts(records: readonly PublishedRecord[], upTo: number): void {
  const facts = records.filter(({ topic }) => topic === FACT_TOPIC);
  const positions = facts.map(({ headers }) => Number(headers.counterfoil_position));
  expect(new Set(positions).size).toBe(positions.length);
  expect([facts.length, Math.max(0, ...positions)]).toEqual([upTo, upTo]);
  const last = new Map<string, Readonly<{ sequence: number; position: number }>>();
  for (const { key, headers, value } of facts) {
    const sequence = Number(headers.counterfoil_key_sequence);
    const position = Number(headers.counterfoil_position);
    const before = last.get(key) ?? { sequence: 0, position: 0 };
    expect([key, sequence]).toEqual([key, before.sequence + 1]);
    expect(position).toBeGreaterThan(before.position);
    expect(JSON.parse(value ?? "")).toMatchObject({ position: String(position), subject: key });
    last.set(key, { sequence, position });
  }
}

/** Of two records of one key the one with the greater position is newer. */
export function expectRising(records: readonly PublishedRecord[]): void {
  const last = new Map<string, number>();
  for (const { topic, key, headers } of records) {
    if (topic === FACT_TOPIC || topic === HEAD_TOPIC) continue;
    const position = Number(headers.counterfoil_position);
    expect(position).toBeGreaterThanOrEqual(last.get(`${topic} ${key}`) ?? 0);
    last.set(`${topic} ${key}`, position);
  }
}
