import type { DataOf } from "@counterfoil/contracts/fact";
import type { DeliveryOutcome, DeliverySummary } from "@counterfoil/contracts/provenance";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { readData } from "@counterfoil/core/stream/read-event";
import { type EventStream, isLastPage } from "../ports/event-stream.ts";
import type { FindOptions, Whole } from "./deliveries.ts";
import { findAllQuarantined, isOpen } from "./quarantine.ts";

/** Deliveries as lists show them, in the order of these events, each a `DeliveryReceived`. */
export async function summariesOf(
  stream: EventStream,
  received: readonly RecordedEvent[],
  options: FindOptions,
): Promise<readonly DeliverySummary[]> {
  const outcomes = await outcomesOf(stream, received, options);
  return received.map((event, at) => summaryOf(event, outcomes[at] ?? "recorded"));
}

/** Where others' facts are in the bytes, their length would tell of these. */
export const summaryFor = (summary: DeliverySummary, whole: Whole): DeliverySummary =>
  whole === "inside" ? summary : { ...summary, length: null };

function summaryOf(event: RecordedEvent, outcome: DeliveryOutcome): DeliverySummary {
  const data = readData(event) as DataOf<"DeliveryReceived">;
  const { provider, channel, payload_type, received_at, verdict, length } = data;
  const checked = verdict.evidence?.find(({ key_id }) => key_id !== undefined);
  return {
    ...{ delivery_id: event.id, provider, channel, payload_type, received_at, outcome },
    signature: verdict.signature,
    scheme: checked?.scheme ?? verdict.scheme ?? null,
    key_id: checked?.key_id ?? null,
    length,
    position: String(event.position),
  };
}

/** What a delivery caused lies right behind it, and its first new event says what became of it. */
async function outcomesOf(
  stream: EventStream,
  received: readonly RecordedEvent[],
  options: FindOptions,
): Promise<readonly DeliveryOutcome[]> {
  const behind = createBehind(stream);
  const first = new Map<string, string | null>();
  for (const event of received.toSorted((a, b) => a.position - b.position)) {
    first.set(event.id, await firstNewType(behind, event));
  }
  const unread = received.flatMap(({ id }) => (first.get(id) === QUARANTINED ? [id] : []));
  const records = await findAllQuarantined(stream, unread, options);
  const byId = new Map(records.map((record) => [record.delivery_id, record]));
  return received.map(({ id }) => {
    const record = byId.get(id);
    if (record === undefined) return first.get(id) === null ? "repeated" : "recorded";
    if (!isOpen(record)) return "recorded";
    return record.acknowledged_at === null ? "quarantined" : "dismissed";
  });
}

const QUARANTINED = "DeliveryQuarantined";
/** A known fact came by another way too, or all facts of a snapshot are recorded. */
const NOTHING_NEW: ReadonlySet<string> = new Set(["FactSeen", "DeliveryCompleted"]);

/** The type of the first event by which a delivery says something new; null where none does. */
async function firstNewType(behind: Behind, received: RecordedEvent): Promise<string | null> {
  for (let { position } = received; ; position += 1) {
    const next = await behind(position);
    if (next === null || next.causation_id !== received.id) return null;
    if (!NOTHING_NEW.has(next.type)) return next.type;
  }
}

/** The event behind a position; null at the end. */
type Behind = (position: number) => Promise<RecordedEvent | null>;

const PAGE = 50;

/** Asked in ascending order, it reads what lies close together by one page. */
function createBehind(stream: EventStream): Behind {
  let page: readonly RecordedEvent[] = [];
  let first = 0;
  let isEnd = false;
  return async (position) => {
    const known = page[position - first];
    if (first > 0 && position >= first && known !== undefined) return known;
    if (isEnd && position >= first) return null;
    page = await stream.read({ after: position, limit: PAGE });
    first = position;
    isEnd = isLastPage(page, PAGE);
    return page[0] ?? null;
  };
}
