import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { isLifecycle } from "@counterfoil/contracts/record";
import { isAccountOf } from "@counterfoil/core/account";
import type { Activation, Activations } from "../generations/activations.ts";
import { changedAnomaly } from "../models/anomaly-rows.ts";
import { RECORD_CHANGES } from "../models/lifecycle/tables.ts";
import type { Checkpoint, ModelCatalogue, Row, Rows } from "../ports/model-store.ts";
import { lastChange } from "../queries/moment.ts";
import { anomalyFor, isRecordAmong, recordFor } from "../queries/platform.ts";
import type { ServedModels } from "../queries/serving.ts";
import {
  type Change,
  type ChangeLimits,
  changeOf,
  is,
  readRows,
  type Source,
  sourcesOf,
} from "./change-rows.ts";
import type { ModelReset, ReadChange, RecordChange } from "./channel.ts";
import type { NextChanges, ReadPosition } from "./cursor.ts";

export type ReadChangesDeps = Readonly<{
  models: ServedModels;
  catalogue: Pick<ModelCatalogue, "generations">;
  activations: Activations;
  limits: ChangeLimits;
}>;

/** Changes, and the position up to which they are complete. */
type ChangesRead = Readonly<{
  changes: readonly ReadChange[];
  to: ReadPosition;
  resumePoint: ResumePoint | null;
}>;

/** Where to resume reading an event with more changes than one read, without counting from its first. */
export type ResumePoint = Readonly<{
  position: number;
  seen: number;
  model: ModelName;
  source: number;
  key: readonly (string | number)[];
}>;

/** Thrown when the changes of a model cannot be read. */
export class ModelUnread extends Error {
  override readonly name = "ModelUnread";
  readonly model: ModelName;

  constructor(model: ModelName, cause: unknown) {
    super(`changes of ${model} cannot be read just now`, { cause });
    this.model = model;
  }
}

/**
 * Reads the next changes in order: by position, then by model, table and id. The result ends at a
 * complete position, except that an event with more changes than the limit is returned in pieces.
 *
 * @param platforms whose views of the changes are added
 */
export async function readNext(
  deps: ReadChangesDeps,
  next: NextChanges,
  asked: Readonly<{ platforms: readonly string[]; resumePoint: ResumePoint | null }>,
): Promise<ChangesRead> {
  const { from, models } = next;
  const after = from.seen === null ? from.position : from.position - 1;
  let end = next.upTo;
  let cutAt: number | null = null;
  const found: Unnumbered[] = [];
  for (const model of models) {
    await readModel(deps, model, async (rows, { position }) => {
      // A model that is being rebuilt from the start does not have these changes yet.
      if (position < end) throw new Error(`it is at ${position}, and ${end} is asked for`);
      for (const source of sourcesOf(model)) {
        if (end <= after) return;
        const read = await readRows(rows, source, { after, upTo: end, limits: deps.limits });
        if (read.isCut) cutAt = read.upTo;
        end = read.isCut ? read.upTo - 1 : read.upTo;
        if (read.isCut) continue;
        for (const row of read.found) found.push(await viewOf(rows, { source, row }, asked));
      }
    });
  }
  if (cutAt !== null && end <= after) return readPiece(deps, { ...next, at: cutAt }, asked);
  for (const model of models) found.push(...(await resetsOf(deps, model, { after, upTo: end })));
  const changes = numbered(found.filter(({ position }) => position <= end));
  const isNew = ({ position, number }: ReadChange) =>
    from.seen === null || position > from.position || number > from.seen;
  return { changes: changes.filter(isNew), to: { position: end, seen: null }, resumePoint: null };
}

type Unnumbered = Omit<RecordChange, "number"> | Omit<ModelReset, "number">;

/** The changes are given model by model and table by table; the stable sort keeps that order within a position. */
function numbered(found: readonly Unnumbered[]): readonly ReadChange[] {
  let [position, number] = [0, 0];
  return found
    .toSorted((one, other) => one.position - other.position)
    .map((change) => {
      number = change.position === position ? number + 1 : 1;
      ({ position } = change);
      return { ...change, number };
    });
}

async function viewOf(
  rows: Rows,
  { source, row }: Readonly<{ source: Source; row: Row }>,
  { platforms }: Readonly<{ platforms: readonly string[] }>,
): Promise<Omit<RecordChange, "number">> {
  const change = await changeOf(rows, source, row);
  const byPlatform = new Map<string, string | null>();
  for (const platform of platforms) {
    const view = await changeFor(rows, change, { row, platform });
    if (view !== undefined) byPlatform.set(platform, view);
  }
  const { model, topic } = source;
  const { position, id, value } = change;
  return { kind: "record", model, topic, position, id, value, byPlatform };
}

/** Activations after which a model's records may differ from those sent before. */
async function resetsOf(
  { activations, catalogue }: ReadChangesDeps,
  model: ModelName,
  { after, upTo }: Readonly<{ after: number; upTo: number }>,
): Promise<readonly Omit<ModelReset, "number">[]> {
  const resets: Omit<ModelReset, "number">[] = [];
  for (const activation of activations.after(model, after)) {
    const { position, generation, modelVersion: version } = activation;
    if (position > upTo) break;
    const before = activations.liveAt(model, position - 1);
    const isDifferent =
      activation.isForced || (await versionOf(catalogue, model, before)) !== version;
    if (isDifferent) resets.push({ kind: "reset", model, position, generation, version });
  }
  return resets;
}

/** The stream does not hold the version of the first generation; the catalogue does while its rows exist. */
async function versionOf(
  catalogue: ReadChangesDeps["catalogue"],
  model: ModelName,
  { generation, modelVersion }: Activation,
): Promise<number | null> {
  if (modelVersion !== null) return modelVersion;
  const known = await catalogue.generations(model);
  return known.find((one) => one.generation === generation)?.modelVersion ?? null;
}

async function readModel(
  { models }: ReadChangesDeps,
  model: ModelName,
  read: (rows: Rows, checkpoint: Checkpoint) => Promise<void>,
): Promise<void> {
  try {
    await models.snapshot(model, read);
  } catch (error) {
    throw new ModelUnread(model, error);
  }
}

/** Reads the next changes of one event after those already seen, up to the limit. */
async function readPiece(
  deps: ReadChangesDeps,
  next: NextChanges & Readonly<{ at: number }>,
  asked: Readonly<{ platforms: readonly string[]; resumePoint: ResumePoint | null }>,
): Promise<ChangesRead> {
  const { at: position, from } = next;
  const seen = from.seen ?? 0;
  const { resumePoint } = asked;
  const start =
    resumePoint?.position === position && resumePoint.seen === seen ? resumePoint : null;
  const piece: Piece = { seen, number: start === null ? 0 : seen, changes: [], resumePoint: start };
  for (const model of next.models) {
    if (start !== null && MODELS.indexOf(model) < MODELS.indexOf(start.model)) continue;
    await readModel(deps, model, async (rows) => {
      for (const [at, source] of sourcesOf(model).entries()) {
        const isBefore = start?.model === model && at < start.source;
        if (!isBefore) await readTable(rows, piece, { source, at, position, start, deps, asked });
      }
    });
    if (piece.changes.length < deps.limits.count) continue;
    return {
      changes: piece.changes,
      to: { position, seen: piece.number },
      resumePoint: piece.resumePoint,
    };
  }
  return { changes: piece.changes, to: { position, seen: null }, resumePoint: null };
}

const MODELS: readonly ModelName[] = modelName.options;

type Piece = {
  readonly seen: number;
  number: number;
  changes: ReadChange[];
  resumePoint: ResumePoint | null;
};

/** Adds changes of one table until the piece is full. Changes already seen are only counted. */
async function readTable(
  rows: Rows,
  piece: Piece,
  of: Readonly<{
    source: Source;
    at: number;
    position: number;
    start: ResumePoint | null;
    deps: ReadChangesDeps;
    asked: Readonly<{ platforms: readonly string[] }>;
  }>,
): Promise<void> {
  const { source, at, position, start, asked } = of;
  const { limits } = of.deps;
  const { model } = source;
  let beyond = start?.model === model && start.source === at ? start.key : null;
  while (piece.changes.length < limits.count) {
    const page = await rows.select(source.changes, {
      where: [is("position", "=", position)],
      orderBy: source.changes.key,
      ...(beyond && { beyond }),
      limit: limits.count - piece.changes.length,
      bytesMax: limits.bytes,
    });
    if (page.length === 0) return;
    for (const row of page) {
      beyond = [position, String(row[source.id])];
      piece.number += 1;
      if (piece.number <= piece.seen) continue;
      piece.changes.push({ ...(await viewOf(rows, { source, row }, asked)), number: piece.number });
    }
    piece.resumePoint = { position, seen: piece.number, model, source: at, key: beyond ?? [] };
  }
}

/**
 * A change as a platform sees it.
 *
 * @returns the record without references to other platforms' records; null if it no longer belongs to
 *   the platform; undefined if it never did. A record that moves to another platform is a removal for
 *   the platform that it belonged to before the change.
 */
export async function changeFor(
  rows: Rows,
  { source, position, id, value }: Change,
  { row, platform }: Readonly<{ row: Row; platform: string }>,
): Promise<string | null | undefined> {
  const at = { position, platform };
  if (value !== null && (await belongsTo(rows, source, { row, ...at }))) {
    const view = viewFor(source, JSON.parse(value), platform);
    if (view !== null) return JSON.stringify(view);
  }
  // An account never changes its owner, which is part of its id.
  if (source.topic === "balances") return isAccountOfPlatform(id, platform) ? null : undefined;
  const before = await lastChange(rows, source.changes, [source.id, id], position - 1);
  const belonged = before !== null && (await belongsTo(rows, source, { row: before, ...at }));
  return belonged ? null : undefined;
}

function viewFor({ model, topic }: Source, record: object, platform: string): object | null {
  if (topic === "anomalies")
    return anomalyFor(record as Parameters<typeof anomalyFor>[0], platform);
  return isLifecycle(model) ? recordFor(record, model, platform) : record;
}

type ChangeAt = Readonly<{ row: Row; position: number; platform: string }>;

/** Whether the record or anomaly in a change row belongs to the platform. */
async function belongsTo(
  rows: Rows,
  { model, topic }: Source,
  { row, position, platform }: ChangeAt,
): Promise<boolean> {
  if (topic === "balances") return isAccountOfPlatform(String(row.account), platform);
  if (typeof row.row !== "string") return false;
  if (topic !== "anomalies") {
    return isLifecycle(model) && isRecordAmong(model, recordIn(row.row), platform);
  }
  const subject = String(changedAnomaly(row.row).subject);
  if (!isLifecycle(model)) return isAccountOfPlatform(subject, platform);
  const record = await lastChange(rows, RECORD_CHANGES, ["id", subject], position);
  return typeof record?.row === "string" && isRecordAmong(model, recordIn(record.row), platform);
}

/** The record in a change row, with its owner, which is stored in the record's state. */
function recordIn(changed: string): Row {
  const row = JSON.parse(changed) as Row;
  const { participant_code = null, account_group = null } = JSON.parse(String(row.state));
  return { ...row, participant_code, account_group };
}

/** A subject that is not an account belongs to no platform. */
const isAccountOfPlatform = (id: string, platform: string): boolean =>
  /^(?:zerohash|layer1):/.test(id) && isAccountOf(id, platform);
