import { HOT_SHAPES, type HotShape, hotEvents } from "../test/system/hot-shapes.ts";
import { inFolder, openBenchStream } from "./append.ts";
import type { HotFigures, HotWork } from "./hot-process.ts";
import { type BenchOptions, type BenchRow, measureApart, median } from "./measure.ts";

const MEBIBYTE = 1024 ** 2;

/** A tenth of the facts is done before anything is measured of it: so often it is folded then. */
const TIMES_FEW = 3;

/**
 * Traffic of one key, in every shape that is known to be hard: what a fact of many costs beside a
 * fact of a tenth as many, live and rebuilt, on SQLite, each in a process of its own. Plain traffic
 * goes the same way.
 */
export async function benchHot({ facts, rounds }: BenchOptions): Promise<readonly BenchRow[]> {
  const measured: Measured[] = [];
  for (const shape of HOT_SHAPES) {
    measured.push(...(await measure(shape, facts, rounds)));
  }
  return [...measured.map((one) => costRow(one, measured)), memoryRow(measured)];
}

type Kind = HotWork["kind"];
const KINDS: readonly Kind[] = ["live", "rebuilt"];

type Pair = Readonly<{ few: HotFigures; many: HotFigures }>;
type Measured = Readonly<{ shape: HotShape; kind: Kind; facts: number; pairs: readonly Pair[] }>;

function measure(shape: HotShape, facts: number, rounds: number): Promise<readonly Measured[]> {
  const few = Math.ceil(facts / 10);
  return withLedger(shape, few, (fewDir, fewFacts) =>
    withLedger(shape, facts, async (manyDir, manyFacts) => {
      const common = { model: shape.model, warmUpDir: fewDir };
      const measured: Measured[] = [];
      for (const kind of KINDS) {
        const ofFew = { ...common, kind, dataDir: fewDir, facts: fewFacts, times: TIMES_FEW };
        const ofMany = { ...common, kind, dataDir: manyDir, facts: manyFacts, times: 1 };
        const pairs: Pair[] = [];
        for (let round = 0; round < rounds; round += 1) {
          pairs.push({ few: await foldApart(ofFew), many: await foldApart(ofMany) });
        }
        measured.push({ shape, kind, facts: manyFacts, pairs });
      }
      return measured;
    }),
  );
}

const rateOf = (pairs: readonly Pair[], of: keyof Pair): number =>
  1 / median(pairs.map((pair) => pair[of].secondsPerFact));

const memoryOf = ({ pairs }: Measured): number =>
  Math.max(...pairs.flatMap(({ few, many }) => [few.rssBytesMax, many.rssBytesMax])) / MEBIBYTE;

function costRow(one: Measured, all: readonly Measured[]): BenchRow {
  const { shape, kind, facts, pairs } = one;
  const plain = all.find((other) => other.kind === kind && isPlainBeside(other.shape, shape));
  const beside = plain === undefined || plain === one ? "" : `${factsPerSecond(plain)} plain, `;
  return {
    name: `hot: ${shape.name}, ${kind}, ${facts.toLocaleString("en")} facts`,
    unit: "facts/s",
    ours: rateOf(pairs, "many"),
    limit: rateOf(pairs, "few"),
    limitName: "a tenth of them",
    ratio: median(pairs.map(({ few, many }) => many.secondsPerFact / few.secondsPerFact)),
    target: 1.5,
    isBetterBelow: true,
    note: `${beside}${memoryOf(one).toFixed(0)} MiB RSS; the ratio is of the time a fact`,
  };
}

/** Plain traffic of balances beside balances, that of lifecycles beside lifecycles. */
const isPlainBeside = (plain: HotShape, { model }: HotShape): boolean =>
  plain.isPlain && (plain.model === "balances") === (model === "balances");

function factsPerSecond({ pairs }: Measured): string {
  return `${Math.round(rateOf(pairs, "many")).toLocaleString("en")} facts/s`;
}

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

const BATCH = 1000;

function withLedger<T>(
  { deliveries }: HotShape,
  facts: number,
  work: (dataDir: string, facts: number) => Promise<T>,
): Promise<T> {
  return inFolder(async (dataDir) => {
    const stream = await openBenchStream(dataDir);
    const events = [...hotEvents(deliveries(facts))];
    for (let at = 0; at < events.length; at += BATCH) {
      const { outcome } = await stream.append(at, events.slice(at, at + BATCH));
      if (outcome === "conflict") throw new Error("the bench is alone on its stream");
    }
    await stream.close();
    return work(dataDir, events.length);
  });
}

const foldApart = (work: HotWork): Promise<HotFigures> =>
  measureApart("hot-process.ts", [JSON.stringify(work)]);
