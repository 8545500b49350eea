import type { Row, Value } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { having, QUEUE, QUEUE_LEVELS } from "./tables.ts";

/**
 * Each confirmation, in order of time, takes the nearest free hold of its class before it; one that
 * names no request rather than one that names it, and two that name different ones never join.
 *
 * One more fact changes that along a chain. A hold that becomes free is offered to the first
 * confirmation after it that has none, or a worse one; what that one had is offered on. A
 * confirmation seeks the best hold that is free, or held by a later confirmation; that one seeks
 * again. Each step asks indexes, never closed pairs: links are intervals in an interval tree over
 * time, and links to holds of one kind lie inside one another or apart, so at each node the one
 * that is asked for is the first or last row of an index.
 */
export type Waiting = Readonly<{
  class: string;
  side: "hold" | "confirmation";
  cluster: number;
  at: bigint;
  tie: string;
  /** Whether it names a request. */
  named: boolean;
}>;

type Change = (confirmation: number, hold: number) => Promise<void>;

export function createMatching(
  buffer: RowBuffer,
  effects: Readonly<{ link: Change; unlink: Change }>,
) {
  const queue = new Queue(buffer);

  const unlink = (confirmation: Row, hold: Row): Promise<void> =>
    effects.unlink(Number(confirmation.cluster), Number(hold.cluster));

  async function link(confirmation: Row, hold: Row): Promise<void> {
    await queue.setLinked(confirmation, hold);
    await effects.link(Number(confirmation.cluster), Number(hold.cluster));
  }

  /** Offers a free hold to the confirmations behind a place. */
  async function offer(hold: Row, behind: Place): Promise<void> {
    const taker = await queue.firstTaker(hold, behind);
    if (taker === null) return queue.setFree(hold);
    const left = await queue.partnerOf(taker);
    if (left !== null) await unlink(taker, left);
    await link(taker, hold);
    if (left !== null) await offer(left, placeOf(taker));
  }

  /** Finds a hold for a confirmation, and for those that lose theirs by it. */
  async function seek(confirmation: Row): Promise<void> {
    const hold = await queue.bestHold(confirmation);
    if (hold === null) return queue.setFree(confirmation);
    const loser = await queue.partnerOf(hold);
    if (loser !== null) await unlink(loser, hold);
    await link(confirmation, hold);
    if (loser !== null) await seek(loser);
  }

  return {
    async put({ named, ...waiting }: Waiting): Promise<void> {
      const row = { ...waiting, named: Number(named), ...free(Number(named)) };
      buffer.put(QUEUE, row, null);
      if (waiting.side === "confirmation") await seek(row);
      else await offer(row, { at: waiting.at, tie: "" });
    },
    async remove({ class: of, side, cluster }: Waiting): Promise<void> {
      const row = await buffer.get(QUEUE, [of, side, cluster]);
      if (row === null) return;
      const partner = await queue.partnerOf(row);
      await queue.setFree(row);
      const freed = (await buffer.get(QUEUE, [of, side, cluster])) ?? row;
      buffer.remove(QUEUE, freed, freed);
      if (partner === null) return;
      if (side === "hold") await unlink(partner, row);
      else await unlink(row, partner);
      await (side === "hold" ? seek(partner) : offer(partner, placeOf(row)));
    },
  };
}

type Place = Readonly<{ at: bigint; tie: string }>;

const placeOf = ({ at, tie }: Row): Place => ({ at: BigInt(at ?? 0), tie: String(tie) });
const holdOf = ({ partner_at: at = null, partner_tie: tie = null }: Row): Place =>
  placeOf({ at, tie });
/** Behind all of this instant. */
const endOf = ({ at }: Place): Place => ({ at, tie: "\u{10ffff}" });

const isBefore = (a: Place, b: Place): boolean => (a.at === b.at ? a.tie < b.tie : a.at < b.at);

/** Of several rows the one whose place is first. */
function firstOf(rows: readonly (Row | null)[]): Row | null {
  const found = rows.filter((row) => row !== null);
  return found.sort((a, b) => (isBefore(placeOf(a), placeOf(b)) ? -1 : 1))[0] ?? null;
}

const free = (named: Value | undefined) => ({
  state: `free:${named}`,
  partner: 0,
  partner_at: 0n,
  partner_tie: "",
  node: 0n,
});

type Values = Readonly<Record<string, Value>>;

/** By state of the confirmation, then by level of the tree: how many links. */
type Levels = Record<string, Record<string, number>>;

/** The looks into the queue of one class, each of one row. */
class Queue {
  private readonly buffer: RowBuffer;

  constructor(buffer: RowBuffer) {
    this.buffer = buffer;
  }

  /** The first confirmation behind a place that would rather have this hold than what it has. */
  async firstTaker(hold: Row, behind: Place): Promise<Row | null> {
    const side = "confirmation";
    const next = await this.after(hold, { side }, behind);
    if (next === null) return null;
    const states = hold.named === 1 ? ["free:0"] : ["free:0", "free:1", "held:1"];
    const takers = [await this.innermost(hold, `held:${hold.named}`, [placeOf(hold), behind])];
    for (const state of states) takers.push(await this.after(hold, { side, state }, behind));
    return firstOf(takers);
  }

  /** The nearest hold before a confirmation that is free, or held by a later one. */
  async bestHold(confirmation: Row): Promise<Row | null> {
    const unnamed = await this.nearestHold(confirmation, 0);
    return unnamed ?? (confirmation.named === 1 ? null : this.nearestHold(confirmation, 1));
  }

  async partnerOf({ class: of = null, side, partner = 0 }: Row): Promise<Row | null> {
    if (partner === 0) return null;
    return this.buffer.get(QUEUE, [of, side === "hold" ? "confirmation" : "hold", partner]);
  }

  async setFree({ class: of = null, side = null, cluster = null }: Row): Promise<void> {
    const stored = await this.buffer.get(QUEUE, [of, side, cluster]);
    if (stored === null) return;
    if (stored.node !== 0n) await this.countLink(stored, -1);
    this.buffer.put(QUEUE, { ...stored, ...free(stored.named) }, stored);
  }

  async setLinked(confirmation: Row, hold: Row): Promise<void> {
    await this.setFree(confirmation);
    const { at: partner_at, tie: partner_tie } = placeOf(hold);
    const node = nodeOf(pointOf(partner_at, "hold"), pointOf(placeOf(confirmation).at));
    const state = `held:${hold.named}`;
    const partner = { partner: hold.cluster ?? 0, partner_at, partner_tie };
    const linked = { ...confirmation, ...partner, state, node };
    await this.countLink(linked, 1);
    this.buffer.put(QUEUE, linked, confirmation);
    const holder = { ...free(0), state: "held", partner: confirmation.cluster ?? 0 };
    this.buffer.put(QUEUE, { ...hold, ...holder }, hold);
  }

  private async nearestHold(confirmation: Row, named: 0 | 1): Promise<Row | null> {
    const end = endOf(placeOf(confirmation));
    const state = `free:${named}`;
    const last = await this.before(confirmation, { side: "hold", state }, end);
    const link = await this.innermost(confirmation, `held:${named}`, [end, placeOf(confirmation)]);
    const held = link && (await this.partnerOf(link));
    if (last === null || held === null) return last ?? held;
    return isBefore(placeOf(last), placeOf(held)) ? held : last;
  }

  /** Of links to holds of one kind the innermost from before one place to behind another. */
  private async innermost(
    of: Row,
    state: string,
    [before, behind]: readonly [Place, Place],
  ): Promise<Row | null> {
    const { levels } = await this.levelsOf(of);
    const point = pointOf(behind.at);
    const found: (Row | null)[] = [];
    for (const level of Object.keys(levels[state] ?? {})) {
      const node = nodeAt(point, BigInt(level));
      found.push(await this.innermostAt(of, { side: "confirmation", state, node }, before, behind));
    }
    return firstOf(found);
  }

  /** The same of the links of one node, which all go over it. */
  private async innermostAt(
    of: Row,
    values: Values & Readonly<{ node: bigint }>,
    before: Place,
    behind: Place,
  ): Promise<Row | null> {
    if (values.node <= pointOf(behind.at)) {
      const next = await this.after(of, values, behind);
      if (next === null || isBefore(holdOf(next), before)) return next;
    }
    const inner = await this.before(of, values, before, "partner_");
    return inner !== null && isBefore(behind, placeOf(inner)) ? inner : null;
  }

  private after(of: Row, values: Values, place: Place): Promise<Row | null> {
    return this.one(of, values, place, { prefix: "", descending: false });
  }

  private before(of: Row, values: Values, place: Place, prefix = ""): Promise<Row | null> {
    return this.one(of, values, place, { prefix, descending: true });
  }

  private async one(
    { class: of = null }: Row,
    values: Values,
    { at, tie }: Place,
    { prefix, descending }: Readonly<{ prefix: string; descending: boolean }>,
  ): Promise<Row | null> {
    const selection = { beyond: [at, tie], descending, limit: 1 };
    const order = [`${prefix}at`, `${prefix}tie`];
    const [row = null] = await this.buffer.select(
      QUEUE,
      having({ class: of, ...values }, order, selection),
    );
    return row;
  }

  private async levelsOf({ class: of = null }: Row) {
    const stored = await this.buffer.get(QUEUE_LEVELS, [of]);
    const levels: Levels = stored === null ? {} : JSON.parse(String(stored.levels));
    return { stored, levels };
  }

  private async countLink(link: Row, by: 1 | -1): Promise<void> {
    const { stored, levels } = await this.levelsOf(link);
    const state = String(link.state);
    const level = String(levelOf(BigInt(link.node ?? 0)));
    const { [level]: count = 0, ...others } = levels[state] ?? {};
    levels[state] = count + by === 0 ? others : { ...others, [level]: count + by };
    const row = { class: link.class ?? null, levels: JSON.stringify(levels) };
    this.buffer.put(QUEUE_LEVELS, row, stored);
  }
}

/** A hold of the same instant comes before its confirmation. */
const pointOf = (at: bigint, side: Waiting["side"] = "confirmation"): bigint =>
  at * 2n + (side === "confirmation" ? 1n : 0n);

/** The point of an interval that is divisible by the greatest power of two. */
function nodeOf(from: bigint, to: bigint): bigint {
  const level = BigInt((from ^ to).toString(2).length - 1);
  return (to >> level) << level;
}

const levelOf = (node: bigint): number => (node & -node).toString(2).length - 1;

/** Where intervals of a level that contain a point have their node. */
const nodeAt = (point: bigint, level: bigint): bigint =>
  ((point >> (level + 1n)) << (level + 1n)) + (1n << level);
