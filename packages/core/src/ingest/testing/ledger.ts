import { FACTS, type FactType } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { expect } from "@jest/globals";
import { formatTime } from "../../exact/time.ts";
import { deliveryId } from "../../identity.ts";
import { testHashing as hashing } from "../../translate/testing/hashing.ts";
import { type Delivered, readSource, sourceOf } from "../../translate/testing/reading.ts";
import { type DeliveryDecision, decideDelivery, type ReadDelivery } from "../decide-delivery.ts";
import { type KnownFacts, knownFacts } from "../fact-state.ts";
import { otherDeliveries } from "../quarantine.ts";

/** The input of `decideDelivery`, read by the present translation. */
export function deliveryOf(delivered: Delivered, more: Partial<ReadDelivery> = {}): ReadDelivery {
  const source = sourceOf(delivered);
  const { provider, channel, payloadType, text, place } = source;
  const sha256 = hashing.sha256(text ?? "not UTF-8");
  const identity =
    channel === "feed" && place !== null
      ? ({ channel, ...place } as const)
      : ({ channel: "webhook", provider, payloadType, sha256 } as const);
  const received = {
    provider,
    channel,
    payload_type: payloadType,
    ...(place ?? {}),
    verdict: { signature: channel === "feed" ? ("none" as const) : ("valid" as const) },
    sha256,
    length: text?.length ?? 0,
    received_at: formatTime(source.receivedAt),
    translation: 1,
  };
  const reading = readSource(source);
  return {
    id: deliveryId(identity, hashing),
    received,
    correlationId: null,
    reading,
    others: otherDeliveries(received, reading, hashing),
    ...more,
  };
}

export type Ledger = Readonly<{
  events: readonly RecordedEvent[];
  /** The result of looking up everything. */
  known(): KnownFacts;
  decide(delivery: ReadDelivery): DeliveryDecision;
  record(events: readonly NewEvent[]): void;
  /** Decides and records. */
  deliver(delivered: Delivered | ReadDelivery): DeliveryDecision["outcome"];
}>;

/** A stream in memory that refuses a repeated id. */
export function createLedger(): Ledger {
  const events: RecordedEvent[] = [];
  const byId = new Map<string, { event: RecordedEvent; amendments: RecordedEvent[] }>();

  function record(added: readonly NewEvent[]): void {
    for (const { about, ...event } of added) {
      if (byId.has(event.id)) throw new Error(`${event.type} ${event.id} is recorded already`);
      expectValidEvent(event);
      const recorded = { ...event, position: events.length + 1, recorded_at: 0n, hash: "" };
      events.push(recorded);
      byId.set(event.id, { event: recorded, amendments: [] });
      if (about !== null) byId.get(about)?.amendments.push(recorded);
    }
  }

  const known = () => knownFacts(byId);
  const decide = (delivery: ReadDelivery) => decideDelivery(delivery, known(), hashing);
  return {
    events,
    known,
    decide,
    record,
    deliver(delivered) {
      const { outcome, appends } = decide(
        "reading" in delivered ? delivered : deliveryOf(delivered),
      );
      for (const append of appends) record(append);
      return outcome;
    },
  };
}

function expectValidEvent({ type, data }: Pick<NewEvent, "type" | "data">): void {
  const stored = JSON.parse(data);
  expect(FACTS[type as FactType].parse(stored)).toEqual(stored);
}

/** Types in order, such as `MovementRecorded×2` for consecutive events of one type. */
export function brief(events: readonly Readonly<{ type: string }>[]): string[] {
  const runs: { type: string; count: number }[] = [];
  for (const { type } of events) {
    const last = runs.at(-1);
    if (last?.type === type) last.count += 1;
    else runs.push({ type, count: 1 });
  }
  return runs.map(({ type, count }) => (count === 1 ? type : `${type}×${count}`));
}

export const dataOf = ({ data }: Readonly<{ data: string }>): Record<string, unknown> =>
  JSON.parse(data);

/** The data of all events of one type. */
export function stated(events: readonly Readonly<{ type: string; data: string }>[], type: string) {
  return events.filter((event) => event.type === type).map(dataOf);
}
