import { type DataOf, type FactType, PROVIDER_FACTS } from "@counterfoil/contracts/fact";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Nanos } from "../exact/time.ts";
import type { Hashing } from "../hashing.ts";
import { eventId } from "../identity.ts";
import { chainHash, type Head } from "./chain.ts";

/**
 * All schema steps since the first release, oldest first. To change a shape: add a step here,
 * change its zod schema in contracts/fact.ts, raise the version of each model that folds the type
 * (its rows hold what was read), and leave the fixtures of older versions unchanged.
 */
const GROWTH = schemaGrowth([]);

/** The data of a stored event is read through these, never parsed directly. */
export const { presentVersion, isTooNew, isPresent, readData } = GROWTH;

/**
 * The parsed data of an event. Stored data stays as it was written, since the chain hashes the
 * stored bytes; data in an older version is raised to the present one when it is read.
 */
export type Data = Readonly<Record<string, unknown>>;

/**
 * Raises the data of one type from one version to the next; a pure function.
 *
 * Amendments contain parts of a provider fact's data, so these parts are raised too, and the
 * amendments' own versions grow with them. `isWhole` is false for only a part of a fact, as in
 * `FactSeen`: nothing that was not stated may be added there. Identities do not change.
 */
export type SchemaStep = Readonly<{
  type: FactType;
  raise: (data: Data, isWhole: boolean) => Data;
}>;

type Stored = Pick<RecordedEvent, "type" | "schema_version" | "data"> & { position?: number };

interface SchemaGrowth {
  /** The version in which data of this type is written now; 1 for a type that never changed. */
  presentVersion(type: string): number;
  /** Whether a newer program wrote the event, so that this one cannot read it. */
  isTooNew(event: Stored): boolean;
  /** Whether the stored bytes are in the present version, so that reading changes nothing. */
  isPresent(event: Stored): boolean;
  /** The data of an event, parsed and raised to the present version. @throws SchemaTooNew */
  readData(event: Stored): Data;
}

/** An event on the stream was written by a newer program. */
export class SchemaTooNew extends Error {
  override readonly name = "SchemaTooNew";
}

/** @param steps oldest first; the first step of a type leads from version 1 to 2 */
export function schemaGrowth(steps: readonly SchemaStep[]): SchemaGrowth {
  const raises = raisesByType(steps);
  const presentVersion = (type: string): number => 1 + (raises.get(type)?.length ?? 0);

  function raised({ type, schema_version, data, position }: Stored): Data {
    const present = presentVersion(type);
    if (schema_version > present) {
      throw new SchemaTooNew(
        `${type}${position === undefined ? "" : ` at position ${position}`} has schema version ${schema_version}, and this program knows ${present} at most: a newer version has written it, run that one`,
      );
    }
    const later = raises.get(type)?.slice(schema_version - 1) ?? [];
    return later.reduce((found, raise) => raise(found), JSON.parse(data) as Data);
  }

  return {
    presentVersion,
    isTooNew: ({ type, schema_version }) => schema_version > presentVersion(type),
    isPresent: ({ type, schema_version }) => schema_version === presentVersion(type),
    readData: (event) =>
      event.schema_version === presentVersion(event.type)
        ? (JSON.parse(event.data) as Data)
        : raised(event),
  };
}

type Raise = (data: Data) => Data;

function raisesByType(steps: readonly SchemaStep[]): ReadonlyMap<string, readonly Raise[]> {
  const raises = new Map<string, Raise[]>();
  const add = (type: string, raise: Raise) => {
    raises.set(type, [...(raises.get(type) ?? []), raise]);
  };
  for (const step of steps) {
    add(step.type, (data) => step.raise(data, true));
    if (!AMENDABLE.has(step.type)) continue;
    for (const [amendment, part] of Object.entries(AMENDED_FIELDS)) {
      add(amendment, (data) => raisePart(data, part, step));
    }
  }
  return raises;
}

const AMENDABLE: ReadonlySet<string> = new Set(PROVIDER_FACTS);

/** The field of each amendment that contains data of the fact. */
const AMENDED_FIELDS = { FactSeen: "adds", FactContradicted: "contradicts", FactCorrected: "data" };

function raisePart(data: Data, part: string, { type, raise }: SchemaStep): Data {
  if (data.event_type !== type) return data;
  return { ...data, [part]: raise(data[part] as Data, part === AMENDED_FIELDS.FactCorrected) };
}

/** The head before an event; a foreign event has its times. */
export type Before = Head & Readonly<{ occurredAt: Nanos | null }>;

type ForeignContent = DataOf<"ForeignEvent"> & Readonly<{ ledger: string }>;

/**
 * An event that another client wrote into the ledger's stream. It cannot be removed, so every
 * reader seals it into the chain in the same way: each field follows from what the server stores.
 * `foreign-event.test.ts` has a vector.
 */
export function foreignEvent(
  before: Before,
  { ledger, event_id, event_type, sha256 }: ForeignContent,
  hashing: Hashing,
): RecordedEvent {
  const position = before.position + 1;
  const unhashed = {
    position,
    id: eventId(["ForeignEvent", ledger, String(position), sha256], hashing),
    type: "ForeignEvent",
    schema_version: 1,
    subject: "ledger",
    occurred_at: before.occurredAt,
    recorded_at: before.recordedAt,
    causation_id: null,
    correlation_id: null,
    data: JSON.stringify({ event_id, event_type, sha256 }),
  };
  return { ...unhashed, hash: chainHash(before.hash, unhashed, hashing) };
}
