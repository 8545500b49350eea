import { PROVIDER_FACTS } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { EventStream } from "./ports/event-stream.ts";

/** A delivery, and provider facts and amendments that it caused, as they lie together. */
export type DeliveryBlock = {
  readonly received: RecordedEvent;
  readonly caused: RecordedEvent[];
  /** Where it begins. */
  readonly position: number;
  /** It lies behind its `DeliveryReceived`; others of the delivery were recorded later. */
  readonly isFirst: boolean;
};

const PAGE = 1000;
/** What a delivery states. That a fact was withdrawn is no statement. */
const STATEMENTS: ReadonlySet<string> = new Set([
  ...PROVIDER_FACTS,
  "FactSeen",
  "FactContradicted",
  "FactCorrected",
]);

/**
 * Deliveries that were read, each with what it caused: first right behind it (or up to its end where
 * it was divided), and once more for what an earlier retranslation or a retry recorded of it later.
 * A delivery that nobody could read yet is left out.
 */
export async function* deliveryBlocks(
  stream: EventStream,
  end: number,
): AsyncGenerator<DeliveryBlock> {
  const open = createOpenBlocks();
  let late: DeliveryBlock | null = null;
  for (let after = 0; after < end; ) {
    const page = await stream.read({ after, limit: Math.min(PAGE, end - after) });
    if (page.length === 0) break;
    after = page.at(-1)?.position ?? end;
    for (const event of page) {
      if (event.type === "DeliveryReceived") yield* open.finished();
      if (open.take(event)) continue;
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

/** First blocks that may go on: the last one, and divided deliveries that have not ended. */
function createOpenBlocks() {
  const open = new Map<string, DeliveryBlock>();
  const divided = new Set<string>();

  return {
    /** @returns whether the event belongs to one of them, or is about deliveries themselves. */
    take(event: RecordedEvent): boolean {
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
    *finished(): Generator<DeliveryBlock> {
      for (const [id, block] of open) {
        if (divided.has(id)) continue;
        open.delete(id);
        yield block;
      }
    },
    all: () => open.values(),
  };
}
