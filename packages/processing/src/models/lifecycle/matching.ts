import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { Lots } from "./lots.ts";
import { FREE, having, NOWHERE, QUEUE, QUEUE_LEVELS } from "./tables.ts";

/**
 * Each confirmation, in order of time, takes the nearest free hold of its class before it; one that
 * names no request rather than one that names it, and two that name different ones never join. So
 * holds that name none are matched with all confirmations, and holds that name one with those
 * confirmations that are left over and name none: two queues.
 *
 * In a queue, who is matched follows from a binary tree over time. At each of its nodes, holds of the
 * earlier half that are left over there meet confirmations of the later half that are left over
 * there: so many have a seat at that node, the nearest first, and the others go further up. One more
 * changes its own ancestors only, and each by one: it takes a seat, and who had it goes further up.
 *
 * Who is whose partner is a question of one node alone, where all holds come before all
 * confirmations. Of a few the nearest are partners. Of more nothing says who they are, and to keep to
 * the nearest would move all that stand behind one more: they are partners by lot, see lots.ts.
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

type Side = "hold" | "confirmation";

/** So many at one node are partners by time. */
const NEAREST_MAX = 16;

type Change = (confirmation: number, hold: number) => Promise<void>;
type Context = Readonly<{
  buffer: RowBuffer;
  tieOf: (text: string) => string;
  link: Change;
  unlink: Change;
}>;

export function createMatching(on: Context) {
  async function change(waiting: Waiting, comes: boolean): Promise<void> {
    const ofNamed = `${waiting.class} named`;
    const isOfNamed = waiting.side === "hold" && waiting.named;
    if (isOfNamed) return new Queue(ofNamed, on).change(waiting, comes);
    // A confirmation waits in the other queue while it has no seat in this one.
    await new Queue(waiting.class, on).change(waiting, comes, async (confirmation, isLeftOver) => {
      if (!confirmation.named) await new Queue(ofNamed, on).change(confirmation, isLeftOver);
    });
  }
  return {
    put: (waiting: Waiting): Promise<void> => change(waiting, true),
    remove: (waiting: Waiting): Promise<void> => change(waiting, false),
  };
}

/** One who waits, the node at which it has a seat, and its partner where that is the nearest. */
type Seated = Waiting & Readonly<{ node: bigint; partner: number }>;
type Place = Pick<Seated, "at" | "tie">;

const OTHER = { hold: "confirmation", confirmation: "hold" } as const;

/** One change to one queue: who gets and loses seats by it, then who gets and loses partners. */
class Queue {
  private readonly class: string;
  private readonly on: Context;
  /** As they were before the change. */
  private readonly moved = new Map<string, Seated>();

  constructor(ofClass: string, on: Context) {
    this.class = ofClass;
    this.on = on;
  }

  /** @param onLeftOver a confirmation that has no seat now, or no more waits without one */
  async change(
    waiting: Waiting,
    comes: boolean,
    onLeftOver: (confirmation: Waiting, isLeftOver: boolean) => Promise<void> = async () => {},
  ): Promise<void> {
    const one: Seated = { ...waiting, class: this.class, node: NOWHERE, partner: 0 };
    if (comes) {
      this.on.buffer.put(QUEUE, rowOf(one), null);
      this.moved.set(keyOf(one), one);
      await this.climb(one, -1n);
    } else await this.leave(one);
    await this.pairMoved(one, comes, onLeftOver);
  }

  private async leave(waiting: Seated): Promise<void> {
    const one = await this.get(waiting);
    if (one === null) return;
    await this.seat(one, NOWHERE);
    const row = rowOf({ ...one, node: NOWHERE });
    this.on.buffer.remove(QUEUE, row, row);
    if (one.node !== NOWHERE) await this.refill(one.node, one.side);
  }

  /** Looks for a seat for one who has none up to a level, and for those who lose theirs by it. */
  private async climb(climber: Seated, above: bigint): Promise<void> {
    const met = await this.nearestFree(climber);
    const metAt = met === null ? null : nodeOf(climber, met);
    const losing = await this.firstBehind(climber, above, metAt);
    if (losing !== null) {
      await this.seat(losing, NOWHERE);
      await this.seat(climber, losing.node);
      await this.climb({ ...losing, node: NOWHERE }, levelOf(losing.node));
    } else if (met !== null && metAt !== null) {
      await this.seat(climber, metAt);
      await this.seat(met, metAt);
      if (met.node !== NOWHERE) await this.refill(met.node, met.side);
    }
  }

  /** Somebody of one side left a node: another takes the seat, or one of the other side loses his. */
  private async refill(node: bigint, side: Side): Promise<void> {
    const next = await this.nextFor(node, side);
    if (next === null) {
      const losing = await this.lastAt(node, OTHER[side]);
      if (losing === null) return;
      await this.seat(losing, NOWHERE);
      return this.climb({ ...losing, node: NOWHERE }, levelOf(node));
    }
    await this.seat(next, node);
    if (next.node !== NOWHERE) await this.refill(next.node, side);
  }

  private async seat(one: Seated, node: bigint): Promise<void> {
    if (!this.moved.has(keyOf(one))) this.moved.set(keyOf(one), one);
    await this.countSeats(one.node, -1);
    await this.countSeats(node, 1);
    this.on.buffer.put(QUEUE, rowOf({ ...one, node }), rowOf(one));
  }

  /** The nearest of the other side that is left over where the two meet. */
  private async nearestFree(of: Seated): Promise<Seated | null> {
    return this.nearest(OTHER[of.side], of, (other) => levelOf(nodeOf(of, other)));
  }

  /** Of a side of a node, who is next to have a seat there. */
  private async nextFor(node: bigint, side: Side): Promise<Seated | null> {
    const edge = side === "hold" ? (node - 1n) / 2n : node / 2n;
    const level = levelOf(node);
    const next = await this.nearest(side, { at: edge }, () => level);
    if (next === null) return null;
    return nodeAt(pointOf(next), level) === node ? next : null;
  }

  /**
   * The nearest before an instant (a hold) or after it (a confirmation) that has no seat, or one
   * above the level to which it would come down.
   */
  private async nearest(
    side: Side,
    { at }: Pick<Place, "at">,
    levelFor: (other: Seated) => bigint,
  ): Promise<Seated | null> {
    let nearest: Seated | null = null;
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
   * The one who loses its seat to another: the furthest at the first node that has a further one.
   *
   * @param below the node at which that other one meets somebody, if nobody has to lose a seat
   */
  private async firstBehind(
    climber: Seated,
    above: bigint,
    below: bigint | null,
  ): Promise<Seated | null> {
    for (const level of await this.levels()) {
      if (level <= above || (below !== null && level >= levelOf(below))) continue;
      const node = nodeAt(pointOf(climber), level);
      const isEarlier = pointOf(climber) < node;
      if (isEarlier !== (climber.side === "hold")) continue;
      const last = await this.lastAt(node, climber.side);
      if (last !== null && isNearer(climber, last)) return last;
    }
    return null;
  }

  /** Of those of a side that have a seat at a node, the one furthest from the other side. */
  private lastAt(node: bigint, side: Side): Promise<Seated | null> {
    return this.first({ node, side }, { descending: side === "confirmation", limit: 1 });
  }

  private async first(
    values: Readonly<Record<string, string | bigint>>,
    options: NonNullable<Parameters<typeof having>[2]>,
  ): Promise<Seated | null> {
    const [found = null] = await this.some(values, options);
    return found;
  }

  private async some(
    values: Readonly<Record<string, string | bigint>>,
    options: NonNullable<Parameters<typeof having>[2]>,
  ): Promise<readonly Seated[]> {
    const selection = having({ ...values, class: this.class }, ["at", "tie"], options);
    return (await this.on.buffer.select(QUEUE, selection)).map(seatedIn);
  }

  private async get({ side, cluster }: Pick<Seated, "side" | "cluster">): Promise<Seated | null> {
    const row = await this.on.buffer.get(QUEUE, [this.class, side, cluster]);
    return row && seatedIn(row);
  }

  /** Levels at whose nodes somebody has a seat, rising, as whole numbers among the names of an object do. */
  private async levels(): Promise<readonly bigint[]> {
    const { levels } = await this.storedLevels();
    return Object.keys(levels).map(BigInt);
  }

  private async storedLevels() {
    const stored = await this.on.buffer.get(QUEUE_LEVELS, [this.class]);
    const levels: Record<string, number> = JSON.parse(String(stored?.levels ?? "{}"));
    return { stored, levels };
  }

  private async countSeats(node: bigint, by: 1 | -1): Promise<void> {
    if (node === NOWHERE) return;
    const level = String(levelOf(node));
    const { stored, levels } = await this.storedLevels();
    const { [level]: count = 0, ...others } = levels;
    const counted = count + by === 0 ? others : { ...others, [level]: count + by };
    const row = { class: this.class, levels: JSON.stringify(counted) };
    this.on.buffer.put(QUEUE_LEVELS, row, stored);
  }

  /** Those that the change moved have seats now: whose partners they were, and whose they are. */
  private async pairMoved(
    one: Seated,
    comes: boolean,
    onLeftOver: (confirmation: Waiting, isLeftOver: boolean) => Promise<void>,
  ): Promise<void> {
    const moved: Moved[] = [];
    for (const before of this.moved.values()) moved.push({ before, now: await this.get(before) });
    const tables = await this.tablesOf(moved);
    const fresh = comes ? keyOf(one) : null;
    const wasLeftOver = ({ before }: Moved) => isLeftOver(before) && keyOf(before) !== fresh;
    const { known, wanted } = partnersIn(moved, tables);
    const { link, unlink } = this.on;
    for (const each of known) {
      const { side, cluster, partner } = each;
      if (partner === 0 || wanted.get(keyOf(each)) === partner) continue;
      if (side === "confirmation") await unlink(cluster, partner);
    }
    for (const { leave, node } of tables)
      for (const each of leave) await this.deal(each, node, false);
    for (const each of moved) {
      if (wasLeftOver(each) && !isLeftOver(each.now)) await onLeftOver(each.before, false);
    }
    for (const [hold, confirmation] of tables.flatMap(({ pairs }) => pairs)) {
      if (confirmation.partner !== hold.cluster) await link(confirmation.cluster, hold.cluster);
    }
    for (const { come, node } of tables) for (const each of come) await this.deal(each, node, true);
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

  private async tablesOf(moved: readonly Moved[]): Promise<readonly Table[]> {
    const nodes = new Set(moved.map(({ before }) => before.node));
    for (const { now } of moved) nodes.add(now?.node ?? NOWHERE);
    nodes.delete(NOWHERE);
    const tables: Table[] = [];
    for (const node of nodes) tables.push(await this.tableAt(node, moved));
    return tables;
  }

  /** Who has a seat at a node that a change touched, and how they are partners before and after it. */
  private async tableAt(node: bigint, moved: readonly Moved[]): Promise<Table> {
    const came = moved.flatMap(({ before, now }) =>
      now?.node === node && before.node !== node ? [now] : [],
    );
    const left = moved.flatMap(({ before, now }) =>
      before.node === node && now?.node !== node ? [before] : [],
    );
    const holdsIn = (list: readonly Seated[]) => list.filter(({ side }) => side === "hold").length;
    const more = holdsIn(came) - holdsIn(left);
    const limit = NEAREST_MAX + 1 + Math.max(0, more);
    const holds = await this.some({ node, side: "hold" }, { descending: true, limit });
    const confirmations = await this.some({ node, side: "confirmation" }, { limit });
    const members = [...holds, ...confirmations];
    const isByLot = holds.length > NEAREST_MAX;
    const wasByLot = holds.length - more > NEAREST_MAX;
    if (isByLot && wasByLot) return { node, members: [], pairs: [], come: came, leave: left };
    const arrived = new Set(came.map(keyOf));
    const stayed = members.filter((each) => !arrived.has(keyOf(each)));
    return {
      ...{ node, members },
      pairs: isByLot ? [] : holds.map((hold, at) => [hold, confirmations[at] as Seated] as const),
      come: isByLot ? members : [],
      leave: wasByLot ? [...stayed, ...left] : [],
    };
  }

  private deal({ side, cluster, tie }: Seated, node: bigint, comes: boolean): Promise<unknown> {
    const { tieOf, buffer, link, unlink } = this.on;
    const part = { pile: `${tieOf(this.class)} ${node}`, side, cluster, tie: tieOf(tie) };
    return new Lots(buffer, { link, unlink }).deal({ part, comes }, OTHER[side]);
  }
}

/** One before a change and after it; null where it is gone. */
type Moved = Readonly<{ before: Seated; now: Seated | null }>;

const isLeftOver = (each: Seated | null): boolean =>
  each?.side === "confirmation" && each.node === NOWHERE;

/** All whose partner may be another, as they are now, and by their key who it is to be. */
function partnersIn(moved: readonly Moved[], tables: readonly Table[]) {
  const known = new Map<string, Seated>();
  const before = moved.map((each) => each.before);
  const now = moved.flatMap((each) => each.now ?? []);
  for (const each of [...before, ...now, ...tables.flatMap(({ members }) => members)]) {
    known.set(keyOf(each), each);
  }
  const wanted = new Map<string, number>();
  for (const [hold, confirmation] of tables.flatMap(({ pairs }) => pairs)) {
    wanted.set(keyOf(hold), confirmation.cluster).set(keyOf(confirmation), hold.cluster);
  }
  return { known: [...known.values()], wanted };
}

/** Who has a seat at a node, as far as it matters. */
type Table = Readonly<{
  node: bigint;
  members: readonly Seated[];
  /** The nearest, where they are few. */
  pairs: readonly (readonly [hold: Seated, confirmation: Seated])[];
  /** Who comes to those who are partners by lot, and who leaves them. */
  come: readonly Seated[];
  leave: readonly Seated[];
}>;

const keyOf = ({ side, cluster }: Pick<Seated, "side" | "cluster">): string => `${side} ${cluster}`;

const stateAt = (level: bigint): string => String(level).padStart(2, "0");

const rowOf = ({ node, named, ...rest }: Seated): Row => ({
  ...{ ...rest, named: Number(named), node },
  state: node === NOWHERE ? FREE : stateAt(levelOf(node)),
});

function seatedIn({ class: ofClass, side, cluster, at, tie, named, node, partner }: Row): Seated {
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

/** Of one side, which of two is nearer to the other side: a later hold, an earlier confirmation. */
function isNearer(a: Seated, b: Seated): boolean {
  const isEarlier = a.at === b.at ? a.tie < b.tie : a.at < b.at;
  return isEarlier === (a.side === "confirmation");
}

/** Behind every tie. */
const LAST = "\u{10ffff}";

/** A hold of the same instant comes before its confirmation. */
const pointOf = ({ at, side }: Pick<Seated, "at" | "side">): bigint =>
  at * 2n + (side === "confirmation" ? 1n : 0n);

/** Where a hold and a confirmation behind it meet: the lowest node that has one in either half. */
function nodeOf(a: Seated, b: Seated): bigint {
  const level = BigInt((pointOf(a) ^ pointOf(b)).toString(2).length - 1);
  return (pointOf(a.side === "confirmation" ? a : b) >> level) << level;
}

/** How high a node is: so many times two can be taken out of it. */
const levelOf = (node: bigint): bigint => BigInt((node & -node).toString(2).length - 1);

/** The node of a level that has a point in one of its halves. */
const nodeAt = (point: bigint, level: bigint): bigint =>
  ((point >> (level + 1n)) << (level + 1n)) + (1n << level);
