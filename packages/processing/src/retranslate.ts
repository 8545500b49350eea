import type { DataOf } from "@counterfoil/contracts/fact";
import type { NewEvent, RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import {
  type DecideRetranslation,
  decideAdditions,
  decideCorrections,
  decideWithdrawals,
} from "@counterfoil/core/ingest/decide-retranslation";
import { providerEventId } from "@counterfoil/core/ingest/event";
import { factIdOf, knownFacts } from "@counterfoil/core/ingest/known-facts";
import { readData } from "@counterfoil/core/stream/read-event";
import type { Reading, Translations } from "@counterfoil/core/translate/translation";
import { appendDecided } from "./append-decided.ts";
import { type DeliveryBlock, deliveryBlocks } from "./delivery-blocks.ts";
import type { EventStream } from "./ports/event-stream.ts";
import { readStored } from "./read-stored.ts";

export type RetranslateOptions = Readonly<{
  stream: EventStream;
  translations: Translations;
  hashing: Hashing;
  onProgress?: (step: RetranslateStep, position: number, head: number) => void;
}>;

export type RetranslateStep = "correcting" | "withdrawing" | "adding";

export type RetranslateResult = Readonly<{
  deliveries: number;
  /** Events appended, by type. */
  appended: Readonly<Record<string, number>>;
  /** Bodies that were erased: their facts stay as they are. */
  bodiesGone: number;
  /** Deliveries that an older translation read and the present one cannot. */
  unreadable: readonly string[];
}>;

type Step = Readonly<{
  name: RetranslateStep;
  decide: DecideRetranslation;
  /** Whether it has anything to do with what a delivery caused; most bodies need not be read then. */
  concerns: (caused: readonly RecordedEvent[]) => boolean;
}>;

const isCopy = ({ type }: RecordedEvent) => type === "FactSeen" || type === "FactContradicted";

const STEPS: readonly Step[] = [
  { name: "correcting", decide: decideCorrections, concerns: () => true },
  { name: "withdrawing", decide: decideWithdrawals, concerns: (caused) => caused.some(isCopy) },
  { name: "adding", decide: decideAdditions, concerns: () => true },
];

/**
 * Reads every stored delivery with the present translation, compares with what was recorded, and
 * appends what corrects it. Running it twice appends nothing the second time; the models are to be
 * rebuilt afterwards, since folds read facts, never bytes.
 */
export async function retranslate(options: RetranslateOptions): Promise<RetranslateResult> {
  const { stream } = options;
  const appended: Record<string, number> = {};
  const unreadable = new Set<string>();
  let [deliveries, bodiesGone] = [0, 0];
  const end = (await stream.head()).position;
  for (const { name, decide, concerns } of STEPS) {
    [deliveries, bodiesGone] = [0, 0];
    for await (const block of deliveryBlocks(stream, end)) {
      if (block.isFirst) deliveries += 1;
      options.onProgress?.(name, block.position, end);
      if (!concerns(block.caused)) continue;
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
  { stream, translations, hashing }: RetranslateOptions,
  { received, caused }: DeliveryBlock,
  { facts }: Reading & { ok: true },
  decide: DecideRetranslation,
): Promise<readonly NewEvent[]> {
  const { received_at } = readData(received) as DataOf<"DeliveryReceived">;
  const translation = translations.present;
  const correlationId = `retranslate:${translation}`;
  const { id: deliveryId, position: deliveredAt } = received;
  const cause = { deliveryId, correlationId, receivedAt: received_at, deliveredAt };
  const retranslation = { facts, caused, translation, cause };
  const ids = [...facts.map((fact) => providerEventId(fact, hashing)), ...caused.map(factIdOf)];
  return appendDecided(stream, [...new Set(ids)], (known) =>
    decide(retranslation, knownFacts(known), hashing),
  );
}
