import { z } from "zod";
import { deliveryRecord } from "../delivery-record.ts";
import { FACTS, type FactType } from "../fact.ts";
import { problemDocument } from "../http.ts";
import { factHeaders, stateHeaders } from "../kafka.ts";
import {
  anomalyRecord,
  balanceRecord,
  depositRecord,
  entryRecord,
  eventRecord,
  quarantinedRecord,
  rebuildProgress,
  runRecord,
  statusRecord,
  tradeRecord,
  withdrawalRecord,
} from "../record.ts";
import { FACT_DESCRIPTIONS } from "./fact-description.ts";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.ts";

const RECORDS: Readonly<Record<string, z.ZodType>> = {
  anomaly: anomalyRecord,
  balance: balanceRecord,
  delivery: deliveryRecord,
  deposit: depositRecord,
  entry: entryRecord,
  event: eventRecord,
  problem: problemDocument,
  "quarantined-delivery": quarantinedRecord,
  "rebuild-progress": rebuildProgress,
  run: runRecord,
  status: statusRecord,
  trade: tradeRecord,
  withdrawal: withdrawalRecord,
};

const HEADERS: Readonly<Record<string, z.ZodType>> = {
  "fact-headers": factHeaders,
  "state-headers": stateHeaders,
};

export const FACT_TYPES = Object.keys(FACTS) as readonly FactType[];

/**
 * An event of one type: the record of every event, and what `data` is in this one. It gets no id,
 * which zod would keep for the whole process: other documents would hold it then.
 */
export function factSchema(type: FactType): JsonSchema {
  const data = FACTS[type] as z.ZodType;
  const schema = jsonSchemaOf(eventRecord.extend({ type: z.literal(type), data }));
  return { title: type, description: FACT_DESCRIPTIONS[type], ...schema };
}

/**
 * One JSON Schema of 2020-12 a fact, a record and a set of headers, by path. Each stands by itself.
 */
export function schemaDocuments(): ReadonlyMap<string, JsonSchema> {
  return new Map([
    ...FACT_TYPES.map((type) => document(`facts/${type}`, factSchema(type))),
    ...Object.entries(RECORDS).map(([name, record]) =>
      document(`records/${name}`, jsonSchemaOf(record)),
    ),
    ...Object.entries(HEADERS).map(([name, headers]) =>
      document(`headers/${name}`, jsonSchemaOf(headers)),
    ),
  ]);
}

function document(name: string, schema: JsonSchema): readonly [string, JsonSchema] {
  const $id = `urn:counterfoil:schema:v1:${name.replace("/", ":")}`;
  return [`${name}.schema.json`, { $id, ...schema }];
}
