import { changedAnomaly } from "../models/anomaly-rows.ts";
import { ANOMALY_CHANGES, ATTENTION } from "../models/columns.ts";
import type { Rows } from "../ports/model-store.ts";
import { isLastRows, type Row } from "../ports/table.ts";

/** An anomaly that was opened, or opened again: ids alone, never what a body held. */
export type OpenedAnomaly = Readonly<{
  anomaly_id: string;
  kind: string;
  subject: string;
  position: number;
}>;

/** What means that money may be missing, or that somebody says two things. */
const TOLD = /^(?:gap|contradiction|.+_conflict)$/;

const PAGE = { limit: 1000, bytesMax: 4 * 1024 * 1024 };

/** What such anomalies the events of a range have opened, and left open. */
export async function readOpened(
  rows: Rows,
  { after, upTo }: Readonly<{ after: number; upTo: number }>,
): Promise<readonly OpenedAnomaly[]> {
  const opened = new Map<string, OpenedAnomaly>();
  for (let beyond: readonly [number, string] = [after + 1, ""]; ; ) {
    const page: readonly Row[] = await rows.select(ANOMALY_CHANGES, {
      ...{ orderBy: ["position", "id"], beyond, ...PAGE },
    });
    for (const { position, id, row } of page) {
      if (Number(position) > upTo) break;
      const anomaly = typeof row === "string" ? changedAnomaly(row) : null;
      if (anomaly?.attention !== ATTENTION.open) opened.delete(String(id));
      else if (anomaly.is_new && TOLD.test(String(anomaly.kind))) {
        const { kind, subject } = anomaly;
        opened.set(String(id), {
          ...{ anomaly_id: String(id), kind: String(kind), subject: String(subject) },
          position: Number(position),
        });
      }
    }
    const last = page.at(-1);
    if (last === undefined || isLastRows(page, PAGE)) break;
    beyond = [Number(last.position), String(last.id)];
    if (beyond[0] > upTo) break;
  }
  return [...opened.values()];
}
