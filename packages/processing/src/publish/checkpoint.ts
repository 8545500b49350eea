import type { ModelName } from "@counterfoil/contracts/fact";
import { MODEL_NAMES } from "../models/registry.ts";
import { FormatTooNew, LedgerMismatch } from "../ports/errors.ts";

/** How far a ledger has been published; it lies among what was published, in the same transaction. */
export type PublisherCheckpoint = Readonly<{
  ledger: string;
  /** 0 before the first event. */
  position: number;
  /** The hash of the event there; "" at position 0. */
  hash: string;
  models: Readonly<Record<ModelName, PublishedModel>>;
}>;

/** Which rows of a model the published records are those of. */
export type PublishedModel = Readonly<{
  generation: number;
  /** Of the model; null while none of its rows was looked at. */
  version: number | null;
  /**
   * A subject of the model was left out from this position on, and its changes are to be published
   * once it has been folded; null where nothing was left out.
   */
  mendFrom: number | null;
}>;

/** The lay-out of the checkpoint's text. */
const FORMAT = 1;

/** Nothing is published; generation 1 of every model is live without a word. */
export function firstCheckpoint(ledger: string): PublisherCheckpoint {
  const first: PublishedModel = { generation: 1, version: null, mendFrom: null };
  const models = Object.fromEntries(MODEL_NAMES.map((model) => [model, first]));
  return { ledger, position: 0, hash: "", models: models as PublisherCheckpoint["models"] };
}

/** The checkpoint with something else said of one model. */
export function withModel(
  checkpoint: PublisherCheckpoint,
  model: ModelName,
  changed: Partial<PublishedModel>,
): PublisherCheckpoint {
  const now = { ...checkpoint.models[model], ...changed };
  return { ...checkpoint, models: { ...checkpoint.models, [model]: now } };
}

export function formatCheckpoint(checkpoint: PublisherCheckpoint): string {
  return JSON.stringify({ format: FORMAT, ...checkpoint });
}

/**
 * @param text null where nobody has published yet.
 * @throws FormatTooNew, LedgerMismatch where the topics are not this program's or this ledger's.
 */
export function parseCheckpoint(text: string | null, ledger: string): PublisherCheckpoint {
  if (text === null) return firstCheckpoint(ledger);
  const { format, ...found } = JSON.parse(text) as PublisherCheckpoint & { format: number };
  if (format > FORMAT) {
    throw new FormatTooNew(
      `the publisher's checkpoint has format ${format}, and this program knows none above ${FORMAT}: run the newer program that wrote it`,
    );
  }
  if (found.ledger !== ledger) {
    throw new LedgerMismatch(
      `the topics hold ledger "${found.ledger}", expected "${ledger}": give each ledger a topic prefix of its own`,
    );
  }
  // A model that came with a later program has not been published yet.
  return { ...found, models: { ...firstCheckpoint(ledger).models, ...found.models } };
}
