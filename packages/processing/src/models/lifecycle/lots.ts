import { compareText } from "@counterfoil/core/exact/text";
import { lotsOf, updateLot } from "@counterfoil/core/lifecycle/deposit-parts";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { having, LOTS } from "./tables.ts";

/** One among more equal ones than are joined by time. */
type LotPart = Readonly<{
  /** Only parts of one are dealt with one another. */
  pile: string;
  side: string;
  cluster: number;
  /** A number in hexadecimal that nothing explains: it orders parts, and gives them their lots. */
  tie: string;
}>;

/** A part comes to those that are dealt with one another, or leaves them. */
type Change = Readonly<{ part: LotPart; comes: boolean }>;

type Effect = (a: number, b: number) => Promise<void>;

/** Equal ones that are joined by lot, see core/lifecycle/deposit-parts.ts. */
export class Lots {
  private readonly buffer: RowBuffer;
  private readonly effects: Readonly<{ link: Effect; unlink: Effect }>;

  constructor(buffer: RowBuffer, effects: Readonly<{ link: Effect; unlink: Effect }>) {
    this.buffer = buffer;
    this.effects = effects;
  }

  /**
   * One comes to those of its side, or leaves them.
   *
   * @param partner the side with which they are dealt
   * @returns who has no partner after all rounds, or has one now
   */
  async deal(change: Change, partner: string): Promise<Change> {
    const sides = [change.part.side, partner].sort() as [string, string];
    let moved = change;
    for (let round = 0; round < ROUNDS; round += 1) moved = await this.step(sides, round, moved);
    return moved;
  }

  private async step(
    sides: readonly [string, string],
    round: number,
    { part, comes }: Change,
  ): Promise<Change> {
    const number = String(lotsOf(BigInt(`0x${part.tie}`))[round]);
    const otherSide = part.side === sides[0] ? sides[1] : sides[0];
    const seatsOf = (side: string): Seats => ({
      ...{ pile: part.pile, side },
      lot: JSON.stringify([part.pile, ...sides, round, number, side]),
    });
    const seats = [seatsOf(part.side), seatsOf(otherSide)] as const;
    const [own, other] = [await this.partsIn(seats[0]), await this.partsIn(seats[1])];
    const lot = { own: own.paired, freeOwn: own.free, other: other.paired, freeOther: other.free };
    const next = updateLot(lot, { item: part, comes }, inOrder);
    if (comes) await this.put(seats[0], part, FREE);
    await this.keep(seats[0], lot.own, next.own);
    await this.keep(seats[1], lot.other, next.other);
    if (!comes) await this.remove(seats[0], part);
    const inOrderOfSides = (a: readonly LotPart[], b: readonly LotPart[]) =>
      part.side === sides[0] ? pairsOf(a, b) : pairsOf(b, a);
    await this.relink(inOrderOfSides(lot.own, lot.other), inOrderOfSides(next.own, next.other));
    return { part: next.moved.item, comes: next.moved.comes };
  }

  private async keep(seats: Seats, before: readonly LotPart[], now: readonly LotPart[]) {
    for (const one of now) if (!isIn(before, one)) await this.put(seats, one, PAIRED);
    for (const one of before) if (!isIn(now, one)) await this.put(seats, one, FREE);
  }

  private async put({ lot }: Seats, { tie, cluster }: LotPart, free: 0 | 1): Promise<void> {
    const stored = await this.buffer.get(LOTS, [lot, tie, cluster]);
    this.buffer.put(LOTS, { lot, tie, cluster, free }, stored);
  }

  private async remove({ lot }: Seats, { tie, cluster }: LotPart): Promise<void> {
    const stored = await this.buffer.get(LOTS, [lot, tie, cluster]);
    if (stored !== null) this.buffer.remove(LOTS, stored, stored);
  }

  private async relink(before: Pairs, now: Pairs): Promise<void> {
    for (const [text, [a, b]] of before) if (!now.has(text)) await this.effects.unlink(a, b);
    for (const [text, [a, b]] of now) if (!before.has(text)) await this.effects.link(a, b);
  }

  /** Those of one side that are pairs, and the first one behind them. */
  private async partsIn(seats: Seats) {
    const paired: LotPart[] = [];
    const all = having({ lot: seats.lot }, ["free", "tie", "cluster"], { limit: AT_ONCE });
    for await (const row of everyRow(this.buffer, LOTS, all)) {
      if (row.free === FREE) return { paired, free: partIn(seats, row) };
      paired.push(partIn(seats, row));
    }
    return { paired, free: null };
  }
}

/** Where the parts of one side are, in one lot. */
type Seats = Readonly<{ lot: string; pile: string; side: string }>;

/** By their numbers, which clusters are pairs; first the one whose side is first in the alphabet. */
type Pairs = ReadonlyMap<string, readonly [a: number, b: number]>;

const pairsOf = (first: readonly LotPart[], second: readonly LotPart[]): Pairs =>
  new Map(
    first.map(({ cluster: a }, rank) => {
      const b = (second[rank] as LotPart).cluster;
      return [`${a} ${b}`, [a, b]];
    }),
  );

const ROUNDS = lotsOf(0n).length;
const [PAIRED, FREE] = [0, 1] as const;
/** Few are pairs in a lot. */
const AT_ONCE = 6;

const inOrder = (a: LotPart, b: LotPart): number =>
  compareText(a.tie, b.tie) || a.cluster - b.cluster;

const isIn = (parts: readonly LotPart[], one: LotPart): boolean =>
  parts.some((other) => inOrder(other, one) === 0);

const partIn = ({ pile, side }: Seats, { cluster, tie }: Row): LotPart => ({
  ...{ pile, side, cluster: Number(cluster), tie: String(tie) },
});
