import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import {
  decideAdditions,
  decideCorrections,
  type Retranslation,
} from "@counterfoil/core/ingest/decide-retranslation";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { AMENDMENTS } from "@counterfoil/core/ingest/fact-state";
import { type KnownFacts, knownFacts } from "@counterfoil/core/ingest/known-facts";
import type { Reading, Translations } from "@counterfoil/core/translate/translation";
import type { EventStream } from "./ports/event-stream.ts";
import { readStored } from "./read-stored.ts";

export type RetranslateOptions = Readonly<{
  stream: EventStream;
  translations: Translations;
  hashing: Hashing;
  onProgress?: (step: RetranslateStep, position: number, head: number) => void;
}>;

export type RetranslateStep = "correcting" | "adding";

export type RetranslateResult = Readonly<{
  deliveries: number;
  /** Events appended, by type. */
  appended: Readonly<Record<string, number>>;
  /** Bodies that were erased: their facts stay as they are. */
  bodiesGone: number;
  /** Deliveries that an older translation read and the present one cannot. */
  unreadable: readonly string[];
}>;

type Decide = (
  retranslation: Retranslation,
  known: KnownFacts,
  hashing: Hashing,
) => readonly NewEvent[];

const STEPS: readonly Readonly<{ step: RetranslateStep; decide: Decide }>[] = [
  { step: "correcting", decide: decideCorrections },
  { step: "adding", decide: decideAdditions },
];

/** A delivery, and the events that it caused as far as they lie right behind it. */
type Block = { readonly received: RecordedEvent; readonly caused: RecordedEvent[] };

const PAGE = 1000;

/**
 * Reads every stored delivery with the present translation, compares with what was recorded, and
 * appends what corrects it. Running it twice appends nothing the second time; the models are to be
 * rebuilt afterwards, since folds read facts, never bytes.
 */
export async function retranslate(options: RetranslateOptions): Promise<RetranslateResult> {
  const { stream } = options;
  const appended: Record<string, number> = {};
  const unreadable: string[] = [];
  let [deliveries, bodiesGone] = [0, 0];
  const end = (await stream.head()).position;
  for (const { step, decide } of STEPS) {
    [deliveries, bodiesGone, unreadable.length] = [0, 0, 0];
    for await (const block of blocks(stream, end)) {
      deliveries += 1;
      options.onProgress?.(step, block.received.position, end);
      const reading = await readStored(block.received, options.translations.present, options);
      if (reading === null) bodiesGone += 1;
      else if (!reading.ok) unreadable.push(block.received.id);
      else
        for (const { type } of await append(options, block, reading, decide)) {
          appended[type] = (appended[type] ?? 0) + 1;
        }
    }
  }
  return { deliveries, appended, bodiesGone, unreadable };
}

/** Deliveries that were read once, each with what it caused; quarantined ones are left alone. */
async function* blocks(stream: EventStream, end: number): AsyncGenerator<Block> {
  const open = new Map<string, Block>();
  const divided = new Set<string>();
  for (let after = 0; after < end; ) {
    const page = await stream.read({ after, limit: Math.min(PAGE, end - after) });
    if (page.length === 0) break;
    after = page.at(-1)?.position ?? end;
    for (const event of page) {
      const { type, id, causation_id } = event;
      if (type === "DeliveryReceived") {
        yield* finished(open, divided);
        open.set(id, { received: event, caused: [] });
      } else if (type === "DeliveryDivided" && causation_id) divided.add(causation_id);
      else if (type === "DeliveryCompleted" && causation_id) divided.delete(causation_id);
      else if (type === "DeliveryQuarantined" && causation_id) open.delete(causation_id);
      else if (causation_id) open.get(causation_id)?.caused.push(event);
    }
  }
  yield* open.values();
}

function* finished(open: Map<string, Block>, divided: ReadonlySet<string>): Generator<Block> {
  for (const [id, block] of open) {
    if (divided.has(id)) continue;
    open.delete(id);
    yield block;
  }
}

async function append(
  { stream, translations, hashing }: RetranslateOptions,
  { received, caused }: Block,
  { facts }: Reading & { ok: true },
  decide: Decide,
): Promise<readonly NewEvent[]> {
  const { received_at } = JSON.parse(received.data) as DataOf<"DeliveryReceived">;
  const translation = translations.present;
  const correlationId = `retranslate:${translation}`;
  const cause = { deliveryId: received.id, correlationId, receivedAt: received_at };
  const retranslation = { facts, caused, translation, cause };
  const ids = [...facts.map((fact) => providerEventId(fact, hashing)), ...caused.map(subjectOf)];
  for (;;) {
    const { head, known } = await stream.lookUp([...new Set(ids)]);
    const events = decide(retranslation, knownFacts(known), hashing);
    if (events.length === 0) return events;
    const result = await stream.append(head.position, events);
    if (result.outcome === "appended") return events;
  }
}

/** The id of the fact that an event is, or is about. */
function subjectOf({ type, id, data }: RecordedEvent): string {
  if (!AMENDMENTS.has(type)) return id;
  const { event_id, amends } = JSON.parse(data) as DataOf<"FactWithdrawn">;
  return amends ?? event_id;
}
