import { formatTime } from "@counterfoil/core/exact/time";
import { IMPOSSIBLE_TIME } from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  type Fields,
  type Sums,
  valueIn,
  valuesIn,
} from "@counterfoil/core/lifecycle/record-fields";
import {
  type AnomalyCause,
  type AnomalyContent,
  closeAnomaly,
  openAnomaly,
} from "../anomaly-rows.ts";
import type { Cluster } from "./clusters.ts";
import type { StageUpdate } from "./history.ts";
import type { Parts } from "./placement.ts";

/** A computed record: the cluster that holds its history, and all of its clusters. */
export type Computed = Readonly<{
  base: Cluster;
  members: readonly Cluster[];
  fields: Fields;
  sums: Sums;
  id: string;
  /** Its id before the event. */
  before: string | null;
  /** The name that other records have too. */
  conflict: Readonly<{ name: string; kind: string }> | null;
}>;

/**
 * The anomalies of records: those of entries of the history, and those of the record as a whole, such
 * as statements that contradict each other.
 */
export class RecordAnomalies {
  private readonly on: Parts;

  constructor(on: Parts) {
    this.on = on;
  }

  /** Updates the anomalies of a record: the changed ones, or all of them if its id changed. */
  async show(computed: Computed, { flags }: StageUpdate, cause: AnomalyCause): Promise<void> {
    const { base, id, before } = computed;
    const isRenamed = before !== null && before !== id;
    const shown = isRenamed ? await this.allFlags(base, flags) : flags;
    for (const flag of shown) await this.showFlag(base, id, flag, cause);
    await this.showContents(computed, cause);
  }

  /** Opens the anomalies that no entry of the history has, and closes those that ended. */
  private async showContents(computed: Computed, cause: AnomalyCause): Promise<void> {
    const { base } = computed;
    const contents = this.contentsOf(computed);
    for (const open of base.anomalies) {
      const isOpen = contents.some(({ id }) => id === open);
      if (!isOpen) await closeAnomaly(this.on.buffer, open, cause);
    }
    for (const content of contents) await openAnomaly(this.on.buffer, content, cause);
    const open = contents.map(({ id }) => id);
    if (open.length + base.anomalies.length > 0) base.anomalies = open;
  }

  private contentsOf(computed: Computed): readonly AnomalyContent[] {
    const { id: subject, conflict, fields, sums, members } = computed;
    const content = (kind: string, what: string, detail: AnomalyContent["detail"]) => ({
      ...{ id: `${kind}:${subject}${what}`, kind, subject },
      ...{ detail, essence: detail, at: null },
    });
    const stated = this.on.lifecycle.contradictionsIn?.(fields, sums) ?? [];
    const contradictions = stated.map((one) => content("contradiction", `:${one.field}`, one));
    const split = members.reduce((sum, member) => sum + member.split, 0);
    if (split > 0) {
      const sides = { field: "movement", movements: split };
      contradictions.push(content("contradiction", ":movement", sides));
    }
    const stated_at = valueIn(fields, IMPOSSIBLE_TIME);
    const clock = stated_at === null ? [] : [content("clock", "", { stated_at })];
    if (conflict === null) return [...contradictions, ...clock];
    const { name, kind } = conflict;
    const detail = { id: name, id_kind: kind, ...valuesIn(fields, "participant_code") };
    return [...contradictions, ...clock, content("id_conflict", "", detail)];
  }

  private async showFlag(base: Cluster, id: string, flag: string, cause: AnomalyCause) {
    const [kind, what] = splitFlag(flag);
    const row = await this.on.histories.firstFlagged(base, flag);
    if (row === null) return closeAnomaly(this.on.buffer, anomalyOf(id, flag), cause);
    const { word, source, occurred_at } = row;
    const [from, to] = what.split("->");
    const detail = {
      ...(kind === "illegal_step" ? { from, to } : {}),
      ...{ provider_status: word, source },
      occurred_at: typeof occurred_at === "bigint" ? formatTime(occurred_at) : null,
    };
    const content = { kind, subject: id, detail, essence: detail, at: BigInt(row.at ?? 0) };
    await openAnomaly(this.on.buffer, { id: anomalyOf(id, flag), ...content }, cause);
  }

  /** Closes all anomalies of a record that is removed. */
  async close(base: Cluster, id: string, { flags }: StageUpdate, cause: AnomalyCause) {
    const { buffer } = this.on;
    for (const flag of await this.allFlags(base, flags)) {
      await closeAnomaly(buffer, anomalyOf(id, flag), cause);
    }
    for (const open of base.anomalies) await closeAnomaly(buffer, open, cause);
    base.anomalies = [];
  }

  /** The flags of a history's rows, and those that they had. */
  private async allFlags(base: Cluster, had: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const flags = new Set(had);
    for await (const flag of this.on.histories.flagsOf(base)) flags.add(flag);
    return flags;
  }
}

function anomalyOf(id: string, flag: string): string {
  const [kind, what] = splitFlag(flag);
  return `${kind}:${id}:${what}`;
}

function splitFlag(flag: string): readonly [kind: string, what: string] {
  const at = flag.indexOf(":");
  return [flag.slice(0, at), flag.slice(at + 1)];
}
