import type { DataOf, FactType } from "@counterfoil/contracts/fact";
import type { QuarantinedRecord, RetryRecord } from "@counterfoil/contracts/operations-record";
import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { eventId } from "@counterfoil/core/identity";
import { newEvent } from "@counterfoil/core/ingest/event";
import { dismissalId, retryIdsOf } from "@counterfoil/core/ingest/quarantine";
import type { Translations } from "@counterfoil/core/translate/translation";
import { appendContended, appendDecided, type Contender } from "./ingest/append-decided.ts";
import { retryQuarantined } from "./ingest/retranslate.ts";
import { findInModels } from "./queries/anomalies.ts";
import type { Platform } from "./queries/platform.ts";
import { findQuarantined } from "./queries/quarantine.ts";
import type { ServedModels } from "./queries/serving.ts";
import type { StuckRule } from "./queries/stuck.ts";

/** What persons do, as events: who did it, and why. */
export type Operating = Contender & Readonly<{ hashing: Hashing }>;

/** A person's word on something that he names by its id. */
export type Word = Readonly<{ id: string; note: string; actor: string }>;

/** What was to be acknowledged or dismissed is not there. */
export class NothingThere extends Error {
  override readonly name = "NothingThere";
}

/** It needs nobody any more. */
export class AlreadyClosed extends Error {
  override readonly name = "AlreadyClosed";
}

/** Records that somebody starts something, before it begins. @returns its position */
export function recordAction(
  operating: Operating,
  { action, target, actor }: DataOf<"OperatorActed">,
): Promise<number> {
  const data = { action, ...(target === undefined ? {} : { target }), actor };
  return appendActed(operating, "OperatorActed", [action, target ?? null], data);
}

export type Acknowledging = Operating &
  Readonly<{
    models: Pick<ServedModels, "snapshot">;
    rule: StuckRule;
    /** Whose anomalies there are for who acts. */
    platform: Platform;
  }>;

/**
 * Says that somebody knows of an anomaly, as it is now: it is shown behind the others, and `status`
 * asks nobody to look at it until it changes.
 *
 * @returns the position of the event; the model shows it once it has got there
 * @throws NothingThere, AlreadyClosed
 */
export async function acknowledgeAnomaly(
  { models, rule, platform, ...operating }: Acknowledging,
  { id, note, actor }: Word,
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

export type Dismissing = Operating & Readonly<{ translations: Translations }>;

/**
 * Says that a quarantined delivery needs nobody: it leaves the lists and the counts, until one more
 * attempt to read it fails.
 *
 * @returns the delivery with that; unchanged where it was dismissed before
 * @throws NothingThere, AlreadyClosed
 */
export async function dismissQuarantined(
  options: Dismissing,
  { id, note, actor }: Word,
): Promise<QuarantinedRecord> {
  const { stream, hashing, translations } = options;
  const before = await findQuarantined(stream, id, options);
  if (before === null) throw nothingThere(id);
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
  if (after === null) throw nothingThere(id);
  return after;
}

/**
 * Reads a quarantined delivery once more, with the present translation.
 *
 * @returns what came of it, and where the stream was after it
 * @throws NothingThere, AlreadyClosed
 */
export async function retryForOperator(
  options: Dismissing,
  { id, actor }: Omit<Word, "note">,
): Promise<RetryRecord & Readonly<{ position: number }>> {
  const delivery = await findQuarantined(options.stream, id, options);
  if (delivery === null) throw nothingThere(id);
  if (delivery.resolved_position !== null) {
    throw new AlreadyClosed(`delivery ${id} was read at position ${delivery.resolved_position}`);
  }
  await recordAction(options, { action: "retry", target: id, actor });
  const { outcome, detail } = await retryQuarantined(delivery, options);
  return { delivery_id: id, outcome, detail, position: (await options.stream.head()).position };
}

const nothingThere = (id: string) =>
  new NothingThere(`no delivery "${id}" is in quarantine: \`quarantine list\` shows which are`);

type Acted = "OperatorActed" | "AnomalyAcknowledged";

/** Appends what somebody did, wherever the stream has got to. */
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
    // The same may be done again: the place tells the two apart.
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
