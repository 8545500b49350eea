import { STATE_TOPICS } from "@counterfoil/contracts/kafka";
import { expect } from "@jest/globals";
import type { States } from "../../system/published.ts";

type Page<T> = Readonly<{ data: readonly T[]; next_cursor: string | null }>;

/** Every record that the HTTP interface lists. */
export async function* allOverHttp<T>(address: string, path: string): AsyncGenerator<T> {
  for (let cursor: string | null = null; ; ) {
    const beyond: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const response = await fetch(new URL(`${path}?limit=200${beyond}`, address));
    const page = (await response.json()) as Page<T>;
    expect([path, response.status]).toEqual([path, 200]);
    yield* page.data;
    cursor = page.next_cursor;
    if (cursor === null) return;
  }
}

type Shown = Readonly<{ id: string; stuck?: boolean | null; kind?: string }>;

/** What the clock says is left out, as it is on Kafka. */
export async function statesOverHttp(address: string): Promise<States> {
  const states: Record<string, Record<string, unknown>> = {};
  for (const topic of Object.keys(STATE_TOPICS)) {
    const ofTopic: Record<string, unknown> = {};
    for await (const record of allOverHttp<Shown>(address, `/v1/${topic}`)) {
      if (topic === "anomalies" && record.kind === "stuck") continue;
      ofTopic[record.id] = "stuck" in record ? { ...record, stuck: null } : record;
    }
    states[topic] = ofTopic;
  }
  return states as States;
}
