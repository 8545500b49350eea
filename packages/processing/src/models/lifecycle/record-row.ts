import { timeOf } from "@counterfoil/core/exact/time";
import type { HistoryDraft, LifecycleDraft } from "@counterfoil/core/lifecycle/draft";
import { secondsInStage } from "@counterfoil/core/lifecycle/history";
import type { Row } from "../../ports/table.ts";

/** A link that was undone by a later fact took the record's stage back. */
export type Relink = Readonly<{
  position: number;
  from: string | null;
  stage: string | null;
  occurred_at: string | null;
}>;

/** What only this stream's order explains of a record, beside its state. */
export type RecordDetail = Readonly<{
  /** One for one with the state's history. */
  history: readonly Readonly<{ late: boolean; delivery_id: string | null; position: number }>[];
  relinks: readonly Relink[];
  legs: readonly string[];
  identifiers: readonly string[];
  anomalies: readonly string[];
}>;

type State = Readonly<Record<string, unknown>>;

export function recordRow(
  draft: LifecycleDraft<object>,
  {
    cluster,
    position,
    stored,
  }: Readonly<{ cluster: number; position: number; stored: Row | null }>,
): Row {
  const { id, history } = draft;
  const fields = draft.state as State;
  const seconds = secondsInStage(history);
  const shown = history.map(
    ({ stage, provider_status, occurred_at, effective_at, source, moves }, at) => ({
      stage,
      provider_status,
      occurred_at,
      effective_at,
      source,
      moves,
      seconds_in_stage: seconds[at] ?? null,
    }),
  );
  const entered = history.findLast(({ moves }) => moves)?.effective_at ?? null;
  const row = {
    id,
    provider: textIn(fields.provider),
    stage: textIn(fields.stage),
    asset: textIn(fields.asset),
    participant_code: textIn(fields.participant_code),
    account_group: textIn(fields.account_group),
    account_label: textIn(fields.account_label),
    opened_at: timeIn(fields.opened_at),
    updated_at: timeIn(fields.updated_at) ?? 0n,
    entered_at: timeIn(entered),
    state: JSON.stringify({ ...fields, history: shown }),
    detail: JSON.stringify(detailOf(draft, position, stored)),
    cluster,
    position,
  };
  return isSame(stored, row) ? { ...row, position: stored?.position ?? position } : row;
}

const textIn = (value: unknown): string | null => (typeof value === "string" ? value : null);
const timeIn = (value: unknown): bigint | null =>
  typeof value === "string" ? timeOf(value) : null;

function isSame(stored: Row | null, row: Row): boolean {
  return stored !== null && stored.state === row.state && stored.detail === row.detail;
}

function detailOf(
  draft: LifecycleDraft<object>,
  position: number,
  stored: Row | null,
): RecordDetail {
  const { history, legs, identifiers, anomalies, id } = draft;
  const before = stored && recordDetail(stored);
  return {
    history: history.map((entry, at) => ({
      late: isLate(history, at),
      delivery_id: entry.deliveryId,
      position: entry.position,
    })),
    relinks: [...(before?.relinks ?? []), ...relinkOf(draft, position, stored, before)],
    legs,
    identifiers,
    anomalies: anomalies.map(({ kind, what }) => `${kind}:${id}:${what}`),
  };
}

export const recordDetail = (row: Row): RecordDetail => JSON.parse(String(row.detail));

/** Something that stands after it was recorded before it. */
function isLate(history: readonly HistoryDraft[], at: number): boolean {
  const { position } = history[at] as HistoryDraft;
  return history.slice(at + 1).some((later) => later.position < position);
}

/** A record that lost a fact to another one, and whose stage is another now. */
function relinkOf(
  { state, legs }: LifecycleDraft<object>,
  position: number,
  stored: Row | null,
  before: RecordDetail | null,
): Relink[] {
  const { stage = null, updated_at = null } = state as State;
  if (stored === null || before === null || stored.stage === stage) return [];
  if (before.legs.every((leg) => legs.includes(leg))) return [];
  const from = stored.stage as string | null;
  return [{ position, from, stage: textIn(stage), occurred_at: textIn(updated_at) }];
}
