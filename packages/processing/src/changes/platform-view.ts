import { isAccountOf } from "@counterfoil/core/account";
import { changedAnomaly } from "../models/anomaly-rows.ts";
import { RECORD_CHANGES } from "../models/lifecycle/tables.ts";
import type { Rows } from "../ports/model-store.ts";
import type { Row } from "../ports/table.ts";
import { lastChange } from "../queries/moment.ts";
import { anomalyFor, isRecordAmong, recordFor } from "../queries/platform.ts";
import { isLifecycle } from "../queries/stuck.ts";
import type { Change } from "./change-rows.ts";
import type { Source } from "./source.ts";

/**
 * A change as a platform sees it: the record without what it names outside, null where the platform
 * has it no more, undefined where it never had. What a record was before the change says whether it
 * was the platform's: one that goes over to another is gone for it, as one that was removed.
 */
export async function changeFor(
  rows: Rows,
  { source, position, id, value }: Change,
  { row, platform }: Readonly<{ row: Row; platform: string }>,
): Promise<string | null | undefined> {
  const at = { position, platform };
  if (value !== null && (await isIts(rows, source, { row, ...at }))) {
    const shown = shownTo(source, JSON.parse(value), platform);
    if (shown !== null) return JSON.stringify(shown);
  }
  // An account never changes hands: its id says whose it is.
  if (source.topic === "balances") return isItsAccount(id, platform) ? null : undefined;
  const before = await lastChange(rows, source.changes, [source.id, id], position - 1);
  const wasIts = before !== null && (await isIts(rows, source, { row: before, ...at }));
  return wasIts ? null : undefined;
}

function shownTo({ model, topic }: Source, record: object, platform: string): object | null {
  if (topic === "anomalies")
    return anomalyFor(record as Parameters<typeof anomalyFor>[0], platform);
  return isLifecycle(model) ? recordFor(record, model, platform) : record;
}

type ChangeAt = Readonly<{ row: Row; position: number; platform: string }>;

/** Whether what a change row holds is the platform's. */
async function isIts(
  rows: Rows,
  { model, topic }: Source,
  { row, position, platform }: ChangeAt,
): Promise<boolean> {
  if (topic === "balances") return isItsAccount(String(row.account), platform);
  if (typeof row.row !== "string") return false;
  if (topic !== "anomalies") {
    return isLifecycle(model) && isRecordAmong(model, recordIn(row.row), platform);
  }
  const subject = String(changedAnomaly(row.row).subject);
  if (!isLifecycle(model)) return isItsAccount(subject, platform);
  const record = await lastChange(rows, RECORD_CHANGES, ["id", subject], position);
  return typeof record?.row === "string" && isRecordAmong(model, recordIn(record.row), platform);
}

/** A change row holds whose it is in what the record shows. */
function recordIn(changed: string): Row {
  const row = JSON.parse(changed) as Row;
  const { participant_code = null, account_group = null } = JSON.parse(String(row.state));
  return { ...row, participant_code, account_group };
}

/** Subjects that are no accounts are the ledger's. */
const isItsAccount = (id: string, platform: string): boolean =>
  /^(?:zerohash|layer1):/.test(id) && isAccountOf(id, platform);
