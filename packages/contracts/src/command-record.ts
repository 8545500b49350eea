import { z } from "zod";
import { consistencyProof, explanation, inclusionProof, treeHead } from "./audit.ts";
import { modelName } from "./fact.ts";
import { searchAnswer } from "./http.ts";
import {
  acknowledgement,
  anomalyRecord,
  attention,
  quarantinedRecord,
  retryRecord,
  statusRecord,
} from "./operations-record.ts";
import { balanceRecord, totalRecord } from "./record.ts";
import { amount, growing, instant, json, position, sha256, uuid } from "./scalar.ts";
import { ForeignEvent, HeadKeyRotated, keyRole } from "./service-fact.ts";

// What commands print for programs: with `--json`, or always where they print nothing else.

const text = z.string().nullable();
const count = z.int().nonnegative();
const generation = z.int().positive();

const digests = z.object({
  digest: sha256.meta({ description: "Equal on one engine, by one version of the program" }),
  state_digest: sha256.meta({ description: "Equal on every engine" }),
});

/** How far a generation of a model has come, and the digests of its rows there. */
const checkpointRecord = digests.extend({
  position,
  hash: z.string().meta({ description: "Of the event at the position; empty at position 0" }),
});

const STORED =
  "The columns as they are stored; integers that JSON has not as text, times in nanoseconds";
const storedRow = z.record(z.string(), json).nullable();

const rowDifference = z.object({
  table: z.string(),
  key: z.array(z.string()),
  live: storedRow.meta({ description: `${STORED}; null: the live generation has no such row` }),
  rebuilt: storedRow.meta({ description: `${STORED}; null: the new generation has no such row` }),
  columns: z.array(z.string()).meta({ description: "Those that differ" }),
});

/** The outcome of building a model again. */
export const rebuildRecord = z.object({
  model: modelName,
  outcome: growing(["activated", "refused", "aborted"]),
  generation,
  rebuilt: checkpointRecord.meta({ description: "The new generation, when it was compared" }),
  live: checkpointRecord
    .nullable()
    .meta({ description: "The live generation; null: there was none to compare with" }),
  differences: z.array(rowDifference).meta({ description: "The first rows that differ" }),
  versions: z
    .object({
      position,
      counts: z.record(z.string(), count.nullable()).meta({
        description: "Differing rows by table; null: the old version lays it out otherwise",
      }),
      samples: z.array(rowDifference),
    })
    .nullable()
    .meta({ description: "How it differs from a live generation of another model version" }),
  duration_ms: count,
});
export type RebuildRecord = z.infer<typeof rebuildRecord>;

const retranslation = z.object({
  deliveries: count,
  appended: z.record(z.string(), count).meta({ description: "Events appended, by type" }),
  bodies_gone: count.meta({ description: "Erased bodies: their facts stay as they are" }),
  unreadable: z.array(uuid).meta({
    description: "Deliveries that an older translation could read and this one cannot",
  }),
  rebuilds: z.array(rebuildRecord),
});

/** A defect that a verification found. */
const findingRecord = z.object({
  position: position.nullable().meta({ description: "null: it is of no single event" }),
  what: growing([
    ...(["unreadable", "position", "recorded_at", "hash", "type", "data", "id"] as const),
    ...(["amendment", "body_missing", "body_digest", "body_left", "checkpoint"] as const),
    ...(["digest", "stopped", "row", "index", "head", "expected", "equivocation"] as const),
    ...(["certificate", "engine"] as const),
  ]),
  detail: z.string(),
});
export type FindingRecord = z.infer<typeof findingRecord>;

const verification = z.object({
  events: count.meta({ description: "Events that were checked" }),
  bodies: count.meta({ description: "Bodies that are stored, each once" }),
  head: z.object({
    position,
    hash: sha256,
    recorded_at: instant.nullable().meta({ description: "null before the first event" }),
  }),
  root: sha256.nullable().meta({
    description: "Of the RFC 6962 tree; null: not read from its beginning to its end",
  }),
  findings: z.array(findingRecord).meta({ description: "Of the stream, then of the models" }),
  unverified: z
    .object({ from: position, to: position })
    .nullable()
    .meta({ description: "What was not checked, and may have more findings; null: nothing" }),
  foreign: z
    .array(ForeignEvent.extend({ position }))
    .meta({ description: "The first events of other clients; no defect" }),
  not_compared: z
    .array(z.string())
    .meta({ description: "What was not compared, and why: models of a certificate, or live ones" }),
  open: z
    .array(z.object({ what: growing(["gap", "quarantined"]), ...attention }))
    .meta({ description: "What is missing or could not be read; no defect" }),
  models: z.array(
    z.object({
      model: modelName,
      generation: count,
      live: checkpointRecord.nullable().meta({ description: "null: it cannot be read" }),
      refolded: checkpointRecord
        .nullable()
        .meta({ description: "The model projected again; null: not asked for, or not comparable" }),
      findings: z.array(findingRecord),
    }),
  ),
});

const replay = z.object({
  position,
  time: instant.meta({ description: "When the event at the position was recorded" }),
  code_version: z.string(),
  digests: z.record(z.string(), digests).meta({ description: "By model" }),
  account: balanceRecord.optional().meta({ description: "With `--account`" }),
});

/** As over HTTP at both points; null where there was no such record. */
const recordAtPoint = z.record(z.string(), json).nullable();
const recordDifference = z.object({
  model: modelName,
  id: z.string(),
  before: recordAtPoint,
  after: recordAtPoint,
  facts: z.array(uuid).meta({ description: "The events that changed it in between" }),
});

const keyShown = {
  id: z.string(),
  prefix: z.string(),
  role: keyRole,
  platform: text,
  name: text,
  expires_at: instant.nullable(),
};
const newKey = z.object({
  ...keyShown,
  secret: z.string().meta({ description: "Shown this once, and stored nowhere" }),
});
const keyRecord = z.object({
  ...keyShown,
  state: growing(["active", "expired", "revoked", "lost"]),
  created_at: instant,
  created_by: z.string(),
  revoked_at: instant.nullable(),
});

const erasable = z.object({
  delivery_id: uuid,
  position,
  sha256,
  length: count,
  others: z
    .array(z.string())
    .nullable()
    .meta({ description: "Other participants in the bytes; null: they cannot be read" }),
  is_needed: z.boolean().meta({ description: "Not all of its facts are recorded yet" }),
});

const erasing = z.object({
  target: z.string(),
  listed: z.object({
    deliveries: count,
    shared: count.meta({ description: "Those that name others too, or cannot be read" }),
    needed: count.meta({ description: "Those with facts that are not recorded yet" }),
    first: z.array(erasable),
  }),
  done: z
    .object({
      erased: count,
      kept: count,
      out_of_reach: z.array(z.object({ where: z.string(), until: z.string() })),
    })
    .nullable()
    .meta({ description: "null without `--yes`" }),
});

const simulation = z.object({
  acknowledged: count,
  refused: count,
  attempts: count,
  statuses: z.record(z.string(), count).meta({ description: "How often each was answered" }),
  failure: text,
  refusal: z
    .object({ status: z.int(), code: text, title: z.string(), detail: text })
    .nullable()
    .meta({ description: "The answer that ended it before its end" }),
  frames: count,
  duration_ms: count,
});

/** By command. `simulate` stands for every flow. */
export const COMMAND_RECORDS = {
  status: statusRecord,
  totals: z.object({ position, data: z.array(totalRecord) }),
  search: searchAnswer,
  explain: explanation,
  "anomalies list": z.array(anomalyRecord),
  "anomalies acknowledge": acknowledgement.extend({ position }),
  verify: verification,
  replay,
  "replay --diff": z.object({ data: z.array(recordDifference) }),
  head: treeHead,
  "head rotate": HeadKeyRotated.pick({ old_key: true, new_key: true }),
  "proof inclusion": inclusionProof,
  "proof consistency": consistencyProof,
  prove: z.object({
    file: z.string(),
    account: z.string(),
    balance: amount.nullable(),
    position,
    key_id: sha256,
  }),
  rebuild: z.array(rebuildRecord),
  rollback: rebuildRecord.pick({ model: true, generation: true, rebuilt: true, duration_ms: true }),
  retranslate: retranslation,
  "quarantine list": z.array(quarantinedRecord),
  "quarantine retry": z.array(retryRecord),
  "quarantine dismiss": quarantinedRecord,
  "keys create": newKey,
  "keys list": z.array(keyRecord),
  "keys revoke": keyRecord,
  "keys rotate": newKey,
  export: z.object({
    file: z.string(),
    format: growing(["jsonl", "csv", "parquet"]),
    from: position,
    to: position,
    account: text,
    events: count,
  }),
  import: z.object({
    position,
    hash: sha256,
    bodies: count,
    resumed_at: position.meta({ description: "Behind it an earlier import went on; 0: none" }),
  }),
  erase: erasing,
  "simulate list": z.array(z.object({ name: z.string(), title: z.string(), messages: count })),
  simulate: simulation,
} as const;

export type CommandName = keyof typeof COMMAND_RECORDS;
/** What a command prints. */
export type CommandRecord<Name extends CommandName> = z.infer<(typeof COMMAND_RECORDS)[Name]>;
/** An item of the list that a command prints. */
export type CommandItem<Name extends CommandName> =
  CommandRecord<Name> extends readonly (infer Item)[] ? Item : never;
