import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import type { StoredWaiting } from "./clusters.ts";
import { Lots } from "./lots.ts";
import { FREE, having, NOWHERE, QUEUE, QUEUE_LEVELS } from "./tables.ts";

/**
 * Each confirmation, in order of time, takes the nearest free hold of its class before it. A hold
 * that names no request is preferred to one that names a request, and entries that name different
 * requests are never paired. So there are two queues: holds that name no request are matched with all
 * confirmations, and holds that name one with the unmatched confirmations that name none.
 *
 * Within a queue, a binary tree over time decides which entries are matched. At each node, unmatched
 * holds of the earlier half are matched with unmatched confirmations of the later half, the nearest
 * first; the others continue further up. One more entry changes its own ancestors only, and each by
 * one entry: it is matched at a node, and the entry that it displaces continues further up.
 *
 * Partners are chosen within one node, where all holds come before all confirmations. A few are
 * paired by time, the nearest first. For more than that, no fact states which of them belong
 * together, and one more entry would change all later pairs: they are paired by lot, see lots.ts.
 */
export type Waiting = Readonly<{
  class: string;
  side: Side;
  cluster: number;
  at: bigint;
  tie: string;
  /** Whether it names a request. */
  named: boolean;
}>;

export type Side = "hold" | "confirmation";

/** The most holds of one node that are paired by time. */
const NEAREST_MAX = 16;

type Change = (confirmation: number, hold: number) => Promise<void>;
type Context = Readonly<{
  buffer: RowBuffer;
  tieOf: (text: string) => string;
  link: Change;
  unlink: Change;
}>;

/** The entry of a cluster as the queues take it. */
export const toMatch = ({ at, ...waiting }: StoredWaiting, cluster: number): Waiting =>
  ({ ...waiting, cluster, at: BigInt(at) }) as Waiting;

/**
 * Matches the entries of all classes as described above. `put` and `remove` change one entry; they call
 * `link` and `unlink` with the confirmation and the hold of each pair that changes.
 */
export function createMatching(on: Context) {
  async function change(waiting: Waiting, comes: boolean): Promise<void> {
    const ofNamed = `${waiting.class} named`;
    const isOfNamed = waiting.side === "hold" && waiting.named;
    if (isOfNamed) return new Queue(ofNamed, on).change(waiting, comes);
    // A confirmation waits in the other queue while it is unmatched in this one.
    await new Queue(waiting.class, on).change(waiting, comes, async (confirmation, isLeftOver) => {
      if (!confirmation.named) await new Queue(ofNamed, on).change(confirmation, isLeftOver);
    });
  }
  return {
    put: (waiting: Waiting): Promise<void> => change(waiting, true),
    remove: (waiting: Waiting): Promise<void> => change(waiting, false),
  };
}

/** A waiting entry, the node at which it is matched, and its partner if paired by time. */
type Queued = Waiting & Readonly<{ node: bigint; partner: number }>;
type Place = Pick<Queued, "at" | "tie">;

/** The side that an entry is matched with. */
export const PARTNER = { hold: "confirmation", confirmation: "hold" } as const;

/** Applies one change to one queue: first which entries are matched, then which are partners. */
class Queue {
  private readonly class: string;
  private readonly on: Context;
  /** Entries that the change moves, as they were before it. */
  private readonly moved = new Map<string, Queued>();

  constructor(ofClass: string, on: Context) {
    this.class = ofClass;
    this.on = on;
  }

  /** @param onLeftOver receives each confirmation that becomes unmatched, or ceases to be */
  async change(
    waiting: Waiting,
    comes: boolean,
    onLeftOver: (confirmation: Waiting, isLeftOver: boolean) => Promise<void> = async () => {},
  ): Promise<void> {
    const one: Queued = { ...waiting, class: this.class, node: NOWHERE, partner: 0 };
    if (comes) {
      this.on.buffer.put(QUEUE, rowOf(one), null);
      this.moved.set(keyOf(one), one);
      await this.match(one, -1n);
    } else await this.leave(one);
    await this.pairMoved(one, comes, onLeftOver);
  }

  private async leave(waiting: Queued): Promise<void> {
    const one = await this.get(waiting);
    if (one === null) return;
    await this.setNode(one, NOWHERE);
    const row = rowOf({ ...one, node: NOWHERE });
    this.on.buffer.remove(QUEUE, row, row);
    if (one.node !== NOWHERE) await this.refill(one.node, one.side);
  }

  /** Matches an entry that is unmatched up to a level, and then the entries that this displaces. */
  private async match(entry: Queued, above: bigint): Promise<void> {
    const other = await this.nearestUnmatched(entry);
    const meetingNode = other === null ? null : nodeOf(entry, other);
    const displaced = await this.entryToDisplace(entry, above, meetingNode);
    if (displaced !== null) {
      await this.setNode(displaced, NOWHERE);
      await this.setNode(entry, displaced.node);
      await this.match({ ...displaced, node: NOWHERE }, levelOf(displaced.node));
    } else if (other !== null && meetingNode !== null) {
      await this.setNode(entry, meetingNode);
      await this.setNode(other, meetingNode);
      if (other.node !== NOWHERE) await this.refill(other.node, other.side);
    }
  }

  /** An entry of one side left a node: another replaces it, or one of the other side leaves too. */
  private async refill(node: bigint, side: Side): Promise<void> {
    const next = await this.nextFor(node, side);
    if (next === null) {
      const displaced = await this.lastAt(node, PARTNER[side]);
      if (displaced === null) return;
      await this.setNode(displaced, NOWHERE);
      return this.match({ ...displaced, node: NOWHERE }, levelOf(node));
    }
    await this.setNode(next, node);
    if (next.node !== NOWHERE) await this.refill(next.node, side);
  }

  private async setNode(one: Queued, node: bigint): Promise<void> {
    if (!this.moved.has(keyOf(one))) this.moved.set(keyOf(one), one);
    await this.countMatched(one.node, -1);
    await this.countMatched(node, 1);
    this.on.buffer.put(QUEUE, rowOf({ ...one, node }), rowOf(one));
  }

  /** The nearest entry of the other side not matched at or below the node where the two meet. */
  private async nearestUnmatched(entry: Queued): Promise<Queued | null> {
    return this.nearest(PARTNER[entry.side], entry, (other) => levelOf(nodeOf(entry, other)));
  }

  /** The next entry of a side to be matched at a node. */
  private async nextFor(node: bigint, side: Side): Promise<Queued | null> {
    const edge = side === "hold" ? (node - 1n) / 2n : node / 2n;
    const level = levelOf(node);
    const next = await this.nearest(side, { at: edge }, () => level);
    if (next === null) return null;
    return nodeAt(pointOf(next), level) === node ? next : null;
  }

  /**
   * The nearest hold before an instant, or confirmation after it, that is unmatched or is matched
   * above the level to which it would move down.
   */
  private async nearest(
    side: Side,
    { at }: Pick<Place, "at">,
    levelFor: (other: Queued) => bigint,
  ): Promise<Queued | null> {
    let nearest: Queued | null = null;
    const [tie, descending] = side === "hold" ? [LAST, true] : ["", false];
    for (const state of [FREE, ...(await this.levels()).map(stateAt)]) {
      const options = { beyond: [at, tie], descending, limit: 1 };
      const found = await this.first({ state, side }, options);
      if (found === null) continue;
      if (found.node !== NOWHERE && levelFor(found) >= levelOf(found.node)) continue;
      if (nearest === null || isNearer(found, nearest)) nearest = found;
    }
    return nearest;
  }

  /**
   * The entry that another one displaces: the furthest at the first node that has one further away.
   *
   * @param below the node at which that other entry meets a free one; only nodes below it are searched
   */
  private async entryToDisplace(
    entry: Queued,
    above: bigint,
    below: bigint | null,
  ): Promise<Queued | null> {
    for (const level of await this.levels()) {
      if (level <= above || (below !== null && level >= levelOf(below))) continue;
      const node = nodeAt(pointOf(entry), level);
      const isEarlier = pointOf(entry) < node;
      if (isEarlier !== (entry.side === "hold")) continue;
      const last = await this.lastAt(node, entry.side);
      if (last !== null && isNearer(entry, last)) return last;
    }
    return null;
  }

  /** The entry of a side matched at a node that is furthest from the other side. */
  private lastAt(node: bigint, side: Side): Promise<Queued | null> {
    return this.first({ node, side }, { descending: side === "confirmation", limit: 1 });
  }

  private async first(
    values: Readonly<Record<string, string | bigint>>,
    options: NonNullable<Parameters<typeof having>[2]>,
  ): Promise<Queued | null> {
    const [found = null] = await this.some(values, options);
    return found;
  }

  private async some(
    values: Readonly<Record<string, string | bigint>>,
    options: NonNullable<Parameters<typeof having>[2]>,
  ): Promise<readonly Queued[]> {
    const selection = having({ ...values, class: this.class }, ["at", "tie"], options);
    return (await this.on.buffer.select(QUEUE, selection)).map(queuedIn);
  }

  private async get({ side, cluster }: Pick<Queued, "side" | "cluster">): Promise<Queued | null> {
    const row = await this.on.buffer.get(QUEUE, [this.class, side, cluster]);
    return row && queuedIn(row);
  }

  /** Levels with matched entries, ascending: an object lists integer keys in ascending order. */
  private async levels(): Promise<readonly bigint[]> {
    const { levels } = await this.storedLevels();
    return Object.keys(levels).map(BigInt);
  }

  private async storedLevels() {
    const stored = await this.on.buffer.get(QUEUE_LEVELS, [this.class]);
    const levels: Record<string, number> = JSON.parse(String(stored?.levels ?? "{}"));
    return { stored, levels };
  }

  private async countMatched(node: bigint, by: 1 | -1): Promise<void> {
    if (node === NOWHERE) return;
    const level = String(levelOf(node));
    const { stored, levels } = await this.storedLevels();
    const { [level]: count = 0, ...others } = levels;
    const counted = count + by === 0 ? others : { ...others, [level]: count + by };
    const row = { class: this.class, levels: JSON.stringify(counted) };
    this.on.buffer.put(QUEUE_LEVELS, row, stored);
  }

  /** Updates the partners after the moved entries are matched: removes old links, then adds new ones. */
  private async pairMoved(
    one: Queued,
    comes: boolean,
    onLeftOver: (confirmation: Waiting, isLeftOver: boolean) => Promise<void>,
  ): Promise<void> {
    const moved: Moved[] = [];
    for (const before of this.moved.values()) moved.push({ before, now: await this.get(before) });
    const nodes = await this.nodeChangesOf(moved);
    const fresh = comes ? keyOf(one) : null;
    const wasLeftOver = ({ before }: Moved) => isLeftOver(before) && keyOf(before) !== fresh;
    const { known, wanted } = partnersIn(moved, nodes);
    const { link, unlink } = this.on;
    for (const each of known) {
      const { side, cluster, partner } = each;
      if (partner === 0 || wanted.get(keyOf(each)) === partner) continue;
      if (side === "confirmation") await unlink(cluster, partner);
    }
    for (const { remove, node } of nodes)
      for (const each of remove) await this.setLot(each, node, false);
    for (const each of moved) {
      if (wasLeftOver(each) && !isLeftOver(each.now)) await onLeftOver(each.before, false);
    }
    for (const [hold, confirmation] of nodes.flatMap(({ pairs }) => pairs)) {
      if (confirmation.partner !== hold.cluster) await link(confirmation.cluster, hold.cluster);
    }
    for (const { add, node } of nodes) for (const each of add) await this.setLot(each, node, true);
    const gone = new Set(moved.flatMap(({ before, now }) => (now === null ? [keyOf(before)] : [])));
    for (const each of known) {
      const partner = wanted.get(keyOf(each)) ?? 0;
      if (gone.has(keyOf(each)) || each.partner === partner) continue;
      this.on.buffer.put(QUEUE, rowOf({ ...each, partner }), rowOf(each));
    }
    for (const each of moved) {
      if (each.now && isLeftOver(each.now) && !wasLeftOver(each)) await onLeftOver(each.now, true);
    }
  }

  private async nodeChangesOf(moved: readonly Moved[]): Promise<readonly NodeChange[]> {
    const nodes = new Set(moved.map(({ before }) => before.node));
    for (const { now } of moved) nodes.add(now?.node ?? NOWHERE);
    nodes.delete(NOWHERE);
    const changes: NodeChange[] = [];
    for (const node of nodes) changes.push(await this.nodeChangeAt(node, moved));
    return changes;
  }

  /** The entries of a node that the change touched, and how their partners change. */
  private async nodeChangeAt(node: bigint, moved: readonly Moved[]): Promise<NodeChange> {
    const came = moved.flatMap(({ before, now }) =>
      now?.node === node && before.node !== node ? [now] : [],
    );
    const left = moved.flatMap(({ before, now }) =>
      before.node === node && now?.node !== node ? [before] : [],
    );
    const holdsIn = (list: readonly Queued[]) => list.filter(({ side }) => side === "hold").length;
    const more = holdsIn(came) - holdsIn(left);
    const limit = NEAREST_MAX + 1 + Math.max(0, more);
    const holds = await this.some({ node, side: "hold" }, { descending: true, limit });
    const confirmations = await this.some({ node, side: "confirmation" }, { limit });
    const members = [...holds, ...confirmations];
    const isByLot = holds.length > NEAREST_MAX;
    const wasByLot = holds.length - more > NEAREST_MAX;
    if (isByLot && wasByLot) return { node, members: [], pairs: [], add: came, remove: left };
    const arrived = new Set(came.map(keyOf));
    const stayed = members.filter((each) => !arrived.has(keyOf(each)));
    return {
      ...{ node, members },
      pairs: isByLot ? [] : holds.map((hold, at) => [hold, confirmations[at] as Queued] as const),
      add: isByLot ? members : [],
      remove: wasByLot ? [...stayed, ...left] : [],
    };
  }

  private setLot({ side, cluster, tie }: Queued, node: bigint, comes: boolean): Promise<unknown> {
    const { tieOf, buffer, link, unlink } = this.on;
    const part = { group: `${tieOf(this.class)} ${node}`, side, cluster, tie: tieOf(tie) };
    return new Lots(buffer, { link, unlink }).change({ part, comes }, PARTNER[side]);
  }
}

/** An entry before a change and after it; null if it was removed. */
type Moved = Readonly<{ before: Queued; now: Queued | null }>;

const isLeftOver = (each: Queued | null): boolean =>
  each?.side === "confirmation" && each.node === NOWHERE;

/** All entries whose partner may change, in their current state, and the new partner by their key. */
function partnersIn(moved: readonly Moved[], nodes: readonly NodeChange[]) {
  const known = new Map<string, Queued>();
  const before = moved.map((each) => each.before);
  const now = moved.flatMap((each) => each.now ?? []);
  for (const each of [...before, ...now, ...nodes.flatMap(({ members }) => members)]) {
    known.set(keyOf(each), each);
  }
  const wanted = new Map<string, number>();
  for (const [hold, confirmation] of nodes.flatMap(({ pairs }) => pairs)) {
    wanted.set(keyOf(hold), confirmation.cluster).set(keyOf(confirmation), hold.cluster);
  }
  return { known: [...known.values()], wanted };
}

/** The entries of a node whose partners may change. */
type NodeChange = Readonly<{
  node: bigint;
  members: readonly Queued[];
  /** The pairs by time, if the entries are few. */
  pairs: readonly (readonly [hold: Queued, confirmation: Queued])[];
  /** The entries added to those paired by lot, and the entries removed. */
  add: readonly Queued[];
  remove: readonly Queued[];
}>;

const keyOf = ({ side, cluster }: Pick<Queued, "side" | "cluster">): string => `${side} ${cluster}`;

const stateAt = (level: bigint): string => String(level).padStart(2, "0");

const rowOf = ({ node, named, ...rest }: Queued): Row => ({
  ...{ ...rest, named: Number(named), node },
  state: node === NOWHERE ? FREE : stateAt(levelOf(node)),
});

function queuedIn({ class: ofClass, side, cluster, at, tie, named, node, partner }: Row): Queued {
  return {
    ...{ class: String(ofClass), side: side as Side, cluster: Number(cluster), tie: String(tie) },
    ...{
      at: BigInt(at ?? 0),
      named: named === 1,
      node: BigInt(node ?? 0),
      partner: Number(partner),
    },
  };
}

/** Whether `a` is nearer to the other side than `b` of the same side: a later hold, an earlier confirmation. */
function isNearer(a: Queued, b: Queued): boolean {
  const isEarlier = a.at === b.at ? a.tie < b.tie : a.at < b.at;
  return isEarlier === (a.side === "confirmation");
}

/** Sorts after every tie. */
const LAST = "\u{10ffff}";

/** The place of an entry in the tree; a hold precedes a confirmation of the same instant. */
const pointOf = ({ at, side }: Pick<Queued, "at" | "side">): bigint =>
  at * 2n + (side === "confirmation" ? 1n : 0n);

/** The node where a hold and a later confirmation meet: the lowest one with an entry in each half. */
function nodeOf(a: Queued, b: Queued): bigint {
  const level = BigInt((pointOf(a) ^ pointOf(b)).toString(2).length - 1);
  return (pointOf(a.side === "confirmation" ? a : b) >> level) << level;
}

/** The level of a node: how many times it can be divided by two. */
const levelOf = (node: bigint): bigint => BigInt((node & -node).toString(2).length - 1);

/** The node of a level that has the point in one of its halves. */
const nodeAt = (point: bigint, level: bigint): bigint =>
  ((point >> (level + 1n)) << (level + 1n)) + (1n << level);
