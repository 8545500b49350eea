import { formatTime } from "@counterfoil/core/exact/time";
import { ownerOf } from "@counterfoil/core/lifecycle/owner";
import { type Fields, mergedFields, said } from "@counterfoil/core/lifecycle/record-fields";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { closeAnomaly, openAnomaly } from "../anomaly-rows.ts";
import type { Cluster, ClusterStore } from "./cluster-store.ts";
import { type Histories, type Outline, placeOf, type Walked } from "./history.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Names } from "./names.ts";
import { RECORD_CHANGES, RECORDS, RELINKS } from "./tables.ts";

export type Cause = Readonly<{ position: number; deliveryId: string | null }>;

/** Computes the records of clusters that an event changed. */
export interface Records {
  refresh(changed: readonly Cluster[], cause: Cause): Promise<void>;
}

type Context = Readonly<{
  lifecycle: Lifecycle;
  buffer: RowBuffer;
  clusters: ClusterStore;
  histories: Histories;
  names: Names;
  showConfirmations: (cluster: Cluster) => Promise<void>;
}>;

/** A record as it is to be: the cluster whose history it has, and all of its clusters. */
type Computed = Readonly<{
  base: Cluster;
  members: readonly Cluster[];
  fields: Fields;
  id: Id;
  /** What it was called. */
  before: string | null;
}>;

type Id = Readonly<{ id: string; conflict: Conflict | null }>;
/** Others are called the same. */
type Conflict = Readonly<{ name: string; kind: string }>;

export class RecordRows implements Records {
  private readonly lifecycle: Lifecycle;
  private readonly buffer: RowBuffer;
  private readonly clusters: ClusterStore;
  private readonly histories: Histories;
  private readonly names: Names;
  private readonly showConfirmations: Context["showConfirmations"];

  constructor({ lifecycle, buffer, clusters, histories, names, showConfirmations }: Context) {
    this.lifecycle = lifecycle;
    this.buffer = buffer;
    this.clusters = clusters;
    this.histories = histories;
    this.names = names;
    this.showConfirmations = showConfirmations;
  }

  async refresh(changed: readonly Cluster[], cause: Cause): Promise<void> {
    const seen = new Set<Cluster>();
    const records: Computed[] = [];
    const gone: Cluster[] = [];
    for (const cluster of changed) {
      if (seen.has(cluster)) continue;
      const members = await this.clusters.record(cluster);
      for (const member of members) seen.add(member);
      const computed = await this.compute(members);
      if (computed !== null) records.push(computed);
      for (const member of members) {
        if (member.record !== null && member !== computed?.base) gone.push(member);
      }
    }
    // Ids are given back before anybody takes them.
    for (const cluster of gone) {
      const { flags } = await this.histories.walk(cluster);
      await this.closeAnomalies(cluster, cluster.record ?? "", flags, cause);
      await this.remove(cluster.record ?? "", cause);
      cluster.record = null;
    }
    for (const { before, id } of records) {
      if (before !== null && before !== id.id) await this.remove(before, cause);
    }
    for (const computed of records) await this.put(computed, cause);
  }

  /** Of a record's clusters the one whose history has all words: the longest stays. */
  private baseOf(members: readonly Cluster[]): Cluster {
    const [base] = members.toSorted(
      (a, b) =>
        Number(b.record !== null) - Number(a.record !== null) ||
        b.length - a.length ||
        b.facts - a.facts ||
        a.id - b.id,
    );
    return base as Cluster;
  }

  private async gather(members: readonly Cluster[]): Promise<Cluster> {
    const base = this.baseOf(members);
    for (const member of members) {
      if (member.base === base.id) continue;
      await this.histories.move(member, await this.clusters.get(member.base), base);
      member.base = base.id;
    }
    const hasDebit = members.some(({ debits }) => debits.count > 0);
    for (const member of members) {
      if (member.isDebited === hasDebit) continue;
      member.isDebited = hasDebit;
      if (member.fields.confirmation !== undefined) await this.showConfirmations(member);
    }
    return base;
  }

  private async idOf(fields: Fields, members: readonly Cluster[]): Promise<Id | null> {
    let spare: string | null = null;
    for (const [rank, kind] of this.lifecycle.ids.entries()) {
      const name = said(fields, `id:${kind}`);
      if (name === null) continue;
      spare ??= `${kind}:${name}`;
      const rows = await this.names.sharing(name, this.lifecycle.ids, SHARING_SEEN);
      const others = rows.filter((row) => !members.some(({ id }) => id === row.cluster));
      const isBetter = (row: Row) => this.lifecycle.ids.indexOf(String(row.kind)) < rank;
      if (others.some(isBetter)) continue;
      if (!others.some((row) => row.kind === kind)) return { id: name, conflict: null };
      return { id: `${name}:${holderOf(fields)}`, conflict: { name, kind } };
    }
    return spare === null ? null : { id: spare, conflict: null };
  }

  private async compute(members: readonly Cluster[]): Promise<Computed | null> {
    const alive = members.filter(({ facts }) => facts > 0);
    const base = await this.gather(members);
    const fields = mergedFields(alive.map((member) => member.fields));
    // What takes back a deposit that nobody knows is no deposit.
    const isReversal = alive.every((member) => said(member.fields, "part") === "reversal");
    const id = alive.length === 0 || isReversal ? null : await this.idOf(fields, alive);
    if (id !== null) return { base, members: alive, fields, id, before: base.record };
    // Its history waits for a record.
    await this.histories.walk(base);
    return null;
  }

  private async remove(id: string, cause: Cause): Promise<void> {
    const row = await this.buffer.get(RECORDS, [id]);
    if (row === null) return;
    this.buffer.remove(RECORDS, row, row);
    this.noteChange(cause.position, id, null);
  }

  private noteChange(position: number, id: string, row: Row | null): void {
    const text = row && changeText(row);
    this.buffer.put(RECORD_CHANGES, { position, id, row: text }, null);
  }

  /** Shows, under its present id, what is wrong with a record. */
  private async showAnomalies(
    { base, id: { id, conflict }, before, fields }: Computed,
    walked: Walked,
    cause: Cause,
  ): Promise<void> {
    const isRenamed = before !== null && before !== id;
    if (isRenamed) await this.closeAnomalies(base, before, walked.flags, cause);
    const flags = new Set(walked.flags);
    if (isRenamed) for await (const flag of this.histories.flagsOf(base)) flags.add(flag);
    for (const flag of flags) await this.showFlag(base, { id, flag }, cause);
    const conflictId = `id_conflict:${id}`;
    if (conflict === null) return closeAnomaly(this.buffer, conflictId, cause);
    const { kind, name } = conflict;
    const detail = { id: name, id_kind: kind, participant_code: said(fields, "participant_code") };
    const content = { id: conflictId, kind: "id_conflict", subject: id, detail, essence: detail };
    await openAnomaly(this.buffer, { ...content, at: null }, cause);
  }

  private async showFlag(
    base: Cluster,
    { id, flag }: Readonly<{ id: string; flag: string }>,
    cause: Cause,
  ): Promise<void> {
    const [kind, what] = splitFlag(flag);
    const anomalyId = `${kind}:${id}:${what}`;
    const row = await this.histories.firstFlagged(base, flag);
    if (row === null) return closeAnomaly(this.buffer, anomalyId, cause);
    const { word, source, occurred_at } = row;
    const [from, to] = what.split("->");
    const step = kind === "illegal_step" ? { from, to } : {};
    const at = BigInt(row.at ?? 0);
    const occurred = typeof occurred_at === "bigint" ? formatTime(occurred_at) : null;
    const detail = { ...step, provider_status: word, source, occurred_at: occurred };
    const content = { id: anomalyId, kind, subject: id, detail, essence: detail, at };
    await openAnomaly(this.buffer, content, cause);
  }

  private async closeAnomalies(
    base: Cluster,
    id: string,
    gone: ReadonlySet<string>,
    cause: Cause,
  ): Promise<void> {
    const flags = new Set(gone);
    for await (const flag of this.histories.flagsOf(base)) flags.add(flag);
    for (const flag of flags) {
      const [kind, what] = splitFlag(flag);
      await closeAnomaly(this.buffer, `${kind}:${id}:${what}`, cause);
    }
    await closeAnomaly(this.buffer, `id_conflict:${id}`, cause);
  }

  /** A link that was undone took the stage back: the history says so. */
  private noteRelink({ base, members }: Computed, [stored, row]: readonly [Row, Row]): void {
    const rank = ({ stage }: Row) => this.lifecycle.rules.order.indexOf(String(stage));
    if (rank(row) >= rank(stored) || !members.some(this.clusters.isUnlinked)) return;
    const { position = null, stage = null, updated_at: occurred_at = null } = row;
    const relink = { record: base.id, position, from: stored.stage ?? null, stage, occurred_at };
    this.buffer.put(RELINKS, relink, null);
  }

  private async put(computed: Computed, cause: Cause): Promise<void> {
    const { base, id } = computed;
    const walked = await this.histories.walk(base);
    await this.showAnomalies(computed, walked, cause);
    const outline = await this.histories.outline(base);
    const stored = await this.buffer.get(RECORDS, [id.id]);
    const row = recordRow(this.lifecycle, computed, outline, cause.position);
    base.record = id.id;
    if (stored !== null && !walked.changed && isSame(stored, row)) return;
    if (stored !== null) this.noteRelink(computed, [stored, row]);
    this.buffer.put(RECORDS, row, stored);
    this.noteChange(cause.position, id.id, row);
  }
}

/** More than two are in conflict with one another already. */
const SHARING_SEEN = 8;

function splitFlag(flag: string): readonly [kind: string, what: string] {
  const at = flag.indexOf(":");
  return [flag.slice(0, at), flag.slice(at + 1)];
}

/** What tells records of one id apart. */
function holderOf(fields: Fields): string {
  const [participant, asset, network] = ["participant_code", "asset", "network"].map((field) =>
    said(fields, field),
  );
  const [, ...code] = ownerOf({ participant: "p", asset, network }).split("/");
  return `${participant ?? ""}:${code.map(decodeURIComponent).join(".")}`;
}

function recordRow(
  lifecycle: Lifecycle,
  { base, members, fields, id: { id } }: Computed,
  { first, last, entered }: Outline,
  position: number,
): Row {
  const movements = [...new Set(members.flatMap((member) => member.movements))].sort();
  const debits = members.flatMap(({ debits: { count, amount } }) => (count > 0 ? [amount] : []));
  const shown = lifecycle.fieldsOf(fields, movements.slice(0, 100), debits);
  const stage = (last.after ?? lifecycle.firstStage) as string | null;
  const [opened, updated] = [BigInt(first.at ?? 0), BigInt(last.at ?? 0)];
  const state = {
    ...shown,
    stage,
    provider_status: (entered ?? last).word,
    ...(lifecycle.model === "trades" ? {} : { link: linkOf(fields, members) }),
    history_length: base.length,
  };
  return {
    id,
    stage,
    ...columnsOf(shown),
    opened_at: opened,
    updated_at: updated,
    entered_at: entered === null ? null : BigInt(entered.at ?? 0),
    dated_at: JSON.stringify([first, last, entered].map(statedAt)),
    state: JSON.stringify(state),
    cluster: base.id,
    tail: JSON.stringify(placeOf(last).map(String)),
    position,
  };
}

/** What lists are filtered by. */
function columnsOf(shown: object) {
  const fields = shown as Readonly<Record<string, unknown>>;
  const text = (field: string) => (typeof fields[field] === "string" ? fields[field] : null);
  return {
    provider: text("provider"),
    asset: text("asset"),
    participant_code: text("participant_code"),
    beneficiary: text("beneficiary"),
    account_group: text("account_group"),
    account_label: text("account_label"),
  };
}

/** The weakest join of the record. */
function linkOf(fields: Fields, members: readonly Cluster[]): string {
  if (fields.confirmation !== undefined && fields.hold === undefined) return "unmatched";
  const isInferred = members.some(({ links }) => links.some((link) => link.isInferred));
  return isInferred ? "inferred" : "stated";
}

const isSame = (stored: Row, row: Row): boolean =>
  SHOWN.every((column) => stored[column] === row[column]);

/** Of a row, what a record is shown from. */
const SHOWN = ["state", "opened_at", "updated_at", "entered_at", "dated_at", "cluster", "tail"];

function changeText({ state, opened_at, updated_at, cluster, tail }: Row): string {
  const [opened, updated] = [String(opened_at), String(updated_at)];
  return JSON.stringify({ state, opened_at: opened, updated_at: updated, cluster, tail });
}

const statedAt = (row: Row | null): string | null =>
  typeof row?.dated_at === "bigint" ? String(row.dated_at) : null;
