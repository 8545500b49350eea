import { availableParallelism } from "node:os";
import { HOT_SHAPES, type HotShape } from "../test/system/hot-shapes.ts";
import type { HotFigures, HotWork } from "./hot-process.ts";
import { type BenchOptions, type BenchRow, measureInProcess, median } from "./measure.ts";

const MEBIBYTE = 1024 ** 2;

/**
 * Traffic of one key, in every shape that is known to be hard: what a fact of many costs beside a
 * fact of a tenth as many, live and rebuilt, on SQLite, each in a process of its own. Plain traffic
 * goes the same way.
 */
export async function benchHot({ facts, rounds }: BenchOptions): Promise<readonly BenchRow[]> {
  const cases = HOT_SHAPES.flatMap((shape) => kindsOf(shape).map((kind) => ({ shape, kind })));
  const measured: Measured[] = [];
  const queue = cases.entries();
  // Time of the processor is measured, so that one on each of them disturbs none.
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (const [at, { shape, kind }] of queue) {
      const figures: HotFigures[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const work: HotWork = { shape: shape.name, kind, facts };
        figures.push(await measureInProcess("hot-process.ts", [JSON.stringify(work)]));
      }
      measured[at] = { shape, kind, figures };
    }
  });
  await Promise.all(workers);
  return [...measured.map((one) => costRow(one, measured)), memoryRow(measured)];
}

type Measured = Readonly<{
  shape: HotShape;
  kind: HotWork["kind"];
  figures: readonly HotFigures[];
}>;

/** Lifecycles commit as often in a rebuild as they do live. */
const kindsOf = ({ model }: HotShape): readonly HotWork["kind"][] =>
  model === "balances" ? ["live", "rebuilt"] : ["live"];

const rateOf = ({ figures }: Measured, of: "secondsOfFew" | "secondsOfMany"): number =>
  1 / median(figures.map((one) => one[of]));

const memoryOf = ({ figures }: Measured): number =>
  Math.max(...figures.map(({ rssBytesMax }) => rssBytesMax)) / MEBIBYTE;

function costRow(one: Measured, all: readonly Measured[]): BenchRow {
  const { shape, kind, figures } = one;
  const plain = all.find((other) => other.kind === kind && isPlainBeside(other.shape, shape));
  const beside = plain === undefined || plain === one ? "" : `${factsPerSecond(plain)} plain, `;
  return {
    name: `hot: ${shape.name}, ${kind}, ${(figures[0]?.facts ?? 0).toLocaleString("en")} facts`,
    unit: "facts/s",
    ours: rateOf(one, "secondsOfMany"),
    limit: rateOf(one, "secondsOfFew"),
    limitName: "a tenth of them",
    ratio: median(figures.map(({ secondsOfFew, secondsOfMany }) => secondsOfMany / secondsOfFew)),
    target: 1.5,
    isBetterBelow: true,
    note: `${beside}${memoryOf(one).toFixed(0)} MiB RSS; the ratio is of the time a fact`,
  };
}

/** Plain traffic of balances beside balances, that of lifecycles beside lifecycles. */
const isPlainBeside = (plain: HotShape, { model }: HotShape): boolean =>
  plain.isPlain && (plain.model === "balances") === (model === "balances");

const factsPerSecond = (one: Measured): string =>
  `${Math.round(rateOf(one, "secondsOfMany")).toLocaleString("en")} facts/s`;

function memoryRow(measured: readonly Measured[]): BenchRow {
  const most = measured.reduce((a, b) => (memoryOf(b) > memoryOf(a) ? b : a));
  return {
    name: "hot: memory of any of them",
    unit: "MiB RSS",
    ours: memoryOf(most),
    limit: null,
    limitName: "",
    ratio: null,
    target: 512,
    isBetterBelow: true,
    note: `${most.shape.name}, ${most.kind}`,
  };
}
