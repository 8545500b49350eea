import type { DataOf, ProviderFactType } from "@counterfoil/contracts/fact";
import { statedTime } from "@counterfoil/core/balances/effective-time";
import { timeOf } from "@counterfoil/core/exact/time";
import type { FactReading, MovementSide, Name } from "@counterfoil/core/lifecycle/fact-reading";
import { known, type LifecycleFact, ownTime } from "@counterfoil/core/lifecycle/lifecycle-fact";
import {
  fieldsLost,
  type Saying,
  withoutFields,
  withSayings,
} from "@counterfoil/core/lifecycle/record-fields";
import type { HistoryEntry } from "@counterfoil/core/lifecycle/stage-history";
import type { Row } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { factStateFrom, factStateText } from "../fact-state-text.ts";
import type { Cluster, ClusterStore } from "./cluster-store.ts";
import { type Histories, placeTie, type Word } from "./history.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { createMovements, type Movements } from "./movements.ts";
import { createNames, type NameChanges, type Names } from "./names.ts";
import { LIFECYCLE_FACTS, MENTIONS, SLOTS } from "./tables.ts";

/** The facts of a lifecycle, each in the cluster that its names say. */
export interface LifecycleFacts {
  get(id: string): Promise<LifecycleFact | null>;
  /** A fact as it counts now, new or changed. */
  put(fact: LifecycleFact): Promise<void>;
  /** What waits for all facts of the event: lost fields, mentions, pairs within runs. */
  finish(): Promise<void>;
  /** A record has a debit, or none any more. */
  showConfirmations(cluster: Cluster): Promise<void>;
  readonly names: Names;
}

type Context = Readonly<{
  lifecycle: Lifecycle;
  buffer: RowBuffer;
  clusters: ClusterStore;
  histories: Histories;
  tieOf: (text: string) => string;
}>;

/** A fact in its place. */
type Placed = Readonly<{ fact: LifecycleFact; at: bigint; cluster: number }>;

/** Movements of its way that a record lists. */
const MOVEMENTS_SHOWN = 100;
/** It belongs to no record. */
const NOWHERE = 0;
const PAGE = 200;

export function createLifecycleFacts(context: Context): LifecycleFacts {
  const { lifecycle, buffer, clusters, histories, tieOf } = context;
  const names = createNames(buffer);
  const movements: Movements = createMovements({ ...context, redate });
  /** Fields to look for again, by cluster: the order of what was lost. */
  const lost = new Map<number, Map<string, string>>();
  const mentioned = new Map<string, Name>();
  const unsettled = new Set<number>();

  const read = (fact: LifecycleFact, at: bigint): FactReading | null =>
    fact.state.withdrawn || !lifecycle.isKept(fact.type, fact.state.data)
      ? null
      : lifecycle.read(known(fact, tieOf(fact.id), at));

  async function placed(id: string): Promise<Placed | null> {
    const row = await buffer.get(LIFECYCLE_FACTS, [id]);
    return row && placedIn(row);
  }

  async function store({ fact, at, cluster }: Placed): Promise<void> {
    const { id, type, state } = fact;
    const stored = await buffer.get(LIFECYCLE_FACTS, [id]);
    buffer.put(LIFECYCLE_FACTS, { id, cluster, at, type, state: factStateText(state) }, stored);
  }

  async function* factsOf(cluster: number): AsyncGenerator<Placed> {
    for (let beyond: readonly (string | number)[] = [cluster, "", ""]; ; ) {
      const rows: readonly Row[] = await buffer.select(LIFECYCLE_FACTS, {
        where: [{ column: "cluster", is: "=", value: cluster }],
        orderBy: ["cluster", "type", "id"],
        beyond,
        limit: PAGE,
      });
      for (const row of rows) yield placedIn(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      beyond = [cluster, String(last.type), String(last.id)];
    }
  }

  /** Adds what a fact says to a cluster. */
  async function place(fact: LifecycleFact, at: bigint, cluster: Cluster): Promise<void> {
    const reading = read(fact, at);
    if (reading === null) return;
    await store({ fact, at, cluster: cluster.id });
    cluster.facts += 1;
    cluster.fields = withSayings(cluster.fields, reading.sayings);
    noteFound(cluster, reading.sayings);
    noteMovement(cluster, reading.movementId);
    await names.countAliases(reading, cluster.id, 1);
    await addEntries(fact, reading, cluster, at);
    if (reading.side !== null) await movements.putSide(fact, reading.side, { cluster, at });
    clusters.touch(cluster);
  }

  async function displace({ fact, at, cluster: id }: Placed): Promise<void> {
    const reading = read(fact, at);
    if (reading === null) return;
    const cluster = await clusters.get(id);
    cluster.facts -= 1;
    loseFields(cluster, reading.sayings);
    await names.countAliases(reading, id, -1);
    await removeEntries(fact, reading, cluster, at);
    if (reading.side !== null) await movements.removeSide(reading.side);
    clusters.touch(cluster);
  }

  function loseFields(cluster: Cluster, sayings: readonly Saying[]): void {
    const fields = fieldsLost(cluster.fields, sayings);
    const orders = lost.get(cluster.id) ?? new Map<string, string>();
    for (const field of fields) orders.set(field, cluster.fields[field]?.[0] ?? "");
    lost.set(cluster.id, orders);
    cluster.fields = withoutFields(cluster.fields, fields);
  }

  /** Nobody else can say it better than what was lost said it. */
  function noteFound(cluster: Cluster, sayings: readonly Saying[]): void {
    const orders = lost.get(cluster.id);
    for (const { field, order } of sayings) {
      if (order <= (orders?.get(field) ?? "")) orders?.delete(field);
    }
  }

  function noteMovement(cluster: Cluster, id: string | null): void {
    if (id === null || cluster.movements.includes(id)) return;
    cluster.movements = [...cluster.movements, id].sort().slice(0, MOVEMENTS_SHOWN);
  }

  async function forgetMovement(cluster: Cluster, { movementId, owner }: FactReading) {
    if (movementId === null) return;
    const name = { kind: "movement", name: `movement:${movementId}` };
    if (await names.isSaid(name, owner)) return;
    const isFull = cluster.movements.length === MOVEMENTS_SHOWN;
    cluster.movements = cluster.movements.filter((other) => other !== movementId);
    if (isFull)
      lost
        .set(cluster.id, lost.get(cluster.id) ?? new Map())
        .get(cluster.id)
        ?.set("", "");
  }

  const wordOf = (
    { state, id }: LifecycleFact,
    {
      at,
      seq,
      cluster,
      entry,
    }: Readonly<{ at: bigint; seq: number; cluster: number; entry: HistoryEntry }>,
  ): Word => ({
    ...{ at, tie: placeTie(entry.word, tieOf(id)), seq, cluster },
    ...{ stage: entry.stage, word: entry.word, source: entry.source },
    occurred_at: entry.occurred_at === null ? null : timeOf(entry.occurred_at),
    mode: entry.isUnknown
      ? "unknown"
      : entry.atLeast
        ? "at_least"
        : entry.retries
          ? "retries"
          : null,
    delivery_id: state.deliveryId,
    position: state.position,
  });

  async function addEntries(
    fact: LifecycleFact,
    reading: FactReading,
    cluster: Cluster,
    at: bigint,
  ) {
    const base = await clusters.get(cluster.base);
    for (const [seq, entry] of reading.entries.entries()) {
      const word = wordOf(fact, { at, seq, cluster: cluster.id, entry });
      if (entry.slot === undefined || (await takeSlot(fact.id, entry, cluster, seq))) {
        histories.insert(base, word);
      }
    }
  }

  async function removeEntries(
    fact: LifecycleFact,
    reading: FactReading,
    cluster: Cluster,
    at: bigint,
  ) {
    for (const [seq, entry] of reading.entries.entries()) {
      await removeWord(fact, { at, seq, cluster: cluster.id, entry });
      if (entry.slot !== undefined) await leaveSlot(fact.id, entry, cluster, seq);
    }
  }

  type At = Parameters<typeof wordOf>[1];

  async function removeWord(fact: LifecycleFact, on: At): Promise<void> {
    const { base } = await clusters.get(on.cluster);
    await histories.removeWord(await clusters.get(base), wordOf(fact, on));
  }

  const inSlot = (cluster: Cluster, { slot }: HistoryEntry, limit: number) =>
    buffer.select(SLOTS, {
      where: [{ column: "slot", is: "=", value: `${cluster.id}:${slot?.key}` }],
      orderBy: ["slot", "rank", "fact", "seq"],
      limit,
    });

  /** Shows or hides those of a slot that have a rank. */
  async function showRank(cluster: Cluster, rows: readonly Row[], isShown: boolean): Promise<void> {
    for (const { fact: id, seq } of rows) {
      const other = await placed(String(id));
      const entry = other && read(other.fact, other.at)?.entries[Number(seq)];
      if (!other || !entry) continue;
      const on = { at: other.at, seq: Number(seq), cluster: cluster.id, entry };
      if (isShown) histories.insert(await clusters.get(cluster.base), wordOf(other.fact, on));
      else await removeWord(other.fact, on);
    }
  }

  /** @returns whether the word is shown; a better ranked one hides what was shown before. */
  async function takeSlot(id: string, entry: HistoryEntry, cluster: Cluster, seq: number) {
    const { key = "", rank = 0 } = entry.slot ?? {};
    const [first] = await inSlot(cluster, entry, 1);
    const best = Number(first?.rank ?? rank);
    if (rank < best) await showRank(cluster, await inSlot(cluster, entry, PAGE), false);
    buffer.put(SLOTS, { slot: `${cluster.id}:${key}`, rank, fact: id, seq }, null);
    return rank <= best;
  }

  async function leaveSlot(id: string, entry: HistoryEntry, cluster: Cluster, seq: number) {
    const { key = "", rank = 0 } = entry.slot ?? {};
    const row = { slot: `${cluster.id}:${key}`, rank, fact: id, seq };
    buffer.remove(SLOTS, row, row);
    const left = await inSlot(cluster, entry, PAGE);
    if (Number(left[0]?.rank ?? rank) > rank) await showRank(cluster, left, true);
  }

  /** Sees to all who are told apart by a name, and notes who may belong elsewhere now. */
  async function noteNames({ owners, unsettled: found }: NameChanges): Promise<void> {
    for (const cluster of found) unsettled.add(cluster);
    for (const name of owners) {
      mentioned.set(nameKey(name), name);
      for (const { cluster } of await names.sharing(name.name, lifecycle.ids, SHARING_SEEN)) {
        if (cluster !== NOWHERE) clusters.touch(await clusters.get(Number(cluster)));
      }
    }
  }

  async function enter(fact: LifecycleFact): Promise<void> {
    const at = ownTime(fact.state);
    const reading = read(fact, at);
    if (reading === null) return store({ fact, at, cluster: NOWHERE });
    if (reading.mentions !== null) return mention(fact, reading, reading.mentions);
    await noteNames(await names.add(reading));
    const displaced = await dissolveUnsettled();
    for (const one of displaced) await settleIn(one, read(one.fact, one.at));
    const dated = reading.side === null ? at : await movements.date(fact, reading.side);
    await settleIn({ fact, at: dated, cluster: NOWHERE }, reading);
  }

  /** Puts a fact whose names are counted where they say. */
  async function settleIn({ fact, at }: Placed, reading: FactReading | null): Promise<void> {
    if (reading === null) return;
    const cluster = await clusterFor(reading);
    await names.assign(reading, cluster.id);
    await place(fact, at, cluster);
  }

  /** The cluster of a fact's names; where they were several, the largest takes the others in. */
  async function clusterFor(reading: FactReading): Promise<Cluster> {
    const found: Cluster[] = [];
    for (const id of await names.clustersOf(reading)) found.push(await clusters.get(id));
    found.sort((a, b) => b.facts - a.facts || a.id - b.id);
    const [largest, ...others] = found;
    for (const other of others) await takeIn(largest as Cluster, other);
    return largest ?? clusters.create();
  }

  async function takeIn(cluster: Cluster, other: Cluster): Promise<void> {
    for await (const placed of factsOf(other.id)) {
      const { fact, at } = placed;
      await displace(placed);
      const reading = read(fact, at);
      if (reading !== null) await names.assign(reading, cluster.id);
      await place(fact, at, cluster);
    }
  }

  async function leave(before: Placed): Promise<void> {
    const reading = read(before.fact, before.at);
    if (reading === null) return;
    if (reading.mentions !== null) {
      const row = { name: mentionKey(reading.mentions), fact: before.fact.id };
      buffer.remove(MENTIONS, row, row);
    }
    if (before.cluster === NOWHERE) return;
    await store({ ...before, cluster: NOWHERE });
    await displace(before);
    if (reading.mentions !== null) return;
    const cluster = await clusters.get(before.cluster);
    await noteNames(await names.remove(reading));
    await forgetMovement(cluster, reading);
    if (reading.side !== null) await movements.undate(reading.side);
    if (!(await isHeldTogether(cluster, reading))) unsettled.add(cluster.id);
    const displaced = await dissolveUnsettled();
    for (const one of displaced) await settleIn(one, read(one.fact, one.at));
  }

  /** Whether a cluster is one without a fact: the names that it had are still said together. */
  async function isHeldTogether(cluster: Cluster, { names: had, owner }: FactReading) {
    const left: string[] = [];
    for (const name of had) if (await names.isMeant(name, owner)) left.push(nameKey(name));
    if (left.length < 2 || cluster.facts === 0) return true;
    for await (const { fact, at } of factsOf(cluster.id)) {
      const said = read(fact, at)?.names.map(nameKey) ?? [];
      if (left.every((name) => said.includes(name))) return true;
    }
    return false;
  }

  /**
   * Takes all facts out of clusters that may have to be divided. Their names stay counted, so who
   * owns them is known before any fact is put in its place.
   */
  async function dissolveUnsettled(): Promise<Placed[]> {
    const displaced: Placed[] = [];
    for (const id of unsettled) {
      for await (const one of factsOf(id)) {
        const reading = read(one.fact, one.at);
        await store({ ...one, cluster: NOWHERE });
        await displace(one);
        if (reading?.mentions) mentioned.set(nameKey(reading.mentions), reading.mentions);
        else if (reading !== null) {
          await names.assign(reading, NOWHERE);
          displaced.push(one);
        }
      }
      (await clusters.get(id)).movements = [];
    }
    unsettled.clear();
    return displaced;
  }

  /** A movement that carries a name without owning it joins whoever does. */
  async function mention(fact: LifecycleFact, reading: FactReading, name: Name): Promise<void> {
    const row = { name: mentionKey(name), fact: fact.id };
    buffer.put(MENTIONS, row, await buffer.get(MENTIONS, [row.name, row.fact]));
    const at = ownTime(fact.state);
    const owner = await names.ownerOf(name, reading.owner);
    if (owner === null || owner === NOWHERE) return store({ fact, at, cluster: NOWHERE });
    await place(fact, at, await clusters.get(owner));
  }

  /** Facts that mention a name whose owners changed go to the one who owns it now. */
  async function placeMentions(name: Name): Promise<void> {
    for (let last = ""; ; ) {
      const rows: readonly Row[] = await buffer.select(MENTIONS, {
        where: [{ column: "name", is: "=", value: mentionKey(name) }],
        orderBy: ["name", "fact"],
        beyond: [mentionKey(name), last],
        limit: PAGE,
      });
      for (const row of rows) await placeMention(String(row.fact), name);
      if (rows.length < PAGE) return;
      last = String(rows.at(-1)?.fact);
    }
  }

  async function placeMention(id: string, name: Name): Promise<void> {
    const before = await placed(id);
    const reading = before && read(before.fact, before.at);
    if (!before || !reading) return;
    const owner = (await names.ownerOf(name, reading.owner)) ?? NOWHERE;
    if (owner === before.cluster) return;
    await store({ ...before, cluster: NOWHERE });
    if (before.cluster !== NOWHERE) await displace(before);
    if (owner !== NOWHERE) await place(before.fact, before.at, await clusters.get(owner));
  }

  /** The run of a movement took effect at another time. */
  async function redate(id: string, at: bigint): Promise<void> {
    const before = await placed(id);
    if (before === null || before.at === at || before.cluster === NOWHERE) return;
    await displace(before);
    await place(before.fact, at, await clusters.get(before.cluster));
  }

  /** Says something else under the same names: what it said gives way to what it says. */
  async function replace(before: Placed, fact: LifecycleFact): Promise<boolean> {
    const was = read(before.fact, before.at);
    const at = was?.side ? before.at : ownTime(fact.state);
    const is = read(fact, at);
    if (was === null || is === null || before.cluster === NOWHERE) return false;
    if (was.mentions !== null || essenceOf(was) !== essenceOf(is)) return false;
    const isDated = statedTime(before.fact.state).at === statedTime(fact.state).at;
    if (was.side !== null && !(isDated && isSameRun(was.side, is.side))) return false;
    if (at === before.at && JSON.stringify(was) === JSON.stringify(is)) {
      await store({ fact, at, cluster: before.cluster });
      return true;
    }
    await displace(before);
    await place(fact, at, await clusters.get(before.cluster));
    return true;
  }

  async function findLost(id: number, orders: Map<string, string>): Promise<void> {
    if (orders.size === 0) return;
    const cluster = await clusters.get(id);
    if (cluster.facts === 0) return;
    for await (const { fact, at } of factsOf(id)) {
      const reading = read(fact, at);
      if (reading === null) continue;
      const sayings = reading.sayings.filter(({ field }) => orders.has(field));
      cluster.fields = withSayings(cluster.fields, sayings);
      if (orders.has("")) noteMovement(cluster, reading.movementId);
    }
    clusters.touch(cluster);
  }

  return {
    names,
    async get(id) {
      return (await placed(id))?.fact ?? null;
    },
    async put(fact) {
      if (fact.type === "BalanceReported") {
        const data = fact.state.data as DataOf<"BalanceReported">;
        await store({ fact, at: 0n, cluster: NOWHERE });
        const counts = !fact.state.withdrawn && lifecycle.isKept(fact.type, data);
        return movements.putReport(data, counts ? fact : null);
      }
      const before = await placed(fact.id);
      if (before !== null && (await replace(before, fact))) return;
      if (before !== null) await leave(before);
      await enter(fact);
    },
    async finish() {
      for (const [key, name] of mentioned) {
        mentioned.delete(key);
        await placeMentions(name);
      }
      await movements.pairRuns();
      for (const [cluster, orders] of lost) await findLost(cluster, orders);
      lost.clear();
    },
    async showConfirmations({ id }) {
      await movements.showConfirmations(sidesOf(id));
    },
  };

  async function* sidesOf(cluster: number): AsyncGenerator<MovementSide> {
    for await (const { fact, at } of factsOf(cluster)) {
      if (fact.type !== "MovementRecorded") continue;
      const side = read(fact, at)?.side ?? null;
      if (side !== null) yield side;
    }
  }
}

/** Of the owners of one text, as many as there must be for two to know of each other. */
const SHARING_SEEN = 3;

const nameKey = ({ kind, name }: Name): string => JSON.stringify([kind, name]);
const mentionKey = ({ kind, name }: Name): string => `${kind}:${name}`;

const essenceOf = ({ owner, names, mentions, aliases, movementId }: FactReading): string =>
  JSON.stringify([owner, names, mentions, aliases, movementId]);

const isSameRun = (a: MovementSide | null, b: MovementSide | null): boolean =>
  a?.run === b?.run && a?.account === b?.account && a?.kind === b?.kind && a?.class === b?.class;

function placedIn({ id, cluster, at, type, state }: Row): Placed {
  const fact: LifecycleFact = {
    id: String(id),
    type: type as ProviderFactType,
    state: factStateFrom(JSON.parse(String(state))),
  };
  return { fact, at: BigInt(at ?? 0), cluster: Number(cluster) };
}
