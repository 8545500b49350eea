import {
  type End,
  type Lifecycle,
  SHOWS,
  waitsIn,
  waitsSince,
} from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  type Fields,
  mergedFields,
  mergedSums,
  ownerOf,
  type Sums,
  valueIn,
  valuesIn,
} from "@counterfoil/core/lifecycle/record-fields";
import type { StageRules } from "@counterfoil/core/lifecycle/stages";
import type { Row } from "../../ports/model-store.ts";
import type { AnomalyCause } from "../anomaly-rows.ts";
import type { Cluster } from "./clusters.ts";
import { type Outline, placeOf } from "./history.ts";
import { PARTIAL } from "./joins.ts";
import type { Parts, Placement } from "./placement.ts";
import { type Computed, RecordAnomalies } from "./record-anomalies.ts";
import { KNOWN_STUCK, PARTIES, PARTY_CHANGES, RECORD_CHANGES, RECORDS, RELINKS } from "./tables.ts";

type Context = Parts & Readonly<{ placement: Placement }>;

/** Computes the records of clusters that an event changed. */
export class Records {
  private readonly on: Context;
  private readonly anomalies: RecordAnomalies;

  constructor(on: Context) {
    this.on = on;
    this.anomalies = new RecordAnomalies(on);
  }

  async refresh(changed: Iterable<Cluster>, cause: AnomalyCause): Promise<void> {
    const seen = new Set<Cluster>();
    const records: Computed[] = [];
    const gone: Cluster[] = [];
    for (const cluster of changed) {
      if (seen.has(cluster)) continue;
      const members = await this.on.clusters.membersWith(cluster);
      for (const member of members) seen.add(member);
      const computed = await this.compute(members);
      if (computed !== null) records.push(computed);
      for (const member of members) {
        if (member.record !== null && member !== computed?.base) gone.push(member);
      }
    }
    // Ids are released before other records take them.
    for (const cluster of gone) await this.releaseId(cluster, cause);
    for (const { base, id } of records) if (base.record !== id) await this.releaseId(base, cause);
    for (const computed of records) await this.put(computed, cause);
  }

  private async compute(members: readonly Cluster[]): Promise<Computed | null> {
    const alive = members.filter(({ facts }) => facts > 0);
    const base = await this.mergeHistories(members);
    const fields = mergedFields(alive.map((member) => member.fields));
    const sums = mergedSums(alive.map((member) => member.sums));
    await this.showEnds(alive, fields, sums);
    const id = await this.idOf(fields, alive);
    if (id !== null) return { base, members: alive, fields, sums, before: base.record, ...id };
    // The history is kept until the clusters have a record.
    await this.on.histories.updateStages(base);
    return null;
  }

  /** Merges the histories of a record's clusters in the cluster that `baseOf` selects. */
  private async mergeHistories(members: readonly Cluster[]): Promise<Cluster> {
    const { clusters, histories } = this.on;
    const base = baseOf(members);
    for (const member of members) {
      if (member.base === base.id) continue;
      await histories.move(member, await clusters.get(member.base), base);
      member.base = base.id;
    }
    return base;
  }

  /** Shows the end of a record at the facts that its sums say, and no longer at others. */
  private async showEnds(members: readonly Cluster[], fields: Fields, sums: Sums): Promise<void> {
    const { lifecycle, placement } = this.on;
    const awaiting = await this.awaitingIn(fields);
    const ends = Object.entries(lifecycle.endsOf?.(fields, sums, awaiting) ?? {});
    for (const member of members) {
      const wanted = new Map<string, End>();
      if (member.links.some(({ kind }) => kind === PARTIAL)) {
        const id = valueIn(member.fields, SHOWS.lastReversal);
        if (id !== null) wanted.set(id, { stage: null });
      }
      for (const [claim, end] of ends) {
        const id = valueIn(fields, claim);
        if (id !== null && valueIn(member.fields, claim) === id) wanted.set(id, end);
      }
      for (const id of new Set([...Object.keys(member.ends), ...wanted.keys()])) {
        const end = wanted.get(id);
        if (!isSame(member.ends[id], end)) await placement.setEnd(member, id, end);
      }
    }
  }

  /** The amount of the last confirmation, if its run is not reported yet. */
  private async awaitingIn(fields: Fields): Promise<string> {
    const { facts, movements } = this.on;
    const id = valueIn(fields, SHOWS.lastFreed);
    const side = id === null ? null : ((await facts.get(id))?.reading?.side ?? null);
    return side === null || (await movements.isComplete(side)) ? "0" : side.amount;
  }

  /**
   * The record's id: its best name that no other record has as a better kind of name. If others have
   * it as the same kind, its holder is appended. If no name qualifies, the best one with its kind.
   */
  private async idOf(fields: Fields, members: readonly Cluster[]) {
    const { ids } = this.on.lifecycle;
    let spare: string | null = null;
    for (const [rank, kind] of ids.entries()) {
      const name = valueIn(fields, `id:${kind}`);
      if (name === null) continue;
      spare ??= `${kind}:${name}`;
      const rows = await this.on.names.sharing(name, ids, SHARING_SEEN);
      const others = rows.filter((row) => !members.some(({ id }) => id === row.cluster));
      if (others.some((row) => ids.indexOf(String(row.kind)) < rank)) continue;
      if (!others.some((row) => row.kind === kind)) return { id: name, conflict: null };
      return { id: `${name}:${holderIn(fields)}`, conflict: { name, kind } };
    }
    return spare === null ? null : { id: spare, conflict: null };
  }

  private async put(computed: Computed, cause: AnomalyCause): Promise<void> {
    const { buffer, histories } = this.on;
    const { base, id } = computed;
    const stageUpdate = await histories.updateStages(base);
    await this.anomalies.show(computed, stageUpdate, cause);
    base.record = id;
    const outline = await histories.outline(base);
    const stored = await buffer.get(RECORDS, [id]);
    const row = recordRow(this.on.lifecycle, computed, outline, cause.position);
    const isSame = stored !== null && SHOWN.every((column) => stored[column] === row[column]);
    if (isSame && !stageUpdate.changed) return;
    if (stored !== null) this.noteRelink(computed, stored, row);
    const is_known = stored?.is_known ? await this.updateAcknowledged(stored, row) : null;
    buffer.put(RECORDS, { ...row, is_known }, stored);
    const parties = this.partiesIn(row);
    this.putParties(stored, row, parties);
    this.noteChange(cause.position, id, { row, parties });
  }

  private async remove(id: string, cause: AnomalyCause): Promise<void> {
    const row = await this.on.buffer.get(RECORDS, [id]);
    if (row === null) return;
    if (row.is_known) await this.updateAcknowledged(row, null);
    this.on.buffer.remove(RECORDS, row, row);
    this.putParties(row, null, NO_PARTIES);
    this.noteChange(cause.position, id, { row: null, parties: NO_PARTIES });
  }

  /**
   * Updates the acknowledgement of a stuck record with its row, and removes it once the stage changes
   * or what the record waited for has come.
   *
   * @returns the value of the record's column `is_known`
   */
  private async updateAcknowledged(stored: Row, row: Row | null): Promise<1 | null> {
    const { buffer } = this.on;
    const known = await buffer.get(KNOWN_STUCK, [stored.id ?? null]);
    if (known === null) return null;
    if (row === null || row.waits !== known.stage || row.waits_since !== known.waits_since) {
      buffer.remove(KNOWN_STUCK, known, known);
      return null;
    }
    buffer.put(KNOWN_STUCK, { ...known, position: row.position ?? null }, known);
    return 1;
  }

  private noteChange(position: number, id: string, { row, parties }: Shown): void {
    const { participant_code = null, account_group = null } = row ?? {};
    const change = { position, id, row: row && changeText(row), participant_code, account_group };
    this.on.buffer.put(RECORD_CHANGES, change, null);
    for (const party of parties) {
      this.on.buffer.put(PARTY_CHANGES, { party, position, id }, null);
    }
  }

  /** Replaces a record's rows by platform and party. */
  private putParties(stored: Row | null, row: Row | null, parties: ReadonlySet<string>): void {
    const { buffer } = this.on;
    const known = new Map(
      stored === null
        ? []
        : [...this.partiesIn(stored)].map((party) => [party, partyRow(stored, party)]),
    );
    for (const [party, was] of known) if (!parties.has(party)) buffer.remove(PARTIES, was, was);
    if (row === null) return;
    for (const party of parties)
      buffer.put(PARTIES, partyRow(row, party), known.get(party) ?? null);
  }

  private partiesIn(row: Row): ReadonlySet<string> {
    const { partiesOf } = this.on.lifecycle;
    return partiesOf === undefined ? NO_PARTIES : partiesOf(JSON.parse(String(row.state)));
  }

  /** Records in the history that the removal of a link moved the stage back. */
  private noteRelink({ base, members }: Computed, stored: Row, row: Row): void {
    const { lifecycle, clusters, buffer } = this.on;
    const isUnlinked = members.some((member) => clusters.isUnlinked(member));
    if (!isUnlinked || !isBack(lifecycle.rules, stored, row)) return;
    const { position = null, stage = null, updated_at: occurred_at = null } = row;
    const relink = { record: base.id, position, from: stored.stage ?? null, stage, occurred_at };
    buffer.put(RELINKS, relink, null);
  }

  /** Removes the record of a history under its current id, with its anomalies. */
  private async releaseId(base: Cluster, cause: AnomalyCause): Promise<void> {
    const { histories } = this.on;
    const { record: id } = base;
    if (id === null) return;
    await this.anomalies.close(base, id, await histories.updateStages(base), cause);
    await this.remove(id, cause);
    base.record = null;
  }
}

const isSame = (a: End | undefined, b: End | undefined): boolean =>
  a?.stage === b?.stage && a?.mode === b?.mode;

/** Whether a record is at an earlier stage than before, or at one to which no step leads. */
function isBack({ order, steps }: StageRules, stored: Row, row: Row): boolean {
  const [before, now] = [String(stored.stage), String(row.stage)];
  if (before === now) return false;
  return order.indexOf(now) < order.indexOf(before) || !steps[before]?.moves.includes(now);
}

/** The most rows read of one name; if there are more, the records are in conflict already. */
const SHARING_SEEN = 8;

/** The cluster that holds the record's history: one with a record, then the longest history. */
function baseOf(members: readonly Cluster[]): Cluster {
  const [base] = members.toSorted(
    (a, b) =>
      Number(b.record !== null) - Number(a.record !== null) ||
      b.length - a.length ||
      b.facts - a.facts ||
      a.id - b.id,
  );
  return base as Cluster;
}

/** The suffix that distinguishes records with the same id. */
function holderIn(fields: Fields): string {
  const { participant_code, ...coin } = valuesIn(fields, "participant_code", "asset", "network");
  const [, ...code] = ownerOf({ participant_code: "p", ...coin }).split("/");
  return `${participant_code ?? ""}:${code.map(decodeURIComponent).join(".")}`;
}

function recordRow(
  lifecycle: Lifecycle,
  computed: Computed,
  { first, last, entered }: Outline,
  position: number,
): Row {
  const { base, fields, sums, id } = computed;
  const shown = lifecycle.fieldsOf(fields, sums);
  const stage = (last.after ?? lifecycle.firstStage) as string | null;
  const waits = waitsIn(lifecycle, { stage, fields, sums });
  const state = {
    ...shown,
    stage,
    provider_status: (entered ?? last).word,
    ...(lifecycle.model === "trades" ? {} : { link: linkOf(computed) }),
    history_length: base.length,
  };
  return {
    id,
    stage,
    waits,
    waits_since:
      waits === null ? null : (waitsSince(lifecycle, waits, { last, entered })?.at ?? null),
    ...columnsOf(shown),
    opened_at: first.at ?? 0n,
    updated_at: last.at ?? 0n,
    entered_at: entered?.at ?? null,
    dated_at: JSON.stringify([first, last, entered].map((row) => textOf(row?.dated_at))),
    state: JSON.stringify(state),
    cluster: base.id,
    tail: JSON.stringify(placeOf(last).map(String)),
    position,
  };
}

const NO_PARTIES: ReadonlySet<string> = new Set();

/** The row of a record, null if it was removed, with its platform and parties. */
type Shown = Readonly<{ row: Row | null; parties: ReadonlySet<string> }>;

const partyRow = (record: Row, party: string): Row => ({ ...rowPart(record, OF_PARTY), party });

/** The columns that order and filter a party's lists. */
const OF_PARTY = ["id", "stage", "waits", "opened_at", "updated_at", "position"];

const rowPart = (row: Row, columns: readonly string[]): Row =>
  Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));

/** The columns that filter lists. */
const FILTERED = "provider asset participant_code beneficiary account_group account_label".split(
  " ",
);

function columnsOf(shown: object): Row {
  const fields: Readonly<Record<string, unknown>> = { ...shown };
  const textIn = (column: string) => (typeof fields[column] === "string" ? fields[column] : null);
  return Object.fromEntries(FILTERED.map((column) => [column, textIn(column)]));
}

/** How certain the weakest join of the record is. */
function linkOf({ fields, sums, members }: Computed): string {
  if (fields.confirmation !== undefined && fields.hold === undefined) return "unmatched";
  if (isUnexplainedReversal(fields, sums)) return "unmatched";
  const isInferred = members.some(({ links }) => links.some((link) => link.isInferred));
  return isInferred ? "inferred" : "stated";
}

/** Whether the record has a reversal but neither what it reverses nor a request that explains it. */
const isUnexplainedReversal = (fields: Fields, sums: Sums): boolean =>
  (sums.undone !== undefined && sums.booked === undefined) ||
  (sums.reversed !== undefined && sums.debited === undefined && fields["id:request"] === undefined);

/** The columns from which a record is shown. */
const SHOWN = [
  "state",
  "waits",
  "waits_since",
  "opened_at",
  "updated_at",
  "entered_at",
  "dated_at",
  "cluster",
  "tail",
];

/** Times are text: a JSON number cannot hold nanoseconds exactly. */
function changeText({ state, waits, waits_since, opened_at, updated_at, ...row }: Row): string {
  const [opened, updated] = [String(opened_at), String(updated_at)];
  const times = { opened_at: opened, updated_at: updated, entered_at: textOf(row.entered_at) };
  const waiting = { waits, waits_since: textOf(waits_since) };
  return JSON.stringify({ state, ...waiting, ...times, cluster: row.cluster, tail: row.tail });
}

const textOf = (time: unknown): string | null => (typeof time === "bigint" ? String(time) : null);
