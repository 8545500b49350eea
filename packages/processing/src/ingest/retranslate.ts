import { type DataOf, PROVIDER_FACTS } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord, RetryRecord } from "@counterfoil/contracts/operations-record";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { factIdOf, knownFacts } from "@counterfoil/core/ingest/fact-state";
import { otherDeliveries } from "@counterfoil/core/ingest/quarantine";
import {
  type DecideRetranslation,
  decideRetry,
  RETRANSLATION_STEPS,
  type RetranslationStepName,
  retryIds,
} from "@counterfoil/core/ingest/retranslate";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Reading, Translations } from "@counterfoil/core/translate/translation";
import type { EventStream } from "../ports/event-stream.ts";
import { appendDecided, type ConcurrentWriter } from "./append-decided.ts";
import { readStored } from "./delivery.ts";

type RetranslateOptions = ConcurrentWriter &
  Readonly<{
    translations: Translations;
    hashing: Hashing;
    onProgress?: (step: RetranslationStepName, position: number, head: number) => void;
  }>;

export type RetranslateResult = Readonly<{
  deliveries: number;
  /** Events appended, by type. */
  appended: Readonly<Record<string, number>>;
  /** Number of erased bodies; their facts are left as they are. */
  bodiesGone: number;
  /** Deliveries that an older translation could read and the current one cannot. */
  unreadable: readonly string[];
}>;

/**
 * Reads every stored delivery with the current translation, compares it with what was recorded, and
 * appends the corrections, which the models project like other events. A second run appends nothing.
 */
export async function retranslate(options: RetranslateOptions): Promise<RetranslateResult> {
  const { stream } = options;
  const appended: Record<string, number> = {};
  const unreadable = new Set<string>();
  let [deliveries, bodiesGone] = [0, 0];
  const end = (await stream.head()).position;
  for (const { name, decide, appliesTo } of RETRANSLATION_STEPS) {
    [deliveries, bodiesGone] = [0, 0];
    for await (const block of deliveryBlocks(stream, end)) {
      if (block.isFirst) deliveries += 1;
      options.onProgress?.(name, block.position, end);
      if (!appliesTo(block.caused)) continue;
      const reading = await readStored(block.received, options.translations.present, options);
      if (reading === null) bodiesGone += block.isFirst ? 1 : 0;
      else if (!reading.ok) unreadable.add(block.received.id);
      else
        for (const { type } of await append(options, block, reading, decide)) {
          appended[type] = (appended[type] ?? 0) + 1;
        }
    }
  }
  return { deliveries, appended, bodiesGone, unreadable: [...unreadable] };
}

async function append(
  options: RetranslateOptions,
  { received, caused }: DeliveryBlock,
  { facts }: Reading & { ok: true },
  decide: DecideRetranslation,
): Promise<readonly NewEvent[]> {
  const { translations, hashing } = options;
  const { received_at } = readData(received) as DataOf<"DeliveryReceived">;
  const translation = translations.present;
  const correlationId = `retranslate:${translation}`;
  const { id: deliveryId, position: deliveredAt } = received;
  const cause = { deliveryId, correlationId, receivedAt: received_at, deliveredAt };
  const retranslation = { facts, caused, translation, cause };
  const ids = [...facts.map((fact) => providerEventId(fact, hashing)), ...caused.map(factIdOf)];
  return appendDecided(options, [...new Set(ids)], (known) =>
    decide(retranslation, knownFacts(known), hashing),
  );
}

/** A delivery, and consecutive provider facts and amendments that it caused. */
type DeliveryBlock = {
  readonly received: RecordedEvent;
  readonly caused: RecordedEvent[];
  /** The position of its first event. */
  readonly position: number;
  /** The block follows its `DeliveryReceived`; the delivery's other blocks were recorded later. */
  readonly isFirst: boolean;
};

const PAGE = 1000;
/** The event types by which a delivery states facts. `FactWithdrawn` is not one of them. */
const STATEMENTS: ReadonlySet<string> = new Set([
  ...PROVIDER_FACTS,
  "FactSeen",
  "FactContradicted",
  "FactCorrected",
]);

/**
 * Blocks of the deliveries that could be read. The first block of a delivery follows it directly, or
 * extends to its completion if it was divided; events of an earlier retranslation or retry form
 * further blocks. Quarantined deliveries are omitted.
 */
async function* deliveryBlocks(stream: EventStream, end: number): AsyncGenerator<DeliveryBlock> {
  const open = createOpenBlocks();
  let late: DeliveryBlock | null = null;
  for (let after = 0; after < end; ) {
    const page = await stream.read({ after, limit: Math.min(PAGE, end - after) });
    if (page.length === 0) break;
    after = page.at(-1)?.position ?? end;
    for (const event of page) {
      if (event.type === "DeliveryReceived") yield* open.closeFinished();
      if (open.add(event)) continue;
      const { causation_id } = event;
      if (causation_id === null || !STATEMENTS.has(event.type)) continue;
      if (late !== null && late.received.id !== causation_id) {
        yield late;
        late = null;
      }
      late ??= await lateBlock(stream, causation_id, event.position);
      late?.caused.push(event);
    }
  }
  yield* open.all();
  if (late !== null) yield late;
}

async function lateBlock(
  stream: EventStream,
  deliveryId: string,
  position: number,
): Promise<DeliveryBlock | null> {
  const received = (await stream.findByIds([deliveryId])).known.get(deliveryId)?.event;
  return received === undefined ? null : { received, caused: [], position, isFirst: false };
}

/** First blocks that may continue: the last one, and those of incomplete divided deliveries. */
function createOpenBlocks() {
  const open = new Map<string, DeliveryBlock>();
  const divided = new Set<string>();

  return {
    /** @returns whether the event belongs to one of the blocks, or is a delivery */
    add(event: RecordedEvent): boolean {
      const { type, id, position, causation_id } = event;
      if (type === "DeliveryReceived") {
        open.set(id, { received: event, caused: [], position, isFirst: true });
        return true;
      }
      if (causation_id === null) return false;
      if (type === "DeliveryDivided") divided.add(causation_id);
      else if (type === "DeliveryCompleted") divided.delete(causation_id);
      else if (type === "DeliveryQuarantined") open.delete(causation_id);
      const block = open.get(causation_id);
      if (block !== undefined && STATEMENTS.has(type)) block.caused.push(event);
      return block !== undefined;
    },
    *closeFinished(): Generator<DeliveryBlock> {
      for (const [id, block] of open) {
        if (divided.has(id)) continue;
        open.delete(id);
        yield block;
      }
    },
    all: () => open.values(),
  };
}

type RetryOptions = ConcurrentWriter &
  Readonly<{
    translations: Translations;
    hashing: Hashing;
  }>;

/** Reads a quarantined delivery with the current translation, and records the result. */
export async function retryQuarantined(
  { delivery_id, detail }: QuarantinedRecord,
  options: RetryOptions,
): Promise<RetryRecord> {
  const { stream, translations, hashing } = options;
  const { known: found } = await stream.findByIds([delivery_id]);
  const received = found.get(delivery_id)?.event;
  const reading = received && (await readStored(received, translations.present, options));
  if (!received || !reading) return { delivery_id, outcome: "gone", detail: null };
  const facts = reading.ok ? reading.facts.map((fact) => providerEventId(fact, hashing)) : [];
  const translation = translations.present;
  const data = readData(received) as DataOf<"DeliveryReceived">;
  const others = otherDeliveries({ ...data, translation }, reading, hashing);
  const retry = { received, reading, translation, others };
  const ids = [...retryIds(delivery_id, retry, hashing), ...facts];
  const events = await appendDecided(options, ids, (known) =>
    known.has(ids[0] ?? "") ? [] : decideRetry(retry, knownFacts(known), hashing),
  );
  const retried = events.at(-1);
  if (retried === undefined) return { delivery_id, outcome: "tried", detail };
  const result = JSON.parse(retried.data) as DataOf<"QuarantineRetried">;
  return { delivery_id, outcome: result.outcome, detail: result.detail ?? null };
}
