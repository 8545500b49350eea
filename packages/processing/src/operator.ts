import type { DataOf, FactType } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord, RetryRecord } from "@counterfoil/contracts/operations-record";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { newEvent } from "@counterfoil/core/ingest/event";
import { dismissalId, retryIdsOf } from "@counterfoil/core/ingest/quarantine";
import type { Translations } from "@counterfoil/core/translate/translation";
import { appendContended, appendDecided, type ConcurrentWriter } from "./ingest/append-decided.ts";
import { retryQuarantined } from "./ingest/retry-quarantined.ts";
import type { ReadLarge } from "./ports/ingest.ts";
import { findInModels } from "./queries/anomalies.ts";
import type { StuckRule } from "./queries/anomaly-record.ts";
import type { Platform } from "./queries/platform.ts";
import { findQuarantined } from "./queries/quarantine.ts";
import type { ServedModels } from "./queries/serving.ts";

/** Operators' actions, which are recorded as events with the actor and a note. */
export type Operating = ConcurrentWriter & Readonly<{ hashing: Hashing }>;

/** An operator's note on something named by its id. */
export type OperatorNote = Readonly<{ id: string; note: string; actor: string }>;

/** The anomaly or delivery does not exist. */
export class NothingThere extends Error {
  override readonly name = "NothingThere";
}

/** The anomaly or delivery needs no action any more. */
export class AlreadyClosed extends Error {
  override readonly name = "AlreadyClosed";
}

type Action = Omit<DataOf<"OperatorActed">, "target"> & Readonly<{ target?: string | undefined }>;

/** Records an operator's action before it starts. @returns the event's position */
export function recordAction(
  operating: Operating,
  { action, target, actor }: Action,
): Promise<number> {
  const data = { action, ...(target === undefined ? {} : { target }), actor };
  return appendActed(operating, "OperatorActed", [action, target ?? null], data);
}

type Acknowledging = Operating &
  Readonly<{
    models: Pick<ServedModels, "snapshot">;
    rule: StuckRule;
    /** The platform whose anomalies the operator may see. */
    platform: Platform;
  }>;

/**
 * Acknowledges an anomaly in its current state: it is listed after the others, and `status` does not
 * ask for attention until it changes.
 *
 * @returns the position of the event; the model shows it once it has projected it
 * @throws NothingThere, AlreadyClosed
 */
export async function acknowledgeAnomaly(
  { models, rule, platform, ...operating }: Acknowledging,
  { id, note, actor }: OperatorNote,
): Promise<number> {
  const found = await findInModels(models, { id, rule, platform });
  if (found === null) {
    throw new NothingThere(`there is no anomaly "${id}": \`anomalies list\` shows which are`);
  }
  const { position, record } = found;
  const { model, closed_position } = record;
  if (closed_position !== null) {
    throw new AlreadyClosed(`anomaly "${id}" was closed at position ${closed_position}`);
  }
  await recordAction(operating, { action: "acknowledge", target: id, actor });
  const data = { anomaly_id: id, model, as_of: String(position), note, actor };
  return appendActed(operating, "AnomalyAcknowledged", [model, id], data);
}

type Dismissing = Operating & Readonly<{ translations: Translations }>;

/**
 * Dismisses a quarantined delivery: it leaves the lists and the counts until another attempt to read
 * it fails.
 *
 * @returns the dismissed delivery; unchanged if it was dismissed before
 * @throws NothingThere, AlreadyClosed
 */
export async function dismissQuarantined(
  options: Dismissing,
  { id, note, actor }: OperatorNote,
): Promise<QuarantinedRecord> {
  const { stream, hashing, translations } = options;
  const before = await findQuarantined(stream, id, options);
  if (before === null) throw notQuarantined(id);
  if (before.resolved_position !== null) {
    throw new AlreadyClosed(`delivery ${id} was read at position ${before.resolved_position}`);
  }
  if (before.acknowledged_at !== null) return before;
  await recordAction(options, { action: "dismiss", target: id, actor });
  const retries = retryIdsOf(id, translations.present, hashing);
  const dismissals = [null, ...retries].map((_, at) => dismissalId(id, at + 1, hashing));
  await appendDecided(options, [...retries, ...dismissals], (known) => {
    const attempts = 1 + retries.filter((retry) => known.has(retry)).length;
    const eventId = dismissalId(id, attempts, hashing);
    if (known.has(eventId)) return [];
    const data = { delivery_id: id, attempts, note, actor };
    return [actedEvent("QuarantineDismissed", data, eventId, `delivery:${id}`)];
  });
  const after = await findQuarantined(stream, id, options);
  if (after === null) throw notQuarantined(id);
  return after;
}

/**
 * Reads a quarantined delivery again with the current translation.
 *
 * @returns the result, and the head position after it
 * @throws NothingThere, AlreadyClosed
 */
export async function retryForOperator(
  options: Dismissing & Readonly<{ readLarge?: ReadLarge }>,
  { id, actor }: Omit<OperatorNote, "note">,
): Promise<RetryRecord & Readonly<{ position: number }>> {
  const delivery = await findQuarantined(options.stream, id, options);
  if (delivery === null) throw notQuarantined(id);
  if (delivery.resolved_position !== null) {
    throw new AlreadyClosed(`delivery ${id} was read at position ${delivery.resolved_position}`);
  }
  await recordAction(options, { action: "retry", target: id, actor });
  const retried = await retryQuarantined(delivery, options);
  return { ...retried, position: (await options.stream.head()).position };
}

/** The error for a delivery that is not in quarantine. */
export const notQuarantined = (id: string): NothingThere =>
  new NothingThere(`no delivery "${id}" is in quarantine: \`quarantine list\` shows which are`);

type Acted = "OperatorActed" | "AnomalyAcknowledged";

/** Appends an operator's action at the head of the stream. */
async function appendActed<Type extends Acted>(
  options: Operating,
  type: Type,
  about: readonly (string | null)[],
  data: DataOf<Type>,
): Promise<number> {
  const { stream, hashing } = options;
  let appended = 0;
  await appendContended(options, async () => {
    const { position } = await stream.head();
    // The position makes the id of a repeated action unique.
    const id = eventId([type, ...about, String(position)], hashing);
    const event = actedEvent(type, data, id, "ledger");
    const result = await stream.append(position, [event], [], new Set([id]));
    if (result.outcome === "appended") appended = result.head.position;
    return result.outcome;
  });
  return appended;
}

function actedEvent<Type extends FactType>(
  type: Type,
  data: DataOf<Type>,
  id: string,
  subject: string,
): NewEvent {
  return newEvent({ type, data } as never, { id, subject }, NO_CAUSE);
}

const NO_CAUSE = { deliveryId: null, correlationId: null };
