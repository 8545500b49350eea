import type { Row, Selection, Value } from "../../ports/table.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { QUEUE, QUEUE_LEVELS } from "./tables.ts";

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

export interface Matching {
  put(waiting: Waiting): Promise<void>;
  remove(waiting: Waiting): Promise<void>;
}

type Change = (confirmation: number, hold: number) => Promise<void>;

export type MatchingEffects = Readonly<{ link: Change; unlink: Change }>;

export function createMatching(buffer: RowBuffer, effects: MatchingEffects): Matching {
  const queue = new Queue(buffer);

  /** Offers a free hold to the confirmations behind a place. */
  async function offer(first: Row, behind: Place): Promise<void> {
    let hold = first;
    for (let place = behind; ; ) {
      const taker = await queue.firstTaker(hold, place);
      if (taker === null) return queue.setFree(hold);
      const left = await queue.partnerOf(taker);
      if (left !== null) await effects.unlink(Number(taker.cluster), Number(left.cluster));
      await link(taker, hold);
      if (left === null) return;
      hold = left;
      place = placeOf(taker);
    }
  }

  /** Finds a hold for a confirmation, and for those that lose theirs by it. */
  async function seek(first: Row): Promise<void> {
    let confirmation = first;
    for (;;) {
      const hold = await queue.bestHold(confirmation);
      if (hold === null) return queue.setFree(confirmation);
      const loser = await queue.partnerOf(hold);
      if (loser !== null) await effects.unlink(Number(loser.cluster), Number(hold.cluster));
      await link(confirmation, hold);
      if (loser === null) return;
      confirmation = loser;
    }
  }

  async function link(confirmation: Row, hold: Row): Promise<void> {
    await queue.setLinked(confirmation, hold);
    await effects.link(Number(confirmation.cluster), Number(hold.cluster));
  }

  return {
    async put(waiting) {
      const row = rowOf(waiting);
      buffer.put(QUEUE, row, null);
      if (waiting.side === "confirmation") return seek(row);
      return offer(row, { at: waiting.at, tie: "" });
    },
    async remove({ class: of, side, cluster }) {
      const row = await buffer.get(QUEUE, [of, side, cluster]);
      if (row === null) return;
      const partner = await queue.partnerOf(row);
      await queue.setFree(row);
      const free = (await buffer.get(QUEUE, [of, side, cluster])) ?? row;
      buffer.remove(QUEUE, free, free);
      if (partner === null) return;
      const [confirmation, hold] = side === "hold" ? [partner, row] : [row, partner];
      await effects.unlink(Number(confirmation.cluster), Number(hold.cluster));
      await (side === "hold" ? seek(partner) : offer(partner, placeOf(row)));
    },
  };
}

type Place = Readonly<{ at: bigint; tie: string }>;

const placeOf = ({ at, tie }: Row): Place => ({ at: BigInt(at ?? 0), tie: String(tie) });
const holdOf = ({ partner_at, partner_tie }: Row): Place => ({
  at: BigInt(partner_at ?? 0),
  tie: String(partner_tie),
});

const isBefore = (a: Place, b: Place): boolean => (a.at === b.at ? a.tie < b.tie : a.at < b.at);

function rowOf({ named, ...waiting }: Waiting): Row {
  return { ...waiting, named: Number(named), ...free(Number(named)) };
}

const free = (named: Value | undefined) => ({
  state: `free:${named}`,
  partner: 0,
  partner_at: 0n,
  partner_tie: "",
  node: 0n,
});

/** The looks into the queue of one class, each of one row. */
class Queue {
  private readonly buffer: RowBuffer;

  constructor(buffer: RowBuffer) {
    this.buffer = buffer;
  }

  async firstTaker(hold: Row, q: Place): Promise<Row | null> {
    const side = "confirmation";
    const next = await this.after(hold, { side }, q);
    if (next === null || this.prefers(next, hold)) return next;
    const isNamed = hold.named === 1;
    const takers = [
      await this.after(hold, { side, state: "free:0" }, q),
      isNamed ? null : await this.after(hold, { side, state: "free:1" }, q),
      isNamed ? null : await this.after(hold, { side, state: "held:1" }, q),
      await this.firstLinkOver(hold, `held:${hold.named}`, q),
    ];
    const found = takers.filter((taker) => taker !== null);
    return found.reduce<Row | null>(
      (first, taker) =>
        first === null || isBefore(placeOf(taker), placeOf(first)) ? taker : first,
      null,
    );
  }

  async bestHold(confirmation: Row): Promise<Row | null> {
    const unnamed = await this.bestOf(confirmation, 0);
    return unnamed ?? (confirmation.named === 1 ? null : this.bestOf(confirmation, 1));
  }

  async setFree(row: Row): Promise<void> {
    const stored = await this.buffer.get(QUEUE, [
      row.class ?? "",
      row.side ?? "",
      row.cluster ?? 0,
    ]);
    if (stored === null) return;
    if (stored.node !== 0n)
      await this.countLevel(stored, String(stored.state), BigInt(stored.node ?? 0), -1);
    this.buffer.put(QUEUE, { ...stored, ...free(stored.named) }, stored);
  }

  async setLinked(confirmation: Row, hold: Row): Promise<void> {
    await this.setFree(confirmation);
    const state = `held:${hold.named}`;
    const { at, tie } = placeOf(hold);
    const node = nodeOf(keyOf(at, "hold"), keyOf(placeOf(confirmation).at, "confirmation"));
    await this.countLevel(confirmation, state, node, 1);
    const linked = { state, partner: hold.cluster ?? 0, partner_at: at, partner_tie: tie, node };
    this.buffer.put(QUEUE, { ...confirmation, ...linked }, confirmation);
    const holder = { ...free(0), state: "held", partner: confirmation.cluster ?? 0 };
    this.buffer.put(QUEUE, { ...hold, ...holder }, hold);
  }

  private async one(of: Row, selection: Omit<Selection, "limit">): Promise<Row | null> {
    const where = [{ column: "class", is: "=" as const, value: of.class ?? "" }];
    const all = { ...selection, where: [...where, ...(selection.where ?? [])], limit: 1 };
    return (await this.buffer.select(QUEUE, all))[0] ?? null;
  }

  private readonly equal = (values: Readonly<Record<string, Value>>) =>
    Object.entries(values).map(([column, value]) => ({ column, is: "=" as const, value }));

  private readonly after = (
    of: Row,
    values: Readonly<Record<string, Value>>,
    { at, tie }: Place,
  ) => {
    const fixed = { class: of.class ?? "", ...values };
    const orderBy = [...Object.keys(fixed), "at", "tie"];
    return this.one(of, {
      where: this.equal(values),
      orderBy,
      beyond: [...Object.values(fixed), at, tie],
    });
  };

  /** The last hold of a state that is no later than a confirmation. */
  private readonly lastHold = (of: Row, state: string) =>
    this.one(of, {
      where: [
        ...this.equal({ side: "hold", state }),
        { column: "at", is: "<=", value: of.at ?? 0n },
      ],
      orderBy: ["class", "side", "state", "at", "tie"],
      descending: true,
    });

  /** At a node, the link whose hold is the last one before a place. */
  private readonly innerBefore = (
    of: Row,
    values: Readonly<Record<string, Value>>,
    { at, tie }: Place,
  ) => {
    const fixed = { class: of.class ?? "", ...values };
    const orderBy = [...Object.keys(fixed), "partner_at", "partner_tie"];
    const beyond = [...Object.values(fixed), at, tie];
    return this.one(of, { where: this.equal(values), orderBy, descending: true, beyond });
  };

  private readonly nodesAt = async (of: Row, state: string, { at }: Place) => {
    const levels = await this.levelsOf(of);
    const key = keyOf(at, "confirmation");
    return Object.keys(levels[state] ?? {}).map((level) => nodeAt(key, BigInt(level)));
  };

  private async levelsOf({ class: of = null }: Row): Promise<Levels> {
    const row = await this.buffer.get(QUEUE_LEVELS, [of]);
    return row === null ? {} : JSON.parse(String(row.levels));
  }

  private async countLevel(of: Row, state: string, node: bigint, by: number): Promise<void> {
    const stored = await this.buffer.get(QUEUE_LEVELS, [of.class ?? null]);
    const levels: Levels = stored === null ? {} : JSON.parse(String(stored.levels));
    const ofState = levels[state] ?? {};
    levels[state] = ofState;
    const level = String(levelOf(node));
    ofState[level] = (ofState[level] ?? 0) + by;
    if (ofState[level] === 0) delete ofState[level];
    const row = { class: of.class ?? null, levels: JSON.stringify(levels) };
    this.buffer.put(QUEUE_LEVELS, row, stored);
  }

  /** The first confirmation behind `q` that holds a hold of this kind from before `hold`. */
  private async firstLinkOver(hold: Row, state: string, q: Place): Promise<Row | null> {
    const before = placeOf(hold);
    let found: Row | null = null;
    for (const node of await this.nodesAt(hold, state, q)) {
      const values = { side: "confirmation", state, node };
      const link = await this.linkAtNode(hold, values, { before, q, node });
      if (link !== null && (found === null || isBefore(placeOf(link), placeOf(found))))
        found = link;
    }
    return found;
  }

  private async linkAtNode(
    hold: Row,
    values: Readonly<Record<string, Value>>,
    { before, q, node }: Over,
  ): Promise<Row | null> {
    if (node <= keyOf(q.at, "confirmation")) {
      const next = await this.after(hold, values, q);
      if (next === null || isBefore(holdOf(next), before)) return next;
    }
    const inner = await this.innerBefore(hold, values, before);
    return inner !== null && isBefore(q, placeOf(inner)) ? inner : null;
  }

  /** The last hold of this kind that a later confirmation holds over this one. */
  private async heldOver(confirmation: Row, state: string): Promise<Row | null> {
    const q = placeOf(confirmation);
    let found: Row | null = null;
    for (const node of await this.nodesAt(confirmation, state, q)) {
      const values = { side: "confirmation", state, node };
      const link =
        node <= keyOf(q.at, "confirmation")
          ? await this.after(confirmation, values, q)
          : await this.innerBefore(confirmation, values, { at: q.at, tie: "\u{10ffff}" });
      if (link !== null && (found === null || isBefore(holdOf(found), holdOf(link)))) found = link;
    }
    return found;
  }

  private async bestOf(confirmation: Row, named: 0 | 1): Promise<Row | null> {
    const free = await this.lastHold(confirmation, `free:${named}`);
    const link = await this.heldOver(confirmation, `held:${named}`);
    const held = link && (await this.partnerOf(link));
    if (free === null || held === null) return free ?? held;
    return isBefore(placeOf(free), placeOf(held)) ? held : free;
  }

  async partnerOf({ class: of = null, side, partner }: Row): Promise<Row | null> {
    if (partner === 0) return null;
    const other = side === "hold" ? "confirmation" : "hold";
    return this.buffer.get(QUEUE, [of, other, partner ?? 0]);
  }

  /** Whether a confirmation would rather have this hold. */
  private readonly prefers = (confirmation: Row, hold: Row): boolean => {
    if (confirmation.named === 1 && hold.named === 1) return false;
    const { state } = confirmation;
    if (String(state).startsWith("free")) return true;
    if (state === "held:1")
      return hold.named === 0 || isBefore(holdOf(confirmation), placeOf(hold));
    return hold.named === 0 && isBefore(holdOf(confirmation), placeOf(hold));
  };
}

type Over = Readonly<{ before: Place; q: Place; node: bigint }>;
/** By state of the confirmation, then by level: how many links. */
type Levels = Record<string, Record<string, number>>;

/** A hold of the same instant comes before its confirmation. */
const keyOf = (at: bigint, side: Waiting["side"]): bigint =>
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
