import { type DataOf, PROVIDER_FACTS, type ProviderFact } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { factIdOf, knownFacts } from "@counterfoil/core/ingest/fact-state";
import {
  type DecideRetranslation,
  RETRANSLATION_STEPS,
  type RetranslationStepName,
} from "@counterfoil/core/ingest/retranslate";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Translations } from "@counterfoil/core/translate/translation";
import type { EventStream, KnownEvents } from "../ports/event-stream.ts";
import type { LargeReading, ReadLarge } from "../ports/ingest.ts";
import { appendDecided, type ConcurrentWriter } from "./append-decided.ts";
import { PART_FACTS, readStored } from "./large-reading.ts";

type RetranslateOptions = ConcurrentWriter &
  Readonly<{
    translations: Translations;
    hashing: Hashing;
    /** Reads large bodies with a limit of memory; here and without one if not given. */
    readLarge?: ReadLarge;
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
  for (const step of RETRANSLATION_STEPS) {
    [deliveries, bodiesGone] = [0, 0];
    for await (const block of deliveryBlocks(stream, end)) {
      if (block.isFirst) deliveries += 1;
      options.onProgress?.(step.name, block.position, end);
      if (step.isAboutCopies && !block.hasCopies) continue;
      const reading = await readStored(block.received, options.translations.present, options);
      if (reading === null) {
        bodiesGone += block.isFirst ? 1 : 0;
        continue;
      }
      try {
        if (!reading.summary.ok) unreadable.add(block.received.id);
        const changes = appendChanges(options, block, { reading, end, decide: step.decide });
        for await (const { type } of changes) appended[type] = (appended[type] ?? 0) + 1;
      } finally {
        reading.close();
      }
    }
  }
  return { deliveries, appended, bodiesGone, unreadable: [...unreadable] };
}

type Changes = Readonly<{ reading: LargeReading; end: number; decide: DecideRetranslation }>;

/**
 * Appends what a step decides about a delivery, part by part: each fact is decided by itself, from all
 * that the delivery states and has recorded about it up to `end`.
 */
async function* appendChanges(
  options: RetranslateOptions,
  { received, facts: named }: DeliveryBlock,
  { reading, end, decide }: Changes,
): AsyncGenerator<NewEvent> {
  if (!reading.summary.ok) return;
  const { translations, hashing } = options;
  const { received_at } = readData(received) as DataOf<"DeliveryReceived">;
  const translation = translations.present;
  const correlationId = `retranslate:${translation}`;
  const { id: deliveryId, position: deliveredAt } = received;
  const cause = { deliveryId, correlationId, receivedAt: received_at, deliveredAt };
  for await (const { facts, ids } of statedParts(reading, named, hashing)) {
    yield* await appendDecided(options, ids, (known) => {
      const caused = causedBy(deliveryId, known, end);
      const retranslation = { facts, caused, translation, cause };
      return decide(retranslation, knownFacts(known), hashing);
    });
  }
}

/** Some facts that a reading states, all statements of each, and the ids of facts to decide. */
type StatedPart = Readonly<{ facts: readonly ProviderFact[]; ids: readonly string[] }>;

/** What a reading states, in parts; the last ones also have the named facts that it does not state. */
async function* statedParts(
  reading: LargeReading,
  named: ReadonlySet<string>,
  hashing: Hashing,
): AsyncGenerator<StatedPart> {
  const idOf = (fact: ProviderFact) => providerEventId(fact, hashing);
  const repeated = reading.count > PART_FACTS ? await repeatedIn(reading, idOf) : NOTHING_REPEATED;
  const unstated = new Set(named);
  for (let at = 0; at < reading.count || unstated.size > 0; at += PART_FACTS) {
    const part = await reading.facts(at, at + PART_FACTS);
    const facts = part.filter((fact) => !repeated.has(idOf(fact)));
    for (const fact of part) unstated.delete(idOf(fact));
    const isLast = at + PART_FACTS >= reading.count;
    const rest = isLast ? takeFrom(unstated, PART_FACTS) : [];
    yield { facts, ids: [...new Set([...facts.map(idOf), ...rest])] };
  }
  for (const [id, facts] of repeated) yield { facts, ids: [id] };
}

const NOTHING_REPEATED: ReadonlyMap<string, readonly ProviderFact[]> = new Map();

/** The statements of facts that a long body states several times, by the id of the fact. */
async function repeatedIn(
  reading: LargeReading,
  idOf: (fact: ProviderFact) => string,
): Promise<ReadonlyMap<string, readonly ProviderFact[]>> {
  const [once, repeated] = [new Set<string>(), new Map<string, ProviderFact[]>()];
  for (const isCollecting of [false, true]) {
    for (let at = 0; at < reading.count; at += PART_FACTS) {
      for (const fact of await reading.facts(at, at + PART_FACTS)) {
        const id = idOf(fact);
        if (isCollecting) repeated.get(id)?.push(fact);
        else if (once.has(id)) repeated.set(id, []);
        else once.add(id);
      }
    }
    if (repeated.size === 0) break;
  }
  return repeated;
}

/** Removes some from a set. */
function takeFrom(ids: Set<string>, count: number): readonly string[] {
  const taken = [...ids.values().take(count)];
  for (const id of taken) ids.delete(id);
  return taken;
}

/**
 * Provider facts and amendments among the known events that a delivery caused, up to a position: in
 * order, so that what is decided from them has one order on every engine.
 */
function causedBy(
  deliveryId: string,
  known: KnownEvents["known"],
  end: number,
): readonly RecordedEvent[] {
  return [...known.values()]
    .flatMap(({ event, amendments }) => [event, ...amendments])
    .filter(
      ({ type, causation_id, position }) =>
        causation_id === deliveryId && STATEMENTS.has(type) && position <= end,
    )
    .sort((a, b) => a.position - b.position);
}

/** A delivery, and what consecutive provider facts and amendments that it caused are about. */
type DeliveryBlock = {
  readonly received: RecordedEvent;
  /** The ids of the facts. */
  readonly facts: Set<string>;
  /** Some of the events record a copy of a fact that another delivery had stated. */
  hasCopies: boolean;
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
      if (late !== null) note(late, event);
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
  return received === undefined ? null : blockOf(received, position, false);
}

const blockOf = (received: RecordedEvent, position: number, isFirst: boolean): DeliveryBlock => ({
  ...{ received, facts: new Set(), hasCopies: false, position, isFirst },
});

function note(block: DeliveryBlock, event: RecordedEvent): void {
  block.facts.add(factIdOf(event));
  block.hasCopies ||= event.type === "FactSeen" || event.type === "FactContradicted";
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
        open.set(id, blockOf(event, position, true));
        return true;
      }
      if (causation_id === null) return false;
      if (type === "DeliveryDivided") divided.add(causation_id);
      else if (type === "DeliveryCompleted") divided.delete(causation_id);
      else if (type === "DeliveryQuarantined") open.delete(causation_id);
      const block = open.get(causation_id);
      if (block !== undefined && STATEMENTS.has(type)) note(block, event);
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
