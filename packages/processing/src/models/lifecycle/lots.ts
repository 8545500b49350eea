import { compareText } from "@counterfoil/core/exact/text";
import { lotsOf, updateLot } from "@counterfoil/core/lifecycle/deposit-parts";
import type { Row } from "../../ports/model-store.ts";
import type { RowBuffer } from "../../projection/row-buffer.ts";
import { everyRow } from "../../projection/selection.ts";
import { having, LOTS } from "./tables.ts";

/** A part with more equal parts than are joined by time. */
type LotPart = Readonly<{
  /** Only parts of the same group are paired. */
  group: string;
  side: string;
  cluster: number;
  /** A hexadecimal hash: it orders parts, and determines their lots. */
  tie: string;
}>;

/** A part is added, or removed if `comes` is false. */
type Change = Readonly<{ part: LotPart; comes: boolean }>;

type Effect = (a: number, b: number) => Promise<void>;

/** Pairs equal parts by lot, see core/lifecycle/deposit-parts.ts. */
export class Lots {
  private readonly buffer: RowBuffer;
  private readonly effects: Readonly<{ link: Effect; unlink: Effect }>;

  constructor(buffer: RowBuffer, effects: Readonly<{ link: Effect; unlink: Effect }>) {
    this.buffer = buffer;
    this.effects = effects;
  }

  /**
   * Adds a part to its side, or removes it.
   *
   * @param partner the side with which it is paired
   * @returns the part that is newly unpaired after all rounds, or no longer is
   */
  async change(change: Change, partner: string): Promise<Change> {
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
    const sideOf = (side: string): LotSide => ({
      ...{ group: part.group, side },
      lot: JSON.stringify([part.group, ...sides, round, number, side]),
    });
    const lotSides = [sideOf(part.side), sideOf(otherSide)] as const;
    const [own, other] = [await this.partsIn(lotSides[0]), await this.partsIn(lotSides[1])];
    const lot = { own: own.paired, freeOwn: own.free, other: other.paired, freeOther: other.free };
    const next = updateLot(lot, { item: part, comes }, inOrder);
    if (comes) await this.put(lotSides[0], part, FREE);
    await this.setPaired(lotSides[0], lot.own, next.own);
    await this.setPaired(lotSides[1], lot.other, next.other);
    if (!comes) await this.remove(lotSides[0], part);
    const inOrderOfSides = (a: readonly LotPart[], b: readonly LotPart[]) =>
      part.side === sides[0] ? pairsOf(a, b) : pairsOf(b, a);
    await this.relink(inOrderOfSides(lot.own, lot.other), inOrderOfSides(next.own, next.other));
    return { part: next.moved.item, comes: next.moved.comes };
  }

  private async setPaired(lotSide: LotSide, before: readonly LotPart[], now: readonly LotPart[]) {
    for (const one of now) if (!isIn(before, one)) await this.put(lotSide, one, PAIRED);
    for (const one of before) if (!isIn(now, one)) await this.put(lotSide, one, FREE);
  }

  private async put({ lot }: LotSide, { tie, cluster }: LotPart, free: 0 | 1): Promise<void> {
    const stored = await this.buffer.get(LOTS, [lot, tie, cluster]);
    this.buffer.put(LOTS, { lot, tie, cluster, free }, stored);
  }

  private async remove({ lot }: LotSide, { tie, cluster }: LotPart): Promise<void> {
    const stored = await this.buffer.get(LOTS, [lot, tie, cluster]);
    if (stored !== null) this.buffer.remove(LOTS, stored, stored);
  }

  private async relink(before: Pairs, now: Pairs): Promise<void> {
    for (const [text, [a, b]] of before) if (!now.has(text)) await this.effects.unlink(a, b);
    for (const [text, [a, b]] of now) if (!before.has(text)) await this.effects.link(a, b);
  }

  /** The paired parts of one side, and its first unpaired one. */
  private async partsIn(lotSide: LotSide) {
    const paired: LotPart[] = [];
    const all = having({ lot: lotSide.lot }, ["free", "tie", "cluster"], { limit: PAGE });
    for await (const row of everyRow(this.buffer, LOTS, all)) {
      if (row.free === FREE) return { paired, free: partIn(lotSide, row) };
      paired.push(partIn(lotSide, row));
    }
    return { paired, free: null };
  }
}

/** One side of one lot. */
type LotSide = Readonly<{ lot: string; group: string; side: string }>;

/** The paired clusters, by their ids; the one whose side sorts first comes first. */
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
/** The number of rows read at once; a lot has few pairs. */
const PAGE = 6;

const inOrder = (a: LotPart, b: LotPart): number =>
  compareText(a.tie, b.tie) || a.cluster - b.cluster;

const isIn = (parts: readonly LotPart[], one: LotPart): boolean =>
  parts.some((other) => inOrder(other, one) === 0);

const partIn = ({ group, side }: LotSide, { cluster, tie }: Row): LotPart => ({
  ...{ group, side, cluster: Number(cluster), tie: String(tie) },
});
